//! Receiving chunks.

use ic_stable_structures::Memory;
use stable_storage_api::limits::{CHUNK_BYTES, MAX_STABLE_BYTES};
use stable_storage_api::{Error, Received};

use super::Uploads;
use super::record::Record;
use crate::base::caller::Caller;
use crate::core::change::Change;
use crate::core::extents::Extents;
use crate::core::table::{ChunkBit, Table, pieces};
use crate::memory::space::StoreMemory;
use crate::structures::arena::{Extent, SLOT_EXTENT_BYTES};

/// Largest number of extents that a chunk spans.
const MAX_PIECES: usize = 2;

/// The extents of a chunk: existing ones, or new ones.
struct ChunkExtents {
    extents: [Option<Extent>; MAX_PIECES],
    /// Number of new extents that use a reservation.
    allocated: u64,
}

/// A larger table that replaces the current one, and its contents.
struct Grown {
    table: Table,
    bytes: Vec<u8>,
}

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Receives a chunk. Chunks can arrive in any order. A chunk that is received again resets the expiry of
    /// the upload, like a new one. If the upload has no size yet, a chunk that is shorter than the others is
    /// the last one.
    pub(crate) fn write_chunk(
        &self,
        id: u64,
        index: u64,
        bytes: &[u8],
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Received, Error> {
        let record = self.upload_record(id, caller, now_ns)?;
        let told_size = self.check_chunk(&record, index, bytes.len() as u64)?;
        let table = record.table();
        let known =
            if index < table.chunks() { Some(table.chunk_bit(&self.core.arena, index)?) } else { None };
        if known.is_some_and(ChunkBit::is_set) {
            self.compare_chunk(&record, index, bytes)?;
            return self.keep_upload(id, record, now_ns);
        }

        let mut change = Change::new(self.core);
        let grown = self.grown_table(&record, index, &mut change.extents)?;
        let chunk_extents = self.chunk_extents(table, index, bytes.len() as u64, &mut change.extents)?;
        let (table, bit) = match (grown, known) {
            (Some(Grown { table, bytes }), _) => {
                let bit = table.chunk_bit_in(&bytes, index);
                change.write(table.extent(), 0, bytes);
                (table, bit)
            }
            (None, Some(bit)) => (table, bit),
            (None, None) => {
                return Err(Error::corrupted("the table of an upload has no entry for a chunk", index));
            }
        };
        write_chunk(&mut change, table, index, bytes, &chunk_extents);
        change.write(table.extent(), bit.offset, vec![bit.set()]);

        let reservations = if record.is_unsized { 0 } else { chunk_extents.allocated };
        let record = Record {
            size: record.size.or(told_size),
            room: table.size(),
            reach: if record.is_unsized { record.reach.max(index + 1) } else { 0 },
            table: table.extent(),
            received: record.received + bytes.len() as u64,
            reserved_slots: record.reserved_slots.saturating_sub(reservations),
            touched_ns: now_ns,
            ..record
        };
        commit_received(change, id, &record, reservations)
    }

    /// Resets the expiry of an upload, although the chunk was received before.
    pub(super) fn keep_upload(&self, id: u64, record: Record, now_ns: u64) -> Result<Received, Error> {
        if record.touched_ns == now_ns {
            return Ok(Received { received: record.received, size: record.size });
        }
        commit_received(Change::new(self.core), id, &Record { touched_ns: now_ns, ..record }, 0)
    }

    /// Returns a larger table if the table of an upload without a size has no entry for a chunk. It is at
    /// least twice as large, so that the table is seldom copied.
    fn grown_table(
        &self,
        record: &Record,
        index: u64,
        extents: &mut Extents<'_, StoreMemory<M>>,
    ) -> Result<Option<Grown>, Error> {
        let end = (index + 1) * CHUNK_BYTES;
        if !record.is_unsized || end <= record.room {
            return Ok(None);
        }
        let room = end.next_multiple_of(SLOT_EXTENT_BYTES).max(2 * record.room);
        let table = Table::at(extents.allocate(Table::at(Extent::at(0), room).bytes())?, room);
        let bytes = record.table().bytes_for(table, &self.core.arena)?;
        extents.free_extent(record.table, record.table().bytes())?;
        Ok(Some(Grown { table, bytes }))
    }

    /// Finds the extents of a chunk, and allocates those that are missing.
    fn chunk_extents(
        &self,
        table: Table,
        index: u64,
        length: u64,
        extents: &mut Extents<'_, StoreMemory<M>>,
    ) -> Result<ChunkExtents, Error> {
        let mut chunk_extents = ChunkExtents { extents: [None; MAX_PIECES], allocated: 0 };
        for (slot, piece) in chunk_extents.extents.iter_mut().zip(pieces(index * CHUNK_BYTES, length)) {
            let is_listed = piece.number < table.extents();
            let there = if is_listed { table.get(&self.core.arena, piece.number)? } else { None };
            // The extents after the end of a table that will grow are full ones.
            let bytes = if is_listed { table.extent_bytes(piece.number) } else { SLOT_EXTENT_BYTES };
            *slot = match there {
                Some(extent) => {
                    // No checksum covers the table, so an entry may point to another owner's extent.
                    self.core.arena.require(extent, bytes)?;
                    Some(extent)
                }
                None => {
                    chunk_extents.allocated += 1;
                    Some(extents.allocate(bytes)?)
                }
            };
        }
        Ok(chunk_extents)
    }

    /// Compares a chunk that is received again with the stored one.
    fn compare_chunk(&self, record: &Record, index: u64, bytes: &[u8]) -> Result<(), Error> {
        // While the size is unknown, every received chunk is a full one.
        if record.size.is_none() && bytes.len() as u64 != CHUNK_BYTES {
            return Err(Error::ChunkConflict { index });
        }
        let (table, mut rest) = (record.table(), bytes);
        for piece in pieces(index * CHUNK_BYTES, bytes.len() as u64) {
            let (part, after) = rest.split_at(piece.length as usize);
            let mut stored = vec![0; part.len()];
            self.core.arena.read(
                table.require(&self.core.arena, piece.number)?,
                piece.offset,
                &mut stored,
            )?;
            if stored != part {
                return Err(Error::ChunkConflict { index });
            }
            rest = after;
        }
        Ok(())
    }

    /// Checks the length of a chunk. Returns the size of the object if it was unknown and this chunk, as a
    /// short one, determines it.
    fn check_chunk(&self, record: &Record, index: u64, length: u64) -> Result<Option<u64>, Error> {
        if let Some(size) = record.size {
            check_length(size, index, length)?;
            return Ok(None);
        }
        if !(1..=CHUNK_BYTES).contains(&length) {
            return Err(Error::invalid(format!(
                "chunk {index} has {length} bytes; the limits are 1 and {CHUNK_BYTES}"
            )));
        }
        let end = index.saturating_mul(CHUNK_BYTES).saturating_add(length);
        if end > MAX_STABLE_BYTES {
            return Err(self.no_room_for(end)?);
        }
        if length < CHUNK_BYTES && index + 1 < record.reach {
            return Err(Error::invalid(format!(
                "chunk {index} has {length} bytes, which only the last chunk may have, but chunk {} was received",
                record.reach - 1
            )));
        }
        Ok((length < CHUNK_BYTES).then_some(end))
    }
}

