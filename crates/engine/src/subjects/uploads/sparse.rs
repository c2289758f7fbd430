//! Objects of hundreds of gigabytes for tests, without their bytes.

use ic_stable_structures::Memory;
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{Error, UploadArgs, Written};

use super::Uploads;
use crate::base::caller::Caller;
use crate::core::change::Change;
use crate::core::table::Table;

/// Owner of sparse uploads.
const UPLOADER: Caller = Caller { principal: candid::Principal::anonymous(), is_admin: true };

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Stores an object of more than one chunk without writing its bytes: its extents keep their previous
    /// contents, which are zero on fresh memory. On sparse memory, the size of such an object costs nothing.
    pub(crate) fn put_sparse(&self, key: &str, size: u64) -> Result<Written, Error> {
        let id = self.upload_sparse(key, size)?;
        self.commit_upload(id, &UPLOADER, 0)
    }

    /// Opens an upload at the time 0 and makes it complete in the same way. Returns its identifier.
    pub(crate) fn upload_sparse(&self, key: &str, size: u64) -> Result<u64, Error> {
        let id = self.create_upload(&UploadArgs::new(key, size), &UPLOADER, 0)?.id;
        let mut record = self.upload_record(id, &UPLOADER, 0)?;
        let table = record.table();
        for number in 0..table.extents() {
            if table.get(&self.core.arena, number)?.is_none() {
                let mut change = Change::new(self.core);
                let extent = change.extents.allocate(table.extent_bytes(number))?;
                change.ledger = change.ledger.without_slots(1)?;
                let (offset, entry) = Table::entry(number, extent);
                change.write(table.extent(), offset, entry.to_vec());
                change.reserve()?.commit();
            }
        }
        let mut change = Change::new(self.core);
        for index in 0..size.div_ceil(CHUNK_BYTES) {
            // Whole bytes of the bitmap, so that each is written once.
            if index % 8 == 0 {
                let bits = (size.div_ceil(CHUNK_BYTES) - index).min(8);
                let offset = table.chunk_bit(&self.core.arena, index)?.offset;
                change.write(table.extent(), offset, vec![(0xff_u16 >> (8 - bits)) as u8]);
            }
        }
        record.received = size;
        record.reserved_slots = 0;
        change.uploads().insert(&id, &record.encode())?;
        change.reserve()?.commit();
        Ok(id)
    }
}
