//! Objects: values of any size under keys, in one index.
//!
//! A value of at most [`INLINE_LIMIT`] bytes lies in its entry of the index; a larger one is an extent of the arena, and
//! its entry says where. Every change takes the next revision, checks its condition, and makes sure of all the memory it
//! could need, before it writes.

mod check;
mod entry;
mod index;
mod key;
mod limits;
mod page;
mod put;
mod read;
mod remove;
mod rename;
#[cfg(test)]
mod tests;

pub(crate) use index::Index;
pub use limits::INLINE_LIMIT;
pub(crate) use limits::MAX_INLINE_LIMIT;
pub use put::Put;

use ic_stable_structures::Memory;
use storage_api::{Condition, Error};

use crate::arena::{Arena, Transaction};
use crate::space::Demand;
use crate::store::Store;
use entry::Present;
use key::Key;

/// Whether a change is allowed to the object that is there, or to its absence.
fn check_condition(condition: Condition, present: Option<Present>) -> Result<(), Error> {
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
    /// What a change needs to know of the object under a key.
    fn present(&self, key: &Key) -> Result<Option<Present>, Error> {
        self.index.get(key).map(|raw| Ok(raw.decode()?.present())).transpose()
    }

    /// Makes sure of the pages that a change of objects could need.
    fn ensure(&self, index_pages: u64, arena_pages: u64) -> Result<(), Error> {
        let index = Demand { memory: self.index.memory(), pages: index_pages };
        let arena = Demand { memory: self.arena.memory(), pages: arena_pages };
        self.space.ensure(self.header.capacity, &[index, arena])
    }
}

/// The part of a change that is about the arena: begun by the first extent that is taken or given back, because a
/// change of inline values alone need not touch the arena.
struct Extents<'a, M: Memory> {
    arena: &'a Arena<M>,
    transaction: Option<Transaction<'a, M>>,
}

impl<'a, M: Memory> Extents<'a, M> {
    fn of(arena: &'a Arena<M>) -> Self {
        Self { arena, transaction: None }
    }

    fn transaction(&mut self) -> Result<&mut Transaction<'a, M>, Error> {
        let transaction = match self.transaction.take() {
            Some(transaction) => transaction,
            None => self.arena.begin()?,
        };
        Ok(self.transaction.insert(transaction))
    }

    /// Gives back what an object takes, if there is one and it is not inline.
    fn free(&mut self, present: Option<Present>) -> Result<(), Error> {
        match present {
            Some(Present { extent: Some(extent), size, .. }) => self.transaction()?.free(extent, size),
            _ => Ok(()),
        }
    }

    fn pages_to_grow(&self) -> u64 {
        self.transaction.as_ref().map_or(0, Transaction::pages_to_grow)
    }

    fn commit(self) {
        if let Some(transaction) = self.transaction {
            transaction.commit();
        }
    }
}
