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

use candid::Principal;
use ic_stable_structures::Memory;
use storage_api::{Error, Role};

use crate::btree::Map;
use crate::layout::UPLOADS;
use crate::ledger::Ledger;
use crate::open::OpenError;
use crate::space::{Promised, Space, StoreMemory};
use crate::store::Store;
use record::{RawRecord, Record};

/// Who calls a method of an upload or a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The principal.
    pub principal: Principal,
    /// Whether it may do everything with every upload and every region.
    pub is_admin: bool,
}

impl Caller {
    /// Whether it may use what belongs to this principal.
    pub(crate) fn may_use(&self, owner: Principal) -> bool {
        self.is_admin || self.principal == owner
    }
}

/// The records of all open uploads.
pub(crate) struct Uploads<M: Memory>(Map<u64, RawRecord, M>);

impl<M: Memory + Clone> Uploads<StoreMemory<M>> {
    pub(crate) fn open(space: &Space<M>) -> Result<Self, OpenError> {
        Ok(Self(space.map(UPLOADS, "uploads")?))
    }
}

impl<M: Memory> Uploads<M> {
    /// How many there are, expired ones included.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// All of them, in the order in which they were opened.
    fn all(&self) -> impl Iterator<Item = Result<(u64, Record), Error>> + '_ {
        let all = self.0.from(std::ops::Bound::Unbounded, |_| true);
        all.map(|upload| upload.and_then(|(id, raw)| Ok((id, raw.decode()?))))
    }
}

impl<M: Memory + Clone> Store<M> {
    /// The record of an upload that is open and that the caller may use.
    fn upload_record(&self, id: u64, caller: &Caller, now_ns: u64) -> Result<Record, Error> {
        let record = self.uploads.0.get(&id)?.ok_or(Error::NotFound)?.decode()?;
        if !caller.may_use(record.creator) {
            return Err(Error::Unauthorized { needed: Role::Admin });
        }
        if record.has_expired(now_ns, self.config().upload_idle_ns) {
            Err(Error::NotFound)
        } else {
            Ok(record)
        }
    }

    /// Makes sure of what a change of uploads needs: what the records and the arena grow by, and what is promised after it to
    /// so many uploads.
    fn ensure_for_uploads(
        &self,
        records: &Records<'_, M>,
        extents: &mut Extents<'_, M>,
        ledger: &Ledger,
        uploads: u64,
    ) -> Result<(), Error> {
        let after = Promised { slots: ledger.reserved_slots, uploads, ..self.promised() };
        self.ensure_pages(&[records.demand()], extents, after)
    }
}

/// A change of the records of a store over a memory `M`.
type Records<'a, M> = crate::btree::Transaction<'a, u64, RawRecord, StoreMemory<M>>;

/// What a change of uploads has taken and given back in the arena of a store over a memory `M`.
type Extents<'a, M> = crate::objects::Extents<'a, StoreMemory<M>>;
