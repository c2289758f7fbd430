//! Receiving chunks.

use ic_stable_structures::Memory;
use storage_api::limits::CHUNK_BYTES;
use storage_api::{Error, Received};

use super::record::Record;
use super::{Caller, Extents};
use crate::arena::Extent;
use crate::objects::{Table, pieces};
use crate::store::Store;

/// A chunk lies in one extent or in two.
const MAX_PIECES: usize = 2;

/// Where a chunk goes: extents that were there, or that this chunk takes.
struct Place {
    extents: [Option<Extent>; MAX_PIECES],
    /// How many of them were taken out of what the upload had been promised.
    taken: u64,
}

impl<M: Memory + Clone> Store<M> {
    /// Receives a chunk. Chunks may come in any order; the same chunk may come again, and
    /// keeps the upload from expiring as a new one does.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Unauthorized`] for the upload; [`Error::OutOfRange`] for an index behind the last
    /// chunk; [`Error::InvalidArgument`] for a chunk of the wrong length; [`Error::AlreadyExists`] where the chunk has
    /// been received with other bytes, which stay; and [`Error::OutOfMemory`] where the platform does not give what the
    /// capacity allows.
    pub fn write_chunk(
        &mut self,
        id: u64,
        index: u64,
        bytes: &[u8],
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Received, Error> {
        let record = self.upload_record(id, caller, now_ns)?;
        let table = record.table();
        check_chunk(&record, table, index, bytes.len() as u64)?;
        if table.has_chunk(&self.arena, index)? {
            self.compare_chunk(table, index, bytes)?;
            return self.keep_upload(id, record, now_ns);
        }

        let (mut extents, place) = self.place_chunk(table, index, bytes.len() as u64)?;
        let record = Record {
            received: record.received + bytes.len() as u64,
            reserved_slots: record.reserved_slots.saturating_sub(place.taken),
            touched_ns: now_ns,
            ..record
        };
        let ledger = self.ledger.without_slots(place.taken)?;
        let mut records = self.uploads.0.begin();
        records.insert(&id, &record.encode())?;
        self.ensure_for_uploads(&records, &mut extents, &ledger, self.uploads.len())?;

        // From here on nothing can fail but reading the bit of the chunk, which has just been read.
        extents.commit();
        self.store_chunk(table, index, bytes, &place)?;
        records.commit();
        if ledger != self.ledger {
            self.write_ledger(ledger);
        }
        Ok(Received { received: record.received, size: record.size })
    }

    /// Notes that an upload is in use, although a chunk brought nothing new.
    fn keep_upload(&mut self, id: u64, record: Record, now_ns: u64) -> Result<Received, Error> {
        let received = Received { received: record.received, size: record.size };
        if record.touched_ns == now_ns {
            return Ok(received);
        }
        let mut records = self.uploads.0.begin();
        records.insert(&id, &Record { touched_ns: now_ns, ..record }.encode())?;
        self.ensure_demands(&[records.demand()])?;
        records.commit();
        Ok(received)
    }

    /// Finds the extents of a chunk, and takes those that are not there yet.
    fn place_chunk(&self, table: Table, index: u64, length: u64) -> Result<(Extents<'_, M>, Place), Error> {
        let mut extents = Extents::<M>::of(&self.arena);
        let mut place = Place { extents: [None; MAX_PIECES], taken: 0 };
        for (slot, piece) in place.extents.iter_mut().zip(pieces(index * CHUNK_BYTES, length)) {
            *slot = match table.get(&self.arena, piece.number)? {
                Some(extent) => {
                    // Nothing covers the table, and what is not this extent may be somebody else's.
                    self.arena.require(extent, table.extent_bytes(piece.number))?;
                    Some(extent)
                }
                None => {
                    place.taken += 1;
                    Some(extents.allocate(table.extent_bytes(piece.number))?)
                }
            };
        }
        Ok((extents, place))
    }

    /// Writes a chunk where it was placed, then what says that it is there.
    fn store_chunk(&self, table: Table, index: u64, bytes: &[u8], place: &Place) -> Result<(), Error> {
        let mut rest = bytes;
        for (extent, piece) in place.extents.iter().zip(pieces(index * CHUNK_BYTES, bytes.len() as u64)) {
            let extent = extent.expect("every piece was placed");
            let (part, after) = rest.split_at(piece.length as usize);
            self.arena.write(extent, piece.offset, part);
            if place.taken > 0 {
                table.set(&self.arena, piece.number, extent);
            }
            rest = after;
        }
        table.mark_chunk(&self.arena, index)
    }

    /// Compares a chunk that comes again with what was received.
    fn compare_chunk(&self, table: Table, index: u64, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        for piece in pieces(index * CHUNK_BYTES, bytes.len() as u64) {
            let (part, after) = rest.split_at(piece.length as usize);
            let mut stored = vec![0; part.len()];
            self.arena.read(table.require(&self.arena, piece.number)?, piece.offset, &mut stored)?;
            if stored != part {
                return Err(Error::AlreadyExists);
            }
            rest = after;
        }
        Ok(())
    }
}

fn check_chunk(record: &Record, table: Table, index: u64, length: u64) -> Result<(), Error> {
    if index >= table.chunks() {
        return Err(Error::OutOfRange { offset: index, length: 1, size: table.chunks() });
    }
    let expected = CHUNK_BYTES.min(record.size - index * CHUNK_BYTES);
    if length != expected {
        return Err(Error::invalid(format!("chunk {index} has {length} bytes; it must have {expected}")));
    }
    Ok(())
}
