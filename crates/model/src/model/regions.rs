//! Regions.

use std::collections::BTreeMap;
use std::rc::Rc;

use candid::Principal;
use stable_storage_api::limits::{
    FIRST_REGION, MAX_PAYLOAD_BYTES, MAX_REGIONS, MAX_STABLE_BYTES, PAGE_BYTES,
};
use stable_storage_api::{Error, RegionInfo};
use storage_engine::Caller;

use super::{Model, Value, check_owner};
use crate::call::Answer;

/// Region.
#[derive(Clone, Debug)]
pub(super) struct Region {
    owner: Principal,
    pub(super) pages: u64,
    created_ns: u64,
    /// Pages that something was stored in, by number. The others are zero.
    pub(super) written: BTreeMap<u64, Value>,
}

impl Region {
    pub(super) fn info(&self, id: u64) -> RegionInfo {
        RegionInfo { id, owner: self.owner, pages: self.pages, created_ns: self.created_ns }
    }

    fn store(&mut self, offset: u64, bytes: &[u8]) {
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (page, at) = (offset / PAGE_BYTES, (offset % PAGE_BYTES) as usize);
            let (part, after) = rest.split_at(rest.len().min(PAGE_BYTES as usize - at));
            let written = self.written.entry(page).or_insert_with(|| Rc::new(vec![0; PAGE_BYTES as usize]));
            Rc::make_mut(written)[at..at + part.len()].copy_from_slice(part);
            (offset, rest) = (offset + part.len() as u64, after);
        }
    }
}

impl Model {
    fn region(&mut self, id: u64, caller: &Caller) -> Result<&mut Region, Error> {
        let region = id.checked_sub(FIRST_REGION).and_then(|at| self.regions.get_mut(at as usize));
        let region = region.ok_or(Error::NotFound)?;
        check_owner(region.owner, caller)?;
        Ok(region)
    }

    pub(super) fn region_new(&mut self, caller: &Caller) -> Result<Answer, Error> {
        let count = self.regions.len() as u64;
        if count >= MAX_REGIONS {
            return Err(Error::LimitExceeded { what: "regions".into(), limit: MAX_REGIONS });
        }
        let (owner, created_ns) = (caller.principal, self.now_ns);
        let region = Region { owner, pages: 0, created_ns, written: BTreeMap::new() };
        let info = region.info(FIRST_REGION + count);
        self.regions.push(region);
        Ok(Answer::Region(info))
    }

    pub(super) fn region_grow(&mut self, id: u64, pages: u64, caller: &Caller) -> Result<Answer, Error> {
        let region = self.region(id, caller)?;
        if pages > MAX_STABLE_BYTES / PAGE_BYTES {
            return Err(Error::OutOfMemory { requested: pages.saturating_mul(PAGE_BYTES), available: 0 });
        }
        let before = region.pages;
        region.pages += pages;
        Ok(Answer::Pages(before))
    }

    pub(super) fn region_store(
        &mut self,
        id: u64,
        offset: u64,
        bytes: &[u8],
        caller: &Caller,
    ) -> Result<Answer, Error> {
        let region = self.region(id, caller)?;
        let (length, size) = (bytes.len() as u64, region.pages * PAGE_BYTES);
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(Error::OutOfRange { offset, length, size });
        }
        assert!(length <= MAX_PAYLOAD_BYTES, "no operation stores as much in a region");
        region.store(offset, bytes);
        Ok(Answer::Nothing)
    }

    pub(super) fn region_set_owner(
        &mut self,
        id: u64,
        owner: Principal,
        caller: &Caller,
    ) -> Result<Answer, Error> {
        let region = self.region(id, caller)?;
        if owner == Principal::anonymous() {
            return Err(Error::invalid("the owner"));
        }
        region.owner = owner;
        Ok(Answer::Region(region.info(id)))
    }
}
