//! What an operator sees.

use ic_stable_structures::Memory;
use storage_api::{ArenaStatus, Error, Status, StoreBytes, UpgradeStatus};

use crate::arena::SLOT_BYTES;
use crate::layout::{ARENA, LAYOUT_VERSION, LOG, LOG_INDEX, OBJECTS, PAGE_BYTES, UPLOADS};
use crate::store::Store;

/// What only the host of a store knows.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// Version of the software.
    pub version: String,
    /// WebAssembly heap, in bytes.
    pub heap_bytes: u64,
    /// Cycles that the canister has.
    pub cycles: u128,
}

impl<M: Memory + Clone> Store<M> {
    /// The state of the store at a glance, in time that does not depend on what is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] where the head of the arena is damaged.
    pub fn status(&self, host: HostFacts) -> Result<Status, Error> {
        let arena = self.arena.stats()?;
        let bytes_of = |id| self.space.memory(id).size() * PAGE_BYTES;
        Ok(Status {
            version: host.version,
            layout_version: LAYOUT_VERSION,
            capacity_bytes: self.header.capacity,
            stable_bytes: self.space.physical_bytes(),
            stores: StoreBytes {
                objects: bytes_of(OBJECTS),
                arena: bytes_of(ARENA),
                log: bytes_of(LOG),
                log_index: bytes_of(LOG_INDEX),
                uploads: bytes_of(UPLOADS),
            },
            objects: self.index.len(),
            object_bytes: self.ledger.object_bytes,
            revision: self.ledger.revision,
            log_entries: self.log.info().length,
            uploads: self.uploads.len(),
            arena: ArenaStatus {
                used_bytes: arena.used_bytes,
                free_bytes: arena.free_bytes,
                extents: arena.extents,
                largest_free_bytes: arena.largest_free_bytes,
                reserved_bytes: self.ledger.reserved_slots * SLOT_BYTES,
            },
            heap_bytes: host.heap_bytes,
            cycles: host.cycles,
            upgrades: UpgradeStatus {
                count: self.header.upgrades,
                last_was_sealed: self.header.last_was_sealed,
                open_instructions: self.header.open_instructions,
            },
        })
    }
}
