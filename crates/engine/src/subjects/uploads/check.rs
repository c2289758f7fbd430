//! The check of all uploads.

use ic_stable_structures::Memory;
use stable_storage_api::Error;
use stable_storage_api::limits::CHUNK_BYTES;

use super::Uploads;
use super::record::Record;
use crate::core::ledger::LEDGER_AT;
use crate::structures::arena::Extent;

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Calls `owned` with every extent of an upload, and returns the number of slots that all uploads
    /// reserve.
    pub(crate) fn check(&self, mut owned: impl FnMut(Extent, u64)) -> Result<u64, Error> {
        let mut reserved = 0;
        for upload in self.all_uploads() {
            let (id, record) = upload?;
            if id == 0 || id > self.core.ledger().uploads {
                let what = format!(
                    "there is an upload {id}, but the ledger counts {} opened uploads",
                    self.core.ledger().uploads
                );
                return Err(Error::corrupted(what, LEDGER_AT));
            }
            reserved += self.check_upload(&record, &mut owned)?;
        }
        Ok(reserved)
    }

    fn check_upload(&self, record: &Record, owned: &mut impl FnMut(Extent, u64)) -> Result<u64, Error> {
        let table = record.table();
        owned(table.extent(), table.bytes());
        let mut present = 0;
        table.each(&self.core.arena, |extent, bytes| {
            present += 1;
            owned(extent, bytes);
            Ok(())
        })?;
        if !record.is_unsized && present + record.reserved_slots != table.extents() {
            return Err(Error::corrupted(
                format!(
                    "an upload has {present} extents and reserves {}, of {}",
                    record.reserved_slots,
                    table.extents()
                ),
                table.extent().offset(),
            ));
        }
        let bitmap = table.bitmap(&self.core.arena)?;
        let reach = bitmap.iter().zip(0..).filter(|(byte, _)| **byte != 0).last();
        let reach = reach.map_or(0, |(byte, offset)| offset * 8 + u64::from(u8::BITS - byte.leading_zeros()));
        let has_all_counted = !record.is_unsized || reach == record.reach;
        if received_bytes(record, &bitmap) != Some(record.received) || !has_all_counted {
            return Err(Error::corrupted(
                "the received bytes of an upload do not match its bitmap",
                table.extent().offset(),
            ));
        }
        Ok(record.reserved_slots)
    }
}

/// Returns the bytes of the chunks whose bits are set, or `None` if a bit after the last chunk is set.
fn received_bytes(record: &Record, bitmap: &[u8]) -> Option<u64> {
    let is_set = |index: &u64| bitmap[(index / 8) as usize] >> (index % 8) & 1 == 1;
    let end = record.size.unwrap_or(record.room);
    let length = |index| end.checked_sub(index * CHUNK_BYTES).filter(|rest| *rest > 0);
    (0..bitmap.len() as u64 * 8).filter(is_set).map(|index| Some(length(index)?.min(CHUNK_BYTES))).sum()
}
