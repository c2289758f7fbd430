//! The part of a change that is about the arena.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::base::demand::Demand;
use crate::core::table::Table;
use crate::memory::space::StoreMemory;
use crate::structures::arena::{Arena, Extent, Transaction, block_bytes};

/// What a change takes of the arena and gives back: begun by the first extent that is taken or given back, because a
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
    pub(crate) fn commit(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        transaction.commit();
        self.arena.memory().give_back(self.returned);
    }
}
