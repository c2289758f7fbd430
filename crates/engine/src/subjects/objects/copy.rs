//! Copying an object within the store.

use ic_stable_structures::Memory;
use stable_storage_api::limits::COPY_STEP_BYTES;
use stable_storage_api::{Condition, CopyArgs, CopyMetadata, Error, MetadataPair, Written};

use super::Objects;
use super::entry::{Entry, ValueLocation};
use super::metadata::{Digest, Metadata, Pairs};
use super::{check_condition, existing_at, free};
use crate::base::caller::Caller;
use crate::core::Core;
use crate::core::change::{Change, Span};
use crate::core::table::{Table, pieces};

impl<M: Memory + Clone> Objects<'_, M> {
    /// Copies an object of at most 64 MiB to another key, and replaces the object under that key if the condition on it holds.
    /// With the same key twice, gives an object of any size other metadata. `now_ns` is the time in nanoseconds since 1970.
    pub(crate) fn copy(&self, args: &CopyArgs, caller: &Caller, now_ns: u64) -> Result<Written, Error> {
        args.check()?;
        let (from, to) = (args.from.as_bytes(), args.to.as_bytes());
        let mut change = Change::new(self.core);
        let located = change.index.locate(from)?;
        let raw = change.index.look(located, <[u8]>::to_vec)?.ok_or(Error::NotFound)?;
        let source = Entry::decode(&raw)?;
        let digest = source.metadata.digest.as_ref().and_then(Digest::held);
        args.check_source(source.revision, digest.map(<[u8; 32]>::as_slice))?;
        let is_same = from == to;
        if !is_same && source.size > COPY_STEP_BYTES {
            return Err(Error::TooLarge { size: source.size, limit: COPY_STEP_BYTES });
        }
        let target = change.index.locate(to)?;
        let existing = existing_at(&mut change, target)?;
        let condition = args.condition.as_ref().unwrap_or(&Condition::Any);
        check_condition(&mut change, target, existing, condition)?;

        // The bytes of an object that gets other metadata stay where they are.
        let location = if is_same { source.location } else { self.stage_bytes(&mut change, &source)? };
        free(&mut change.extents, existing.filter(|_| !is_same))?;
        let replaced = existing.map_or(0, |existing| existing.size);
        change.ledger = change.ledger.after(1, source.size, replaced)?;
        let revision = change.ledger.revision;
        let kept = self.metadata_under(to, &source)?;
        let pairs = args.metadata.as_ref().map(encoded_pairs).unwrap_or_default();
        let described = args.metadata.as_ref().map_or(kept, |given| replaced_by(kept, given, &pairs));
        let copy = Entry {
            revision,
            created_ns: existing.map_or(now_ns, |existing| existing.created_ns),
            modified_ns: now_ns,
            metadata: Metadata { owner: (!caller.is_admin).then_some(caller.principal), ..described },
            location,
            ..source
        };
        self.keep_pieces(&mut change, source.revision, revision)?;
        self.write(&mut change, target, to, (&copy.encode().0, &[]))?;
        change.reserve()?.commit();
        Ok(Written { revision })
    }

    /// Adds the copy of an object's bytes to a change, and returns their new location: one of the same kind.
    fn stage_bytes<'e>(
        &self,
        change: &mut Change<'_, M>,
        source: &Entry<'e>,
    ) -> Result<ValueLocation<'e>, Error> {
        let whole = |extent, length| Span { extent, offset: 0, length };
        match source.location {
            ValueLocation::Inline(value) => Ok(ValueLocation::Inline(value)),
            ValueLocation::Extent(from) => {
                let to = change.extents.allocate(source.size)?;
                change.copy(whole(from, source.size), whole(to, source.size))?;
                Ok(ValueLocation::Extent(to))
            }
            ValueLocation::Table(table) => {
                let copy = Table::at(change.extents.allocate(table.bytes())?, table.size());
                let mut extents = Vec::with_capacity(table.extents() as usize);
                for number in 0..table.extents() {
                    let (from, length) =
                        (table.require(&self.core.arena, number)?, table.extent_bytes(number));
                    let to = change.extents.allocate(length)?;
                    change.copy(whole(from, length), whole(to, length))?;
                    extents.push(to);
                }
                change.write(copy.extent(), 0, copy.filled(&extents));
                Ok(ValueLocation::Table(copy))
            }
        }
    }
}

fn encoded_pairs(given: &CopyMetadata) -> Vec<u8> {
    Pairs::encode(given.pairs().iter().map(MetadataPair::as_strs))
}

/// Returns the metadata of a copy that the caller describes. What is known of the bytes is kept.
fn replaced_by<'e>(kept: Metadata<'e>, given: &'e CopyMetadata, pairs: &'e [u8]) -> Metadata<'e> {
    Metadata {
        content_type: given.content_type.as_deref().filter(|text| !text.is_empty()),
        content_encoding: given.content_encoding.as_deref().filter(|text| !text.is_empty()),
        pairs: Pairs(pairs),
        ..kept
    }
}

/// Bytes of an object that are to be copied.
pub(crate) enum SourceBytes {
    /// Bytes of an inline value.
    Inline(Vec<u8>),
    /// A range of an extent.
    Extent(Span),
}

/// Returns the parts of a range of an object, in order. The range must be within the object.
pub(crate) fn parts_of<M: Memory + Clone>(
    core: &Core<M>,
    location: ValueLocation<'_>,
    offset: u64,
    length: u64,
) -> Result<Vec<SourceBytes>, Error> {
    match location {
        ValueLocation::Inline(value) => {
            let range = offset as usize..(offset + length) as usize;
            Ok(vec![SourceBytes::Inline(value[range].to_vec())])
        }
        ValueLocation::Extent(extent) => Ok(vec![SourceBytes::Extent(Span { extent, offset, length })]),
        ValueLocation::Table(table) => pieces(offset, length)
            .map(|piece| {
                let extent = table.require(&core.arena, piece.number)?;
                Ok(SourceBytes::Extent(Span { extent, offset: piece.offset, length: piece.length }))
            })
            .collect(),
    }
}
