//! The status that an operator sees.

use ic_stable_structures::Memory;
use stable_storage_api::{ArenaStatus, CertifiedBytes, Error, Status, StoreBytes, UpgradeStatus};

use super::Store;
use crate::base::layout::{
    ARENA, HASH_TREE, LAYOUT_VERSION, LOG, LOG_INDEX, LOG_RANGE, OBJECTS, PAGE_BYTES, PENDING, PIECES,
    REGIONS, ROLES, SCOPES, UPLOADS,
};
use crate::core::extents::Extents;
use crate::memory::space::Reservations;
use crate::structures::arena::{SLOT_BYTES, SLOT_EXTENT_BYTES};

/// Facts that the host provides and the store cannot know.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// Version of the software.
    pub version: String,
    /// Revision and toolchain of the build.
    pub build: String,
    /// Size of the WebAssembly heap, in bytes.
    pub heap_bytes: u64,
    /// Cycle balance of the canister.
    pub cycles: u128,
}

impl<M: Memory + Clone> Store<M> {
    /// Returns the state of the store, in time that does not depend on what is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if the header of the arena is corrupt.
    pub fn status(&self, host: HostFacts) -> Result<Status, Error> {
        let arena = self.core.arena.stats()?;
        let bytes_of = |id| self.core.space.memory(id).size() * PAGE_BYTES;
        Ok(Status {
            version: host.version,
            build: host.build,
            layout_version: LAYOUT_VERSION,
            capacity_bytes: self.config().capacity,
            stable_bytes: self.core.space.physical_bytes(),
            storable_bytes: self.storable_bytes()?,
            stores: StoreBytes {
                objects: bytes_of(OBJECTS),
                arena: bytes_of(ARENA),
                log: bytes_of(LOG),
                log_index: bytes_of(LOG_INDEX),
                uploads: bytes_of(UPLOADS),
                roles: bytes_of(ROLES),
                regions: bytes_of(REGIONS),
                region_data: self.regions().bytes(),
                certified: self.certified_bytes(),
            },
            objects: self.core.index.len(),
            object_bytes: self.core.ledger().object_bytes,
            revision: self.core.ledger().revision,
            log_entries: self.log.info().length,
            uploads: self.core.uploads.len(),
            regions: self.regions.len(),
            roles: self.roles.len(),
            arena: ArenaStatus {
                used_bytes: arena.used_bytes,
                free_bytes: arena.free_bytes,
                extents: arena.extents,
                largest_free_bytes: arena.largest_free_bytes,
                fragmentation: fragmentation(arena.free_bytes, arena.largest_free_bytes),
                reserved_bytes: self.core.ledger().reserved_slots * SLOT_BYTES,
            },
            heap_bytes: host.heap_bytes,
            cycles: host.cycles,
            upgrades: UpgradeStatus {
                count: self.core.header().upgrades,
                last_was_sealed: self.core.header().last_was_sealed,
                open_instructions: self.core.header().open_instructions,
            },
            operations: self.counters.operations(),
            refusals: self.counters.refusals(),
        })
    }

    /// Returns the memory of certification, if it has any.
    fn certified_bytes(&self) -> Option<CertifiedBytes> {
        let bytes_of = |id| self.core.space.memory(id).size() * PAGE_BYTES;
        let certified = CertifiedBytes {
            hash_tree: bytes_of(HASH_TREE),
            log_range: bytes_of(LOG_RANGE),
            scopes: bytes_of(SCOPES),
            pieces: bytes_of(PIECES),
            pending: bytes_of(PENDING),
        };
        (certified.total() > 0).then_some(certified)
    }

    /// Returns the largest size of an upload that would be accepted now and could be completed. The result
    /// may be slightly too small, because a large object is counted in whole extents, and a slot is set aside
    /// for its table.
    fn storable_bytes(&self) -> Result<u64, Error> {
        let capacity = self.config().capacity;
        let mut extents = Extents::of(&self.core.arena);
        let mut reservations =
            Reservations { free_slots: self.core.arena.slots()?, ..self.core.reservations()? };
        let missing_buckets = self.core.space.missing_buckets(capacity, 0, reservations);
        reservations.uploads += 1;
        // One more upload may need a bucket reserved for the index, which the arena may have to free.
        while let more @ 1.. = self
            .core
            .space
            .missing_buckets(capacity, extents.returned(), reservations)
            .saturating_sub(missing_buckets)
        {
            if !extents.shrink(more)? {
                return Ok(0);
            }
            reservations.free_slots = extents.slots().unwrap_or_default();
        }
        let slots = reservations.free_slots.saturating_sub(reservations.slots);
        let buckets = self.core.space.free_buckets(capacity, extents.returned(), reservations);
        // An empty arena can also use the bucket that is reserved for it.
        let first = u64::from(self.core.space.memory(ARENA).size() == 0);
        let fresh = (buckets + first) / self.core.space.bucket_size().per_slot();
        Ok((slots + fresh).saturating_sub(1) * SLOT_EXTENT_BYTES)
    }
}

/// Returns the share of the free bytes that is outside the largest free block.
fn fragmentation(free_bytes: u64, largest_free_bytes: u64) -> f64 {
    if free_bytes == 0 { 0.0 } else { 1.0 - largest_free_bytes as f64 / free_bytes as f64 }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;
    use stable_storage_api::UploadArgs;

    use super::*;
    use crate::base::caller::Caller;
    use crate::subjects::objects::Put;

    #[test]
    fn the_status_states_the_memory_of_each_structure_in_whole_pages() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("inline", b"value"), 0).unwrap();
        store.append(&["entry"]).unwrap();
        assert_eq!(store.status(HostFacts::default()).unwrap().stores.certified, None);
        store.set_certified("", true).unwrap();
        let pages = |id| store.core.space.memory(id).size();
        let status = store.status(HostFacts::default()).unwrap();
        let (stores, certified) = (&status.stores, status.stores.certified.unwrap());
        for (bytes, id) in [
            (stores.objects, OBJECTS),
            (stores.arena, ARENA),
            (stores.log, LOG),
            (stores.log_index, LOG_INDEX),
            (certified.hash_tree, HASH_TREE),
            (certified.scopes, SCOPES),
            (certified.pending, PENDING),
        ] {
            assert_eq!((bytes / PAGE_BYTES, bytes % PAGE_BYTES), (pages(id), 0), "{id:?}");
        }
        assert!(stores.log > 0 && certified.scopes > 0 && stores.arena == 0);
    }

    #[test]
    fn a_slot_that_is_reserved_and_free_leaves_other_structures_their_space() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("first", &[1; 100_000]), 0).unwrap();
        let free = store.core.free_bytes().unwrap();
        let caller = Caller { principal: candid::Principal::anonymous(), is_admin: true };
        store.create_upload(&UploadArgs::new("upload", SLOT_EXTENT_BYTES), &caller, 0).unwrap();
        assert_eq!(store.core.ledger().reserved_slots, 1);
        assert_eq!(store.core.free_bytes().unwrap(), free);
    }
}
