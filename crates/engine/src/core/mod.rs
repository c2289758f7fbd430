//! The ground of every operation: the memory and its division, the arena, the maps that a change touches
//! together, the header and the ledger.

pub(crate) mod certified;
pub(crate) mod change;
pub(crate) mod counters;
pub(crate) mod extents;
pub mod header;
pub(crate) mod key;
pub(crate) mod ledger;
mod open_map;
pub(crate) mod table;

use std::cell::{Cell, OnceCell};

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::{Config, Error};

use crate::base::growth::Growth;
use crate::base::layout::{ARENA, LOG_MARK_AT, OBJECTS, TREE_HEADER_STEP, UPLOADS, tree_header_at};
use crate::base::open::OpenError;
use crate::core::certified::Certified;
use crate::core::extents::Extents;
use crate::core::header::Header;
use crate::core::key::Key;
use crate::core::ledger::{LEDGER_AT, LEDGER_BYTES, Ledger};
use crate::memory::space::{Reservations, Space, StoreMemory};
use crate::structures::arena::Arena;
use crate::structures::btree::{HEADER_BYTES, Map, Raw, Transaction};
use crate::structures::log::MARK_BYTES;
pub(crate) use open_map::open_map;

// The structures must fit in the first 4 KiB page.
const _: () = assert!(TREE_HEADER_STEP >= HEADER_BYTES as u64);
const _: () = assert!(LOG_MARK_AT + MARK_BYTES as u64 <= 4_096);

/// Entries of all objects, by key.
pub(crate) type Index<M> = Map<Key, Raw, StoreMemory<M>>;

/// Records of all open uploads, including expired ones, by identifier.
pub(crate) type UploadRecords<M> = Map<u64, Raw, StoreMemory<M>>;

/// The state that a change can touch. The header and the ledger equal those in memory: the setters write them
/// through.
pub(crate) struct Core<M: Memory> {
    pub(crate) space: Space<M>,
    pub(crate) arena: Arena<StoreMemory<M>>,
    pub(crate) index: Index<M>,
    pub(crate) uploads: UploadRecords<M>,
    /// What is needed once something is certified.
    certified: OnceCell<Box<Certified<M>>>,
    /// Largest size in bytes of a value that is stored in the index.
    pub(crate) inline_limit: u64,
    header: Cell<Header>,
    ledger: Cell<Ledger>,
}

