//! Operations on regions.

use std::collections::BTreeMap;

use candid::Principal;
use storage_api::limits::{MAX_REGIONS, PAGE_BYTES};

use super::Pair;
use super::model::Region;
use super::op::{Op, caller};

impl Pair {
    pub(super) fn apply_to_regions(&mut self, op: &Op) {
        match *op {
            Op::RegionNew { who } => self.region_new(who),
            Op::RegionGrow { who, region, pages } => self.region_grow(who, region_id(region), pages.into()),
            Op::RegionStore { who, region, offset, size } => {
                self.region_store(who, region_id(region), offset.into(), size);
            }
            Op::RegionOwner { who, region, owner } => self.region_owner(who, region_id(region), owner),
            ref other => unreachable!("{other:?} is for somebody else"),
        }
    }

    fn region_new(&mut self, who: u8) {
        let caller = caller(who);
        let is_full = self.model.regions.len() as u64 >= MAX_REGIONS;
        let expected = if is_full { Err("LimitExceeded") } else { Ok(()) };
        if let Some(info) = self.agree(expected, |store, now| store.region_new(&caller, now)) {
            assert_eq!(info.id, 16 + self.model.regions.len() as u64);
            let region = Region { owner: caller.principal, pages: 0, bytes: BTreeMap::new() };
            self.model.regions.push(region);
        }
    }

    fn region_grow(&mut self, who: u8, id: u64, pages: u64) {
        let caller = caller(who);
        let expected = self.model.may_use_region(id, &caller).map(drop);
        if let Some(before) = self.agree(expected, |store, _| store.region_grow(id, pages, &caller)) {
            let region = self.region(id);
            assert_eq!(before, region.pages);
            region.pages += pages;
        }
    }

    fn region_store(&mut self, who: u8, id: u64, offset: u64, size: u8) {
        let caller = caller(who);
        let bytes = super::value(self.model.now_ns | 1, size.into());
        let expected = self.model.may_use_region(id, &caller).and_then(|region| {
            let end = offset + u64::from(size);
            if end <= region.pages * PAGE_BYTES { Ok(()) } else { Err("OutOfRange") }
        });
        let stored = self.agree(expected, |store, _| store.region_store_blob(id, offset, &bytes, &caller));
        if stored.is_some() {
            self.region(id).bytes.extend((offset..).zip(bytes));
        }
    }

    fn region_owner(&mut self, who: u8, id: u64, owner: u8) {
        let (caller, owner) = (caller(who), super::op::caller(owner).principal);
        let expected = self
            .model
            .may_use_region(id, &caller)
            .and_then(|_| if owner == Principal::anonymous() { Err("InvalidArgument") } else { Ok(()) });
        if self.agree(expected, |store, _| store.region_set_owner(id, owner, &caller)).is_some() {
            self.region(id).owner = owner;
        }
    }

    fn region(&mut self, id: u64) -> &mut Region {
        &mut self.model.regions[id as usize - 16]
    }
}

/// One of the first regions, or none.
fn region_id(number: u8) -> u64 {
    15 + u64::from(number % 6)
}
