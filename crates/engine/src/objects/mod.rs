//! Objects: values of any size under keys, in one index.
//!
//! A value of at most [`INLINE_LIMIT`] bytes lies in its entry of the index; a larger one is an extent of the arena, and
//! its entry says where. Every change takes the next revision, checks its condition, and makes sure of all the memory it
//! could need, before it writes.

mod check;
mod entry;
mod key;
mod limits;
mod metadata;
mod page;
mod put;
mod read;
mod remove;
mod rename;
mod table;
#[cfg(test)]
mod tests;
mod verify;

use entry::Head;
pub(crate) use entry::{Body, Entry, Holding, Present, RawEntry};
pub(crate) use key::Key;
pub use limits::INLINE_LIMIT;
pub(crate) use limits::MAX_INLINE_LIMIT;
pub(crate) use metadata::{Digest, MAX_PAIRS_BYTES, Metadata, Pairs};
pub use put::Put;
pub(crate) use table::{Table, pieces};

use ic_stable_structures::Memory;
use storage_api::{Condition, Error};

use crate::arena::{Arena, Extent, Transaction, block_bytes};
use crate::btree::{self, Located, Map};
use crate::space::{Demand, StoreMemory};
use crate::store::Store;

/// The one index of all objects.
pub(crate) type Index<M> = Map<Key, RawEntry, M>;

/// A change of the index of a store over a memory `M`.
pub(crate) type IndexChange<'a, M> = btree::Transaction<'a, Key, RawEntry, StoreMemory<M>>;

/// Whether a change is allowed to the object that is there, or to its absence.
pub(crate) fn check_condition(condition: Condition, present: Option<Present>) -> Result<(), Error> {
    let current = present.map(|present| present.revision);
    match condition {
        Condition::Any => Ok(()),
        Condition::Absent if current.is_some() => Err(Error::AlreadyExists),
        Condition::Absent => Ok(()),
        Condition::Revision(expected) if current == Some(expected) => Ok(()),
        Condition::Revision(_) => Err(Error::RevisionMismatch { current }),
    }
}

impl<M: Memory + Clone> Store<M> {
    /// Calls with the entry of the object under a key, which is read in place.
    fn with_entry<R>(&self, key: &str, f: impl FnOnce(Head<'_>) -> Result<R, Error>) -> Result<R, Error> {
        storage_api::check::key(key)?;
        let found = self.index.get_with(key.as_bytes(), |bytes| f(Head::decode(bytes)?))?;
        found.unwrap_or(Err(Error::NotFound))
    }

    /// Makes sure of what a change of objects needs: what the index and the arena grow by.
    fn ensure(
        &self,
        index: &IndexChange<'_, M>,
        extents: &mut Extents<'_, StoreMemory<M>>,
    ) -> Result<(), Error> {
        self.ensure_pages(&[index.demand()], extents, self.promised_with(index.unused_pages()))
    }
}

/// What a change needs to know of the object under a key.
pub(crate) fn present<M: Memory>(
    index: &mut IndexChange<'_, M>,
    key: &Key,
) -> Result<Option<Present>, Error> {
    let located = index.locate(key.as_bytes())?;
    present_at(index, located)
}

/// The same for a key that has been located.
pub(crate) fn present_at<M: Memory>(
    index: &mut IndexChange<'_, M>,
    located: Located,
) -> Result<Option<Present>, Error> {
    index.look(located, |bytes| Ok(Head::decode(bytes)?.present()))?.transpose()
}

/// The part of a change that is about the arena: begun by the first extent that is taken or given back, because a
/// change of inline values alone need not touch the arena.
pub(crate) struct Extents<'a, M: Memory> {
    arena: &'a Arena<M>,
    transaction: Option<Transaction<'a, M>>,
    /// Buckets at the end of the arena that it gives back for others to take.
    returned: u64,
}