impl<M: Memory + Clone> Core<M> {
    /// Opens the structures of a memory whose header and ledger have been read.
    pub(crate) fn open(
        space: Space<M>,
        header: Header,
        ledger: Ledger,
        inline_limit: u64,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            arena: Arena::with_bucket(space.memory(ARENA), space.bucket_size().bytes()),
            index: open_map(&space, OBJECTS, "object index")?,
            uploads: open_map(&space, UPLOADS, "uploads")?,
            certified: Certified::open_if_used(&space)?
                .map_or_else(OnceCell::new, |certified| Box::new(certified).into()),
            inline_limit,
            header: Cell::new(header),
            ledger: Cell::new(ledger),
            space,
        })
    }

    /// Returns the structures of certification, or `None` if nothing has ever been certified.
    pub(crate) fn certified(&self) -> Option<&Certified<M>> {
        self.certified.get().map(|certified| &**certified)
    }

    /// Returns the structures of certification, and opens them if nothing has been certified yet.
    pub(crate) fn certified_from_now_on(&self) -> Result<&Certified<M>, Error> {
        if self.certified.get().is_none() {
            let opened =
                Certified::open(&self.space).map_err(|error| Error::corrupted(error.to_string(), 0))?;
            _ = self.certified.set(Box::new(opened));
        }
        Ok(self.certified.get().expect("the cell has just been set"))
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

    /// Writes the ledger and the header of the index if they have changed. Most changes change both, which are
    /// then written together.
    pub(crate) fn write_totals(&self, ledger: Ledger, changes_index_header: bool) {
        let memory = self.space.raw();
        match (ledger != self.ledger.replace(ledger), changes_index_header) {
            (true, true) => {
                let mut bytes = [0; LEDGER_BYTES + HEADER_BYTES];
                bytes[..LEDGER_BYTES].copy_from_slice(&ledger.encode());
                bytes[LEDGER_BYTES..].copy_from_slice(&self.index.header_bytes());
                memory.write(LEDGER_AT, &bytes);
            }
            (true, false) => ledger.write(memory),
            (false, true) => memory.write(tree_header_at(OBJECTS), &self.index.header_bytes()),
            (false, false) => {}
        }
    }

    /// Reserves the pages by which the memories in `growths` and the arena grow. `after` has the reservations
    /// of uploads after the change. If the memories need free buckets at the end of the arena, the change of
    /// the arena shrinks it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]; nothing has grown in that case. [`Error::Corrupted`].
    pub(crate) fn reserve(
        &self,
        growths: &[Growth<'_, StoreMemory<M>>],
        extents: &mut Extents<'_, StoreMemory<M>>,
        after: Reservations,
    ) -> Result<(), Error> {
        // The usual change: nothing grows, and no upload has a reservation. If one had, the change only ends it.
        let grows = growths.iter().any(|growth| growth.pages > 0);
        if after.is_nothing() && !extents.has_begun() && !grows {
            return Ok(());
        }
        self.reserve_buckets(growths, extents, after)
    }

    #[inline(never)]
    fn reserve_buckets(
        &self,
        growths: &[Growth<'_, StoreMemory<M>>],
        extents: &mut Extents<'_, StoreMemory<M>>,
        after: Reservations,
    ) -> Result<(), Error> {
        let before = self.reservations()?;
        // Without a reservation, the number of free slots does not matter.
        let matters = before.slots.max(after.slots) > 0;
        let before = Reservations { free_slots: if matters { self.arena.slots()? } else { 0 }, ..before };
        let mut growths = growths.to_vec();
        growths.push(extents.growth());
        let capacity = self.config().capacity;
        let mut first = None;
        loop {
            let free_slots = extents.slots().unwrap_or(before.free_slots);
            let after = Reservations { free_slots, ..after };
            match self.space.ensure(capacity, &growths, extents.returned(), before, after) {
                Ok(()) => return Ok(()),
                Err(shortage) if extents.shrink(shortage.missing)? => _ = first.get_or_insert(shortage),
                Err(shortage) => return Err(first.unwrap_or(shortage).into()),
            }
        }
    }

    /// Reserves pages for growth that is unrelated to objects and uploads, and commits the change of the
    /// arena if it shrinks.
    fn reserve_for(&self, growths: &[Growth<'_, StoreMemory<M>>]) -> Result<(), Error> {
        let mut extents = Extents::of(&self.arena);
        self.reserve(growths, &mut extents, self.reservations()?)?;
        extents.commit();
        Ok(())
    }

    /// Grows memories that are unrelated to objects and uploads.
    ///
    /// # Errors
    ///
    /// The same as for [`reserve`](Self::reserve); nothing has grown in that case.
    pub(crate) fn grow(&self, growths: &[Growth<'_, StoreMemory<M>>]) -> Result<(), Error> {
        self.reserve_for(growths)?;
        for Growth { memory, pages } in growths.iter().filter(|growth| growth.pages > 0) {
            assert!(memory.grow(*pages) >= 0, "the pages have been reserved");
        }
        Ok(())
    }

    /// Commits a change of one map that is unrelated to objects and uploads.
    ///
    /// # Errors
    ///
    /// The same as for [`reserve`](Self::reserve).
    pub(crate) fn commit_alone<K: Storable, V: Storable>(
        &self,
        mut change: Transaction<'_, K, V, StoreMemory<M>>,
    ) -> Result<(), Error> {
        self.reserve_for(&[change.growth()])?;
        change.commit();
        Ok(())
    }

    /// Returns the reservations of uploads. `free_slots` is 0: the caller fills it in if needed.
    pub(crate) fn reservations(&self) -> Result<Reservations, Error> {
        let unused = self.certified().map(Certified::unused_pages).transpose()?;
        let (hash_tree_pages, pending_pages) = unused.unwrap_or_default();
        Ok(Reservations {
            free_slots: 0,
            slots: self.ledger.get().reserved_slots,
            uploads: self.uploads.len(),
            index_pages: self.index.unused_pages(),
            hash_tree_pages,
            pending_pages,
        })
    }

    /// Returns the number of bytes by which any one structure can still grow.
    pub(crate) fn free_bytes(&self) -> Result<u64, Error> {
        let reservations = Reservations { free_slots: self.arena.slots()?, ..self.reservations()? };
        let buckets = self.space.free_buckets(self.config().capacity, 0, reservations);
        Ok(buckets * self.space.bucket_size().bytes())
    }
}
