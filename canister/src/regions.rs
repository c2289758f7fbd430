//! Regions.

use candid::Principal;
use ic_cdk::api::time;
use serde_bytes::Bytes;
use stable_storage_api::{RegionInfo, RegionLoad, RegionStore, RegionValue, Result, StableVarInfo};
use storage_engine::{Caller, UPGRADE_BYTES};
use storage_wire::Batch;

use crate::message::BATCH;
use crate::state::CanisterStore;

pub(crate) fn region_new(store: &mut CanisterStore, caller: &Caller) -> Result<RegionInfo> {
    store.region_new(caller, time())
}

pub(crate) fn region_list(store: &CanisterStore, caller: &Caller) -> Result<Vec<RegionInfo>> {
    store.region_list(caller)
}

pub(crate) fn region_info(store: &CanisterStore, caller: &Caller, region: u64) -> Result<RegionInfo> {
    store.region_info(region, caller)
}

pub(crate) fn region_grow(
    store: &mut CanisterStore,
    caller: &Caller,
    region: u64,
    pages: u64,
) -> Result<u64> {
    store.region_grow(region, pages, caller)
}

pub(crate) fn region_set_owner(
    store: &mut CanisterStore,
    caller: &Caller,
    region: u64,
    owner: Principal,
) -> Result<RegionInfo> {
    store.region_set_owner(region, owner, caller)
}

pub(crate) fn region_load_blob(
    store: &CanisterStore,
    room: &mut [u8],
    caller: &Caller,
    region: u64,
    offset: u64,
    length: u64,
) -> Result<usize> {
    store.region_load_blob_into(region, offset, length, room, caller)
}

pub(crate) fn region_store_blob(
    store: &mut CanisterStore,
    caller: &Caller,
    region: u64,
    offset: u64,
    bytes: &Bytes,
) -> Result<()> {
    store.region_store_blob(region, offset, bytes, caller)
}

pub(crate) fn region_load(
    store: &CanisterStore,
    caller: &Caller,
    region: u64,
    loads: Batch<RegionLoad, BATCH>,
) -> Result<Vec<RegionValue>> {
    store.region_load(region, &loads.0, caller)
}

pub(crate) fn region_store(
    store: &mut CanisterStore,
    caller: &Caller,
    region: u64,
    stores: Batch<RegionStore, BATCH>,
) -> Result<()> {
    store.region_store(region, &stores.0, caller)
}

/// Returns the sizes. The method has no result type, like Motoko's, so a caller without the role is rejected.
pub(crate) fn stable_var_query(_store: &CanisterStore) -> Result<StableVarInfo> {
    Ok(StableVarInfo { size: UPGRADE_BYTES })
}
