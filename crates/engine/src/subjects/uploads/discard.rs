//! Giving back what uploads take: when they are aborted, and when they have expired.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::Uploads;
use super::record::Record;
use crate::base::caller::Caller;
use crate::core::change::Change;

/// Extents that expired uploads may have for one message to give them back. Each costs some 20,000 instructions.
const MAX_EXPIRED_EXTENTS: u64 = 20_000;

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Ends an upload and gives back its space and what it has been promised. An upload that has expired can be aborted,
    /// too.
    pub(crate) fn abort_upload(&self, id: u64, caller: &Caller) -> Result<(), Error> {
        // To nobody's time an upload has expired.
        let record = self.upload_record(id, caller, 0)?;
        let mut change = Change::new(self.core);
        release(&mut change, [(id, &record)])?;
        change.reserve()?.commit();
        Ok(())
    }

    /// The uploads that have expired, as many as one message can give back.
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

/// Gives back every extent of some uploads and what they have been promised, and removes their records.
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
