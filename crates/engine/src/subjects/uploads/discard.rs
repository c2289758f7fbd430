//! Freeing the space of uploads: when they are aborted, and when they have expired.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::Uploads;
use super::record::Record;
use crate::base::caller::Caller;
use crate::core::change::Change;

/// Largest number of extents of expired uploads that one message frees. Each costs about 20,000 instructions.
const MAX_EXPIRED_EXTENTS: u64 = 20_000;

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Ends an upload and frees its space and reservations. An expired upload can also be aborted.
    pub(crate) fn abort_upload(&self, id: u64, caller: &Caller) -> Result<(), Error> {
        // Time 0, so that an expired upload can still be aborted.
        let record = self.upload_record(id, caller, 0)?;
        let mut change = Change::new(self.core);
        release(&mut change, [(id, &record)])?;
        change.reserve()?.commit();
        Ok(())
    }

    /// Returns the expired uploads, as many as one message can free.
    pub(super) fn expired(&self, now_ns: u64) -> Result<Vec<(u64, Record)>, Error> {
        let (mut expired, mut held) = (Vec::new(), 0);
        for upload in self.all_uploads() {
            let (id, record) = upload?;
            if record.has_expired(now_ns, self.core.config().upload_idle_ns) {
                held += record.table().extents();
                if held > MAX_EXPIRED_EXTENTS && !expired.is_empty() {
                    break;
                }
                expired.push((id, record));
            }
        }
        Ok(expired)
    }
}

/// Frees every extent of some uploads, releases their reservations, and removes their records.
pub(super) fn release<'r, M: Memory + Clone>(
    change: &mut Change<'_, M>,
    uploads: impl IntoIterator<Item = (u64, &'r Record)>,
) -> Result<(), Error> {
    for (id, record) in uploads {
        change.extents.free_table(record.table())?;
        change.ledger = change.ledger.without_slots(record.reserved_slots)?;
        change.uploads().remove(&id)?;
    }
    Ok(())
}
