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

/// A chunk lies in one extent or in two.
const MAX_PIECES: usize = 2;

/// Where a chunk goes: extents that were there, or that this chunk takes.
struct Place {
    extents: [Option<Extent>; MAX_PIECES],
    /// How many of them were taken out of what the upload had been promised.
    taken: u64,
}

/// A table that takes the place of one that is too small, and what is in it.
struct Grown {
    table: Table,
    bytes: Vec<u8>,
}

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Receives a chunk. Chunks may come in any order; the same chunk may come again, and
    /// keeps the upload from expiring as a new one does. Where the upload has no size yet, a chunk that is shorter than the
    /// others is the last one.
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
        let place = self.place_chunk(table, index, bytes.len() as u64, &mut change.extents)?;
        let (table, bit) = match (grown, known) {
            (Some(Grown { table, bytes }), _) => {
                let bit = table.chunk_bit_in(&bytes, index);
                change.write(table.extent(), 0, bytes);
                (table, bit)
            }
            (None, Some(bit)) => (table, bit),
            (None, None) => return Err(Error::corrupted("an upload has no place for a chunk", index)),
        };
        write_chunk(&mut change, table, index, bytes, &place);
        change.write(table.extent(), bit.offset, vec![bit.set()]);

        let promised = if record.is_unsized { 0 } else { place.taken };
        let record = Record {
            size: record.size.or(told_size),
            room: table.size(),
            reach: if record.is_unsized { record.reach.max(index + 1) } else { 0 },
            table: table.extent(),
            received: record.received + bytes.len() as u64,
            reserved_slots: record.reserved_slots.saturating_sub(promised),
            touched_ns: now_ns,
            ..record
        };
        change.ledger = change.ledger.without_slots(promised)?;
        change.uploads().insert(&id, &record.encode())?;
        change.reserve()?.commit();
        Ok(Received { received: record.received, size: record.size })
    }

    /// Notes that an upload is in use, although a chunk brought nothing new.
    fn keep_upload(&self, id: u64, record: Record, now_ns: u64) -> Result<Received, Error> {
        let received = Received { received: record.received, size: record.size };
        if record.touched_ns == now_ns {
            return Ok(received);
        }
        let mut change = Change::new(self.core);
        change.uploads().insert(&id, &Record { touched_ns: now_ns, ..record }.encode())?;
        change.reserve()?.commit();
        Ok(received)
    }

    /// A table that has a place for a chunk of an upload without a size, where its own has none: one at least twice as large,
    /// so that it is not copied often.
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

    /// Finds the extents of a chunk, and takes those that are not there yet.
    fn place_chunk(
        &self,
        table: Table,
        index: u64,
        length: u64,
        extents: &mut Extents<'_, StoreMemory<M>>,
    ) -> Result<Place, Error> {
        let mut place = Place { extents: [None; MAX_PIECES], taken: 0 };
        for (slot, piece) in place.extents.iter_mut().zip(pieces(index * CHUNK_BYTES, length)) {
            let is_listed = piece.number < table.extents();
            let there = if is_listed { table.get(&self.core.arena, piece.number)? } else { None };
            // The extents behind a table that will grow are full ones.
            let bytes = if is_listed { table.extent_bytes(piece.number) } else { SLOT_EXTENT_BYTES };
            *slot = match there {
                Some(extent) => {
                    // Nothing covers the table, and what is not this extent may be somebody else's.
                    self.core.arena.require(extent, bytes)?;
                    Some(extent)
                }
                None => {
                    place.taken += 1;
                    Some(extents.allocate(bytes)?)
                }
            };
        }
        Ok(place)
    }

    /// Compares a chunk that comes again with what was received.
    fn compare_chunk(&self, record: &Record, index: u64, bytes: &[u8]) -> Result<(), Error> {
        // While the size is not known, every chunk that was received is a full one.
        if record.size.is_none() && bytes.len() as u64 != CHUNK_BYTES {
            return Err(Error::AlreadyExists);
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
                return Err(Error::AlreadyExists);
            }
            rest = after;
        }
        Ok(())
    }

    /// Refuses a chunk of a length that it cannot have. Gives the size of the object, where it was not known and the chunk, by
    /// being a short one, tells it.
    fn check_chunk(&self, record: &Record, index: u64, length: u64) -> Result<Option<u64>, Error> {
        if let Some(size) = record.size {
            check_length(size, index, length)?;
            return Ok(None);
        }
        if !(1..=CHUNK_BYTES).contains(&length) {
            return Err(Error::invalid(format!(
                "chunk {index} has {length} bytes; it must have 1 to {CHUNK_BYTES}"
            )));
        }
        let end = index.saturating_mul(CHUNK_BYTES).saturating_add(length);
        if end > MAX_STABLE_BYTES {
            return Err(self.no_room_for(end)?);
        }
        if length < CHUNK_BYTES && index + 1 < record.reach {
            return Err(Error::invalid(format!(
                "chunk {index} has {length} bytes, as only the last one may; chunk {} has been received",
                record.reach - 1
            )));
        }
        Ok((length < CHUNK_BYTES).then_some(end))
    }
}

/// Makes writing a chunk where it was placed a part of a change.
fn write_chunk<'a, M: Memory + Clone>(
    change: &mut Change<'a, M>,
    table: Table,
    index: u64,
    bytes: &'a [u8],
    place: &Place,
) {
    let mut rest = bytes;
    for (extent, piece) in place.extents.iter().zip(pieces(index * CHUNK_BYTES, bytes.len() as u64)) {
        let extent = extent.expect("every piece was placed");
        let (part, after) = rest.split_at(piece.length as usize);
        change.write(extent, piece.offset, part);
        if place.taken > 0 {
            let (offset, entry) = Table::entry(piece.number, extent);
            change.write(table.extent(), offset, entry.to_vec());
        }
        rest = after;
    }
}

/// Refuses a chunk that an object of this size does not have, or has of another length.
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