impl<'a, M: Memory> Extents<'a, M> {
    pub(crate) fn of(arena: &'a Arena<M>) -> Self {
        Self { arena, transaction: None, returned: 0 }
    }

    /// Whether the change touches the arena.
    pub(crate) fn has_begun(&self) -> bool {
        self.transaction.is_some()
    }

    fn transaction(&mut self) -> Result<&mut Transaction<'a, M>, Error> {
        let transaction = match self.transaction.take() {
            Some(transaction) => transaction,
            None => self.arena.begin()?,
        };
        Ok(self.transaction.insert(transaction))
    }

    /// Takes an extent.
    pub(crate) fn allocate(&mut self, bytes: u64) -> Result<Extent, Error> {
        assert_eq!(self.returned, 0, "what the arena gives back is decided after everything is allocated");
        self.transaction()?.allocate(bytes)
    }

    /// Makes an extent of `from` bytes one of `to` bytes, and gives back the rest.
    pub(crate) fn cut_extent(&mut self, extent: Extent, from: u64, to: u64) -> Result<(), Error> {
        self.transaction()?.cut_extent(extent, from, to)
    }

    /// Gives back what the object that is there takes, if there is one.
    pub(crate) fn free(&mut self, present: Option<Present>) -> Result<(), Error> {
        let Some(Present { size, holding, .. }) = present else { return Ok(()) };
        match holding {
            Holding::Nothing => Ok(()),
            Holding::Extent(extent) => self.free_extent(extent, size),
            Holding::Table(table) => self.free_table(table),
        }
    }

    /// Gives back one extent.
    pub(crate) fn free_extent(&mut self, extent: Extent, bytes: u64) -> Result<(), Error> {
        self.transaction()?.free(extent, bytes)
    }

    /// Gives back every extent of a table that is there, and the table.
    pub(crate) fn free_table(&mut self, table: Table) -> Result<(), Error> {
        let arena = self.arena;
        let transaction = self.transaction()?;
        // Extents that were taken one after the other mostly lie so, and are given back together.
        let mut run: Option<(Extent, u64, u64)> = None;
        table.each(arena, |extent, bytes| {
            match &mut run {
                Some((first, len, count))
                    if *len == bytes && extent.offset() == first.offset() + *count * block_bytes(bytes) =>
                {
                    *count += 1;
                }
                _ => {
                    if let Some((first, len, count)) = run.replace((extent, bytes, 1)) {
                        transaction.free_run(first, len, count)?;
                    }
                }
            }
            Ok(())
        })?;
        if let Some((first, len, count)) = run {
            transaction.free_run(first, len, count)?;
        }
        transaction.free(table.extent(), table.bytes())
    }

    /// How far the commit grows the arena.
    pub(crate) fn demand(&self) -> Demand<'a, M> {
        let pages = self.transaction.as_ref().map_or(0, Transaction::pages_to_grow);
        Demand { memory: self.arena.memory(), pages }
    }

    /// The free slots of the arena after the change, or nothing where the change does not touch the arena.
    pub(crate) fn slots(&self) -> Option<u64> {
        self.transaction.as_ref().map(Transaction::slots)
    }

    /// How many buckets the commit gives back.
    pub(crate) fn returned(&self) -> u64 {
        self.returned
    }

    /// Has the commit give back so many more buckets. False where the arena has not so many at its end that are free.
    pub(crate) fn shrink(&mut self, buckets: u64) -> Result<bool, Error> {
        let has_shrunk = self.transaction()?.shrink(buckets)?;
        self.returned += if has_shrunk { buckets } else { 0 };
        Ok(has_shrunk)
    }
}

impl<M: Memory> Extents<'_, StoreMemory<M>> {
    /// Makes the changes of the arena, and gives back what others have been promised of it. Comes before the others grow.
    pub(crate) fn commit(self) {
        let Some(transaction) = self.transaction else { return };
        transaction.commit();
        self.arena.memory().give_back(self.returned);
    }
}
