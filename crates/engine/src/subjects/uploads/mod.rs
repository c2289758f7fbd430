//! Uploads: objects that arrive in chunks, in any order, and become objects when they are complete.
//!
//! Each upload has a record in a separate map, and a table in the arena that lists its extents and received
//! chunks. An extent is allocated when its first byte arrives. Until then the upload *reserves* a slot of the
//! arena for it, so that two uploads cannot both be granted the last gigabyte. The last extent can be smaller
//! than a slot; it is allocated immediately.
//!
//! Everything is in stable memory, so an upload can be resumed after an upgrade, or by another process. It
//! belongs to its creator; admins can use every upload. An upload expires after seven idle days, or the
//! configured time. Its methods then return `NotFound`, and its space is freed when the next upload is
//! opened.

mod check;
mod chunk;
mod commit;
mod copy;
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
use crate::subjects::objects::Objects;
use crate::subjects::scopes::Scopes;
use record::Record;

/// The uploads of a store.
pub(crate) struct Uploads<'a, M: Memory> {
    pub(crate) core: &'a Core<M>,
    pub(crate) scopes: &'a Scopes,
}

impl<M: Memory + Clone> Uploads<'_, M> {
    fn objects(&self) -> Objects<'_, M> {
        Objects { core: self.core, scopes: self.scopes }
    }

    /// Returns the record of an open upload, if the caller may use it.
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

    /// Iterates over all uploads, including expired ones, in the order of creation.
    fn all_uploads(&self) -> impl Iterator<Item = Result<(u64, Record), Error>> + '_ {
        let all = self.core.uploads.from(Bound::Unbounded, |_| true);
        all.map(|upload| upload.and_then(|(id, raw)| Ok((id, Record::decode(&raw.0)?))))
    }
}
