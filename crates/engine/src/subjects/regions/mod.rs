//! Regions: raw memories with the semantics of Motoko's `Region`, isolated from each other and owned.
//!
//! Each region is one of the memories that share the buckets, and its identifier is the memory's number. A
//! region grows by pages and never shrinks; new pages are zero. It belongs to its creator; admins can use
//! every region.

mod bytes;
mod check;
mod record;
#[cfg(test)]
mod tests;

use std::ops::Bound;

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::limits::{FIRST_REGION, MAX_REGIONS, MAX_STABLE_BYTES};
use stable_storage_api::{Error, RegionInfo, Role};

use crate::base::caller::Caller;
use crate::base::growth::Growth;
use crate::base::layout::{MemoryId, PAGE_BYTES, REGIONS};
use crate::base::open::OpenError;
use crate::core::{Core, open_map};
use crate::memory::space::{Space, StoreMemory};
use crate::structures::btree::{Map, Raw};
use record::Record;

/// The records of all regions.
pub(crate) type RegionRecords<M> = Map<u64, Raw, M>;

/// Opens the records.
pub(crate) fn open<M: Memory + Clone>(space: &Space<M>) -> Result<RegionRecords<StoreMemory<M>>, OpenError> {
    open_map(space, REGIONS, "regions")
}

/// The regions of a store.
pub(crate) struct Regions<'a, M: Memory> {
    pub(crate) core: &'a Core<M>,
    pub(crate) records: &'a RegionRecords<StoreMemory<M>>,
}

impl<M: Memory + Clone> Regions<'_, M> {
    /// Creates a region of no pages that belongs to the caller. `now_ns` is the time in nanoseconds since
    /// 1970.
    pub(crate) fn region_new(&self, caller: &Caller, now_ns: u64) -> Result<RegionInfo, Error> {
        let count = self.records.len();
        if count >= MAX_REGIONS {
            return Err(Error::LimitExceeded { what: "regions".into(), limit: MAX_REGIONS });
        }
        let id = FIRST_REGION + count;
        let record = Record { owner: caller.principal, created_ns: now_ns };
        self.store_region_record(id, &record)?;
        Ok(self.region_info_of(id, &record))
    }

    /// Returns the caller's regions, or all regions for an admin, in the order of creation.
    pub(crate) fn region_list(&self, caller: &Caller) -> Result<Vec<RegionInfo>, Error> {
        let mut regions = Vec::new();
        for region in self.records.from(Bound::Unbounded, |_| true) {
            let (id, raw) = region?;
            let record = record_of(id, &raw)?;
            if caller.may_use(record.owner) {
                regions.push(self.region_info_of(id, &record));
            }
        }
        Ok(regions)
    }

    /// Returns the metadata of a region.
    pub(crate) fn region_info(&self, id: u64, caller: &Caller) -> Result<RegionInfo, Error> {
        Ok(self.region_info_of(id, &self.region_record(id, caller)?))
    }

    /// Grows a region by `pages` pages of 64 KiB, and returns its previous number of pages. New pages are
    /// zero.
    pub(crate) fn region_grow(&self, id: u64, pages: u64, caller: &Caller) -> Result<u64, Error> {
        self.region_record(id, caller)?;
        let memory = self.region_memory(id);
        if pages > MAX_STABLE_BYTES / PAGE_BYTES {
            let (requested, available) = (pages.saturating_mul(PAGE_BYTES), self.core.free_bytes()?);
            return Err(Error::OutOfMemory { requested, available });
        }
        let before = memory.size();
        self.core.grow(&[Growth { memory: &memory, pages }])?;
        Ok(before)
    }

    /// Changes the owner of a region.
    pub(crate) fn region_set_owner(
        &self,
        id: u64,
        owner: Principal,
        caller: &Caller,
    ) -> Result<RegionInfo, Error> {
        let record = Record { owner, ..self.region_record(id, caller)? };
        stable_storage_api::check::region_owner(&owner)?;
        self.store_region_record(id, &record)?;
        Ok(self.region_info_of(id, &record))
    }

    /// Returns the size of all regions together, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        // The map's own count may be corrupt.
        let ids = FIRST_REGION..FIRST_REGION + self.records.len().min(MAX_REGIONS);
        ids.map(|id| self.region_memory(id).size() * PAGE_BYTES).sum()
    }

    /// Returns the record of a region, if the caller may use it.
    fn region_record(&self, id: u64, caller: &Caller) -> Result<Record, Error> {
        let record = record_of(id, &self.records.get(&id)?.ok_or(Error::NotFound)?)?;
        if caller.may_use(record.owner) {
            Ok(record)
        } else {
            Err(Error::Unauthorized { needed: Role::Admin })
        }
    }

    fn region_info_of(&self, id: u64, record: &Record) -> RegionInfo {
        let &Record { owner, created_ns } = record;
        RegionInfo { id, owner, pages: self.region_memory(id).size(), created_ns }
    }

    /// Returns the memory of a region.
    fn region_memory(&self, id: u64) -> StoreMemory<M> {
        let id = u8::try_from(id).expect("region identifiers are below 255");
        self.core.space.memory(MemoryId::new(id))
    }

    fn store_region_record(&self, id: u64, record: &Record) -> Result<(), Error> {
        let mut records = self.records.begin();
        records.insert(&id, &record.encode())?;
        self.core.commit_alone(records)
    }
}

/// Decodes the record of a region. Rejects identifiers outside the region range, which would expose another
/// structure's memory.
fn record_of(id: u64, raw: &Raw) -> Result<Record, Error> {
    if !(FIRST_REGION..FIRST_REGION + MAX_REGIONS).contains(&id) {
        return Err(Error::corrupted(format!("region id {id} is out of range"), 0));
    }
    Record::decode(&raw.0)
}
