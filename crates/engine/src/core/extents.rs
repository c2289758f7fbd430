//! The changes of the arena in a change of the store.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::base::growth::Growth;
use crate::core::table::Table;
use crate::memory::space::StoreMemory;
use crate::structures::arena::{Arena, Extent, Transaction, block_bytes};

/// Allocations and frees of a change. The transaction begins with the first of them, because a change of
/// inline values alone does not touch the arena.
pub(crate) struct Extents<'a, M: Memory> {
    arena: &'a Arena<M>,
    transaction: Option<Transaction<'a, M>>,
    /// Number of buckets at the end of the arena that the commit frees for other memories.
    returned: u64,
}

impl<'a, M: Memory> Extents<'a, M> {
    pub(crate) fn of(arena: &'a Arena<M>) -> Self {
        Self { arena, transaction: None, returned: 0 }
    }

    /// Returns whether the change touches the arena.
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

    /// Allocates an extent.
    pub(crate) fn allocate(&mut self, bytes: u64) -> Result<Extent, Error> {
        assert_eq!(self.returned, 0, "the arena shrinks only after all allocations");
        self.transaction()?.allocate(bytes)
    }

    /// Shrinks an extent from `from` to `to` bytes, and frees the rest.
    pub(crate) fn shrink_extent(&mut self, extent: Extent, from: u64, to: u64) -> Result<(), Error> {
        self.transaction()?.shrink_extent(extent, from, to)
    }

    /// Frees one extent.
    pub(crate) fn free_extent(&mut self, extent: Extent, bytes: u64) -> Result<(), Error> {
        self.transaction()?.free(extent, bytes)
    }

    /// Frees every allocated extent of a table, and the table itself.
    pub(crate) fn free_table(&mut self, table: Table) -> Result<(), Error> {
        let arena = self.arena;
        let transaction = self.transaction()?;
        // Extents that were allocated one after another are usually contiguous, and are freed together.
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

    /// Returns the growth of the arena by the commit.
    pub(crate) fn growth(&self) -> Growth<'a, M> {
        let pages = self.transaction.as_ref().map_or(0, Transaction::pages_to_grow);
        Growth { memory: self.arena.memory(), pages }
    }

    /// Returns the free slots of the arena after the change, or `None` if the change does not touch the
    /// arena.
    pub(crate) fn slots(&self) -> Option<u64> {
        self.transaction.as_ref().map(Transaction::slots)
    }

    /// Returns the number of buckets that the commit frees.
    pub(crate) fn returned(&self) -> u64 {
        self.returned
    }

    /// Plans to free `buckets` more buckets. Returns false if the end of the arena does not have that many
    /// free ones.
    pub(crate) fn shrink(&mut self, buckets: u64) -> Result<bool, Error> {
        let has_shrunk = self.transaction()?.shrink(buckets)?;
        self.returned += if has_shrunk { buckets } else { 0 };
        Ok(has_shrunk)
    }
}

impl<M: Memory> Extents<'_, StoreMemory<M>> {
    /// Writes the changes of the arena, and frees buckets that other memories need. Must precede the growth
    /// of these.
    pub(crate) fn commit(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        transaction.commit();
        self.arena.memory().free_last(self.returned);
    }
}
