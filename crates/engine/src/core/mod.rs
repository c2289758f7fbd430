//! What every operation stands on: the memory and its division, the arena, the maps that a change touches together, the
//! header and the ledger.

pub(crate) mod change;
pub(crate) mod counters;
pub(crate) mod extents;
pub mod header;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod table;

use std::cell::Cell;

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::{Config, Error};

use crate::base::demand::Demand;
use crate::base::layout::{
    ARENA, BUCKET_PAGES, LOG_MARK_AT, MemoryId, OBJECTS, TREE_HEADER_STEP, UPLOADS, tree_header_at,
};
use crate::base::open::OpenError;
use crate::core::extents::Extents;
use crate::core::header::Header;
use crate::core::key::Key;
use crate::core::ledger::Ledger;
use crate::memory::space::{Promised, Space, StoreMemory};
use crate::structures::arena::Arena;
use crate::structures::btree::{self, Map, Raw, Transaction};
use crate::structures::log::MARK_BYTES;

/// Inner pages of the object index that are kept on the heap: 8 MiB, which hold those of four million small objects.
const MAX_CACHED_PAGES: usize = 2_048;

/// Inner pages of another map that are kept on the heap.
const FEW_CACHED_PAGES: usize = 64;

// What the layout leaves room for in the first page.
const _: () = assert!(TREE_HEADER_STEP >= btree::HEAD_BYTES as u64);
const _: () = assert!(LOG_MARK_AT + MARK_BYTES as u64 <= 4_096);

/// The entries of all objects by their keys.
pub(crate) type Index<M> = Map<Key, Raw, StoreMemory<M>>;

/// The records of all open uploads, expired ones included, by their identifiers.
pub(crate) type UploadRecords<M> = Map<u64, Raw, StoreMemory<M>>;

/// What a change may touch. Header and ledger are as they are in memory: whoever sets them writes them through.
pub(crate) struct Core<M: Memory> {
    pub(crate) space: Space<M>,
    pub(crate) arena: Arena<StoreMemory<M>>,
    pub(crate) index: Index<M>,
    pub(crate) uploads: UploadRecords<M>,
    /// Values of at most this many bytes are stored in the index.
    pub(crate) inline_limit: u64,
    header: Cell<Header>,
    ledger: Cell<Ledger>,
}

impl<M: Memory + Clone> Core<M> {
    /// Opens what is in a memory whose header and ledger have been read.
    pub(crate) fn open(
        space: Space<M>,
        header: Header,
        ledger: Ledger,
        inline_limit: u64,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            arena: Arena::new(space.memory(ARENA)),
            index: open_map(&space, OBJECTS, "object index")?,
            uploads: open_map(&space, UPLOADS, "uploads")?,
            inline_limit,
            header: Cell::new(header),
            ledger: Cell::new(ledger),
            space,
        })
    }

    pub(crate) fn header(&self) -> Header {
        self.header.get()
    }

    pub(crate) fn set_header(&self, header: Header) {
        header.write(self.space.raw());
        self.header.set(header);
    }

    pub(crate) fn config(&self) -> Config {
        self.header.get().config
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.get()
    }

    pub(crate) fn set_ledger(&self, ledger: Ledger) {
        ledger.write(self.space.raw());
        self.ledger.set(ledger);
    }

    /// Reserves the pages that the memories in `demands` and the arena grow by, where so much is promised to uploads
    /// afterwards. Where others need the arena's free end, that becomes a part of the change of the arena.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]; nothing has grown then. [`Error::Corrupted`].
    pub(crate) fn reserve(
        &self,
        demands: &[Demand<'_, StoreMemory<M>>],
        extents: &mut Extents<'_, StoreMemory<M>>,
        after: Promised,
    ) -> Result<(), Error> {
        // What most changes are: nothing grows, and nothing is promised.
        let is_nothing_promised =
            after.is_nothing() && self.ledger.get().reserved_slots == 0 && self.uploads.len() == 0;
        if is_nothing_promised && !extents.has_begun() && demands.iter().all(|demand| demand.pages == 0) {
            return Ok(());
        }
        self.reserve_buckets(demands, extents, after)
    }

    #[inline(never)]
    fn reserve_buckets(
        &self,
        demands: &[Demand<'_, StoreMemory<M>>],
        extents: &mut Extents<'_, StoreMemory<M>>,
        after: Promised,
    ) -> Result<(), Error> {
        let before = self.promised();
        // Where nothing is promised, it does not matter how many slots there are.
        let matters = before.slots.max(after.slots) > 0;
        let before = Promised { free_slots: if matters { self.arena.slots()? } else { 0 }, ..before };
        let mut demands = demands.to_vec();
        demands.push(extents.demand());
        let capacity = self.config().capacity;
        let mut first = None;
        loop {
            let free_slots = extents.slots().unwrap_or(before.free_slots);
            let after = Promised { free_slots, ..after };
            match self.space.ensure(capacity, &demands, extents.returned(), before, after) {
                Ok(()) => return Ok(()),
                Err(shortage) if extents.shrink(shortage.missing)? => _ = first.get_or_insert(shortage),
                Err(shortage) => return Err(first.unwrap_or(shortage).into()),
            }
        }
    }

    /// The same for growth that has nothing to do with objects and uploads, which then cannot be refused.
    pub(crate) fn reserve_for(&self, demands: &[Demand<'_, StoreMemory<M>>]) -> Result<(), Error> {
        let mut extents = Extents::of(&self.arena);
        self.reserve(demands, &mut extents, self.promised())?;
        extents.commit();
        Ok(())
    }

    /// Grows memories that have nothing to do with objects and uploads by what they demand.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); nothing has grown then.
    pub(crate) fn grow(&self, demands: &[Demand<'_, StoreMemory<M>>]) -> Result<(), Error> {
        self.reserve_for(demands)?;
        for Demand { memory, pages } in demands.iter().filter(|demand| demand.pages > 0) {
            assert!(memory.grow(*pages) >= 0, "the pages have been reserved");
        }
        Ok(())
    }

    /// Makes a change of one map that has nothing to do with objects and uploads.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub(crate) fn commit_alone<K: Storable, V: Storable>(
        &self,
        mut change: Transaction<'_, K, V, StoreMemory<M>>,
    ) -> Result<(), Error> {
        self.reserve_for(&[change.demand()])?;
        change.commit();
        Ok(())
    }

    /// What uploads have been promised, but for the free slots.
    pub(crate) fn promised(&self) -> Promised {
        Promised {
            free_slots: 0,
            slots: self.ledger.get().reserved_slots,
            uploads: self.uploads.len(),
            index_pages: self.index.unused_pages(),
        }
    }

    /// How many more buckets any one store can take.
    pub(crate) fn free_buckets(&self) -> Result<u64, Error> {
        let promised = Promised { free_slots: self.arena.slots()?, ..self.promised() };
        Ok(self.space.free_buckets(self.config().capacity, 0, promised))
    }
}

/// Opens the map in the memory with this identifier. `name` is what errors call it.
pub(crate) fn open_map<K: Storable, V: Storable, M: Memory + Clone>(
    space: &Space<M>,
    id: MemoryId,
    name: &'static str,
) -> Result<Map<K, V, StoreMemory<M>>, OpenError> {
    let cached_pages = if id == OBJECTS { MAX_CACHED_PAGES } else { FEW_CACHED_PAGES };
    // Buckets belong to a memory as a whole anyway.
    let options = btree::Options { name, growth_pages: BUCKET_PAGES, cached_pages };
    Map::open(space.memory(id), Some((space.first_page(), tree_header_at(id))), options)
}
