//! Uploads: objects that arrive in chunks, in any order, and become objects when they are complete.
//!
//! An upload has a record in a map of its own, and a table in the arena that lists its extents and the chunks that have
//! been received. An extent is taken when its first byte arrives; until then the upload has been *promised* a slot of
//! the arena for it, so that two uploads cannot both be promised the last gigabyte. The last extent, which may be shorter
//! than a slot, is taken at once.
//!
//! Everything is in stable memory, so an upload goes on after an upgrade, or from another process. It belongs to who
//! opened it; admins may do everything with it too. One that has been idle for seven days, or what is configured, has expired: its methods no
//! longer know it, and its space is given back when the next upload is opened.

mod check;
mod chunk;
mod commit;
mod create;
mod discard;
mod record;
#[cfg(any(test, feature = "testing"))]
mod sparse;
mod status;
#[cfg(test)]
mod tests;

use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::{Error, Role};

use crate::base::caller::Caller;
use crate::core::Core;
use record::Record;

/// The uploads of a store.
pub(crate) struct Uploads<'a, M: Memory> {
    pub(crate) core: &'a Core<M>,
}

impl<M: Memory + Clone> Uploads<'_, M> {
    /// The record of an upload that is open and that the caller may use.
    fn upload_record(&self, id: u64, caller: &Caller, now_ns: u64) -> Result<Record, Error> {
        let record = Record::decode(&self.core.uploads.get(&id)?.ok_or(Error::NotFound)?.0)?;
        if !caller.may_use(record.creator) {
            return Err(Error::Unauthorized { needed: Role::Admin });
        }
        if record.has_expired(now_ns, self.core.config().upload_idle_ns) {
            Err(Error::NotFound)
        } else {
            Ok(record)
        }
    }

    /// All uploads that there are, expired ones included, in the order in which they were opened.
    fn all_uploads(&self) -> impl Iterator<Item = Result<(u64, Record), Error>> + '_ {
        let all = self.core.uploads.from(Bound::Unbounded, |_| true);
        all.map(|upload| upload.and_then(|(id, raw)| Ok((id, Record::decode(&raw.0)?))))
    }
}
