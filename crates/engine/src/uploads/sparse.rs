//! Objects of hundreds of gigabytes for tests, without their bytes.

use ic_stable_structures::Memory;
use storage_api::limits::CHUNK_BYTES;
use storage_api::{Error, ObjectInfo, UploadArgs};

use super::{Caller, Extents};
use crate::space::Promised;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Stores an object of more than a chunk whose bytes are whatever its extents held: on fresh memory, zeroes. The
    /// object is an ordinary one otherwise, and on sparse memory its size costs nothing.
    ///
    /// # Errors
    ///
    /// As [`create_upload`](Self::create_upload).
    pub fn put_sparse(&mut self, key: &str, size: u64) -> Result<ObjectInfo, Error> {
        let caller = Caller { principal: candid::Principal::anonymous(), is_admin: true };
        let id = self.create_upload(&UploadArgs::new(key, size), &caller, 0)?.id;
        let mut record = self.upload_record(id, &caller, 0)?;
        let table = record.table();
        for number in 0..table.extents() {
            if table.get(&self.arena, number)?.is_none() {
                let mut extents = Extents::<M>::of(&self.arena);
                let extent = extents.allocate(table.extent_bytes(number))?;
                let ledger = self.ledger.without_slots(1)?;
                let after = Promised { slots: ledger.reserved_slots, ..self.promised() };
                self.ensure_pages(&[], &mut extents, after)?;
                extents.commit();
                table.set(&self.arena, number, extent);
                self.write_ledger(ledger);
            }
        }
        for index in 0..size.div_ceil(CHUNK_BYTES) {
            table.mark_chunk(&self.arena, index)?;
        }
        record.received = size;
        record.reserved_slots = 0;
        let mut records = self.uploads.0.begin();
        records.insert(&id, &record.encode())?;
        records.commit();
        self.commit_upload(id, &caller, 0)
    }
}