/// Commits a change of an upload after which this is its record, and which has used this number of its reserved slots.
pub(super) fn commit_received<M: Memory + Clone>(
    mut change: Change<'_, M>,
    id: u64,
    record: &Record,
    used_slots: u64,
) -> Result<Received, Error> {
    change.ledger = change.ledger.without_slots(used_slots)?;
    change.uploads().insert(&id, &record.encode())?;
    change.reserve()?.commit();
    Ok(Received { received: record.received, size: record.size })
}

/// Adds the write of a chunk to a change.
fn write_chunk<'a, M: Memory + Clone>(
    change: &mut Change<'a, M>,
    table: Table,
    index: u64,
    bytes: &'a [u8],
    chunk_extents: &ChunkExtents,
) {
    let mut rest = bytes;
    for (extent, piece) in chunk_extents.extents.iter().zip(pieces(index * CHUNK_BYTES, bytes.len() as u64)) {
        let extent = extent.expect("every piece has an extent");
        let (part, after) = rest.split_at(piece.length as usize);
        change.write(extent, piece.offset, part);
        if chunk_extents.allocated > 0 {
            let (offset, entry) = Table::entry(piece.number, extent);
            change.write(table.extent(), offset, entry.to_vec());
        }
        rest = after;
    }
}

/// Checks that an object of this size has this chunk, and with this length.
fn check_length(size: u64, index: u64, length: u64) -> Result<(), Error> {
    let chunks = size.div_ceil(CHUNK_BYTES);
    if index >= chunks {
        return Err(Error::OutOfRange { offset: index, length: 1, size: chunks });
    }
    let expected = CHUNK_BYTES.min(size - index * CHUNK_BYTES);
    if length != expected {
        return Err(Error::invalid(format!("chunk {index} has {length} bytes; it must have {expected}")));
    }
    Ok(())
}
