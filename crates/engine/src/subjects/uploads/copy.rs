//! Filling the chunks of an upload with bytes of existing objects, in bounded steps.
//!
//! A copy has no state besides its upload: each step names the upload and its sources, with the revisions that they must have. So a
//! source that has changed ends the copy with an error, and the upload has its received chunks as before.

use std::collections::BTreeMap;
use std::ops::Range;

use ic_stable_structures::Memory;
use stable_storage_api::limits::{CHUNK_BYTES, COPY_STEP_BYTES};
use stable_storage_api::{CopySource, Error, Received};

use super::Uploads;
use super::chunk::commit_received;
use super::record::Record;
use super::status::missing;
use crate::base::caller::Caller;
use crate::core::change::{Change, Span};
use crate::core::extents::Extents;
use crate::core::table::{Table, pieces, set_bits};
use crate::memory::space::StoreMemory;
use crate::structures::arena::Extent;
use crate::subjects::objects::{EntryHeader, SourceBytes, ValueLocation, parts_of};

/// Number of chunks that one step copies.
const STEP_CHUNKS: usize = (COPY_STEP_BYTES / CHUNK_BYTES) as usize;

/// A range of an object, and its offset in the bytes of all sources.
struct Source {
    start: u64,
    length: u64,
    /// Offset of the range from the start of the object.
    offset: u64,
    location: Location,
}

/// The location of an object's bytes, independent of the index.
enum Location {
    Inline(Vec<u8>),
    Arena(ValueLocation<'static>),
}

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Fills missing chunks of an upload that the ranges of the sources cover entirely, at most 64 MiB of them. A call that
    /// finds none missing resets the expiry of the upload, like a repeated chunk.
    pub(crate) fn copy_chunks(
        &self,
        id: u64,
        first: u64,
        sources: &[CopySource],
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Received, Error> {
        CopySource::check_all(sources)?;
        let record = self.upload_record(id, caller, now_ns)?;
        let size = record.size.filter(|_| !record.is_unsized);
        let size =
            size.ok_or_else(|| Error::invalid("copy_chunks needs an upload that was opened with a size"))?;
        let (sources, length) = self.sources(sources)?;
        let chunks = covered_chunks(first, length, size)?;
        let table = record.table();
        let mut bitmap = table.bitmap(&self.core.arena)?;
        let indices: Vec<_> = missing(&bitmap, chunks.end)
            .flat_map(|range| range.first..range.last + 1)
            .filter(|index| *index >= chunks.start)
            .take(STEP_CHUNKS)
            .collect();
        let (Some(lowest), Some(highest)) = (indices.first(), indices.last()) else {
            return self.keep_upload(id, record, now_ns);
        };

        let mut change = Change::new(self.core);
        let mut fresh = BTreeMap::new();
        let mut copied = 0;
        for index in &indices {
            let start = index * CHUNK_BYTES;
            let length = CHUNK_BYTES.min(size - start);
            let targets = self.targets(table, start, length, &mut fresh, &mut change.extents)?;
            let from = start - first * CHUNK_BYTES;
            self.stage_copy(&mut change, &sources, from..from + length, targets)?;
            copied += length;
        }
        for (number, extent) in &fresh {
            let (offset, entry) = Table::entry(*number, *extent);
            change.write(table.extent(), offset, entry.to_vec());
        }
        set_bits(&mut bitmap, indices.iter().copied());
        let changed = (lowest / 8) as usize..(highest / 8 + 1) as usize;
        let offset = table.bitmap_at() + changed.start as u64;
        change.write(table.extent(), offset, bitmap[changed].to_vec());

        let allocated = fresh.len() as u64;
        let record = Record {
            received: record.received + copied,
            reserved_slots: record.reserved_slots.saturating_sub(allocated),
            touched_ns: now_ns,
            ..record
        };
        commit_received(change, id, &record, allocated)
    }

    /// Finds the sources and checks their revisions and ranges. Returns them with the number of their bytes.
    fn sources(&self, sources: &[CopySource]) -> Result<(Vec<Source>, u64), Error> {
        let (mut found, mut end) = (Vec::with_capacity(sources.len()), 0_u64);
        for source in sources {
            let source = Source { start: end, ..self.source(source)? };
            // An object is smaller than stable memory, so a thousand of them are far from an overflow.
            end += source.length;
            found.push(source);
        }
        Ok((found, end))
    }

    fn source(&self, source: &CopySource) -> Result<Source, Error> {
        let found = self.core.index.get_with(source.key.as_bytes(), |bytes| {
            let header = EntryHeader::decode(bytes)?;
            if header.revision != source.revision {
                return Err(Error::RevisionMismatch { current: Some(header.revision) });
            }
            let offset = source.offset.unwrap_or(0);
            let length = source.length.unwrap_or_else(|| header.size.saturating_sub(offset));
            if offset.checked_add(length).is_none_or(|end| end > header.size) {
                return Err(Error::OutOfRange { offset, length, size: header.size });
            }
            let location = match header.location {
                ValueLocation::Inline(value) => Location::Inline(value.to_vec()),
                ValueLocation::Extent(extent) => Location::Arena(ValueLocation::Extent(extent)),
                ValueLocation::Table(table) => Location::Arena(ValueLocation::Table(table)),
            };
            Ok(Source { start: 0, length, offset, location })
        });
        found?.unwrap_or(Err(Error::NotFound))
    }

    /// Returns the ranges of extents that a range of the upload consists of. Those that do not exist are allocated, and added to
    /// `fresh`.
    fn targets(
        &self,
        table: Table,
        start: u64,
        length: u64,
        fresh: &mut BTreeMap<u64, Extent>,
        extents: &mut Extents<'_, StoreMemory<M>>,
    ) -> Result<Vec<Span>, Error> {
        let mut targets = Vec::new();
        for piece in pieces(start, length) {
            let bytes = table.extent_bytes(piece.number);
            let extent = match (fresh.get(&piece.number), table.get(&self.core.arena, piece.number)?) {
                (Some(extent), _) => *extent,
                (None, Some(extent)) => {
                    // No checksum covers the table, so an entry may point to another owner's extent.
                    self.core.arena.require(extent, bytes)?;
                    extent
                }
                (None, None) => {
                    let extent = extents.allocate(bytes)?;
                    fresh.insert(piece.number, extent);
                    extent
                }
            };
            targets.push(Span { extent, offset: piece.offset, length: piece.length });
        }
        Ok(targets)
    }

    /// Adds the copy of a range of the sources to a change.
    fn stage_copy(
        &self,
        change: &mut Change<'_, M>,
        sources: &[Source],
        range: Range<u64>,
        targets: Vec<Span>,
    ) -> Result<(), Error> {
        let mut targets = Targets(targets.into());
        let after = sources.partition_point(|source| source.start + source.length <= range.start);
        for source in sources[after..].iter().take_while(|source| source.start < range.end) {
            let start = range.start.max(source.start);
            let length = range.end.min(source.start + source.length) - start;
            let offset = source.offset + (start - source.start);
            let location = match &source.location {
                Location::Inline(value) => ValueLocation::Inline(value),
                Location::Arena(location) => *location,
            };
            for part in parts_of(self.core, location, offset, length)? {
                match part {
                    SourceBytes::Inline(bytes) => {
                        let mut rest = &bytes[..];
                        for to in targets.take(bytes.len() as u64) {
                            let (now, after) = rest.split_at(to.length as usize);
                            change.write(to.extent, to.offset, now.to_vec());
                            rest = after;
                        }
                    }
                    SourceBytes::Extent(mut from) => {
                        for to in targets.take(from.length) {
                            change.copy(Span { length: to.length, ..from }, to)?;
                            from = Span { offset: from.offset + to.length, ..from };
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The ranges of a chunk that have not been given bytes yet, in order.
struct Targets(std::collections::VecDeque<Span>);

impl Targets {
    /// Takes ranges of `length` bytes together.
    fn take(&mut self, mut length: u64) -> Vec<Span> {
        let mut taken = Vec::new();
        while length > 0 {
            let span = self.0.pop_front().expect("a chunk has room for all of its bytes");
            let part = Span { length: span.length.min(length), ..span };
            if part.length < span.length {
                let (offset, length) = (span.offset + part.length, span.length - part.length);
                self.0.push_front(Span { offset, length, ..span });
            }
            length -= part.length;
            taken.push(part);
        }
        taken
    }
}

/// Returns the chunks that are covered entirely by `length` bytes from the start of chunk `first`.
///
/// # Errors
///
/// [`Error::OutOfRange`] for bytes after the end of the upload, and [`Error::InvalidArgument`] for less than a chunk.
fn covered_chunks(first: u64, length: u64, size: u64) -> Result<Range<u64>, Error> {
    let start = first.saturating_mul(CHUNK_BYTES);
    let end = start.saturating_add(length);
    if start >= size || end > size {
        return Err(Error::OutOfRange { offset: start, length, size });
    }
    let last = if end == size { size.div_ceil(CHUNK_BYTES) } else { end / CHUNK_BYTES };
    if last <= first {
        let needed = CHUNK_BYTES.min(size - start);
        return Err(Error::invalid(format!(
            "the sources have {length} bytes, and chunk {first} of the upload has {needed}"
        )));
    }
    Ok(first..last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_bytes_than_the_last_chunk_has_are_refused_with_its_length() {
        let size = CHUNK_BYTES + 5;
        assert_eq!(covered_chunks(1, 5, size), Ok(1..2));
        let error = covered_chunks(1, 3, size).unwrap_err().to_string();
        assert!(error.ends_with("the sources have 3 bytes, and chunk 1 of the upload has 5"), "{error}");
    }
}
