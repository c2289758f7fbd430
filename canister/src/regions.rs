//! Regions.

use candid::Principal;
use ic_cdk::api::time;
use ic_cdk::{query, update};
use serde_bytes::Bytes;
use storage_api::{RegionInfo, RegionLoad, RegionStore, RegionValue, Result, StableVarInfo};
use storage_engine::UPGRADE_BYTES;

use crate::access;
use crate::state::{self, method};
use crate::wire::{Answer, Blob, endpoint};

#[update]
fn region_new() -> Result<RegionInfo> {
    state::update_as(method!("region_new"), |store, caller| store.region_new(caller, time()))
}

#[query]
fn region_list() -> Result<Vec<RegionInfo>> {
    state::query_as(method!("region_list"), |store, caller| store.region_list(caller))
}

#[query]
fn region_info(region: u64) -> Result<RegionInfo> {
    state::query_as(method!("region_info"), |store, caller| store.region_info(region, caller))
}

#[update]
fn region_grow(region: u64, pages: u64) -> Result<u64> {
    state::update_as(method!("region_grow"), |store, caller| store.region_grow(region, pages, caller))
}

#[update]
fn region_set_owner(region: u64, owner: Principal) -> Result<RegionInfo> {
    state::update_as(method!("region_set_owner"), |store, caller| {
        store.region_set_owner(region, owner, caller)
    })
}

endpoint!("canister_query region_load_blob": query fn region_load_blob(region: u64, offset: u64, length: u64) -> Result<Blob>);

fn region_load_blob(region: u64, offset: u64, length: u64) -> Result<Blob> {
    Blob::fill(|place| {
        state::query_as(method!("region_load_blob"), |store, caller| {
            store.region_load_blob_into(region, offset, length, place, caller)
        })
    })
}

impl Answer for () {}

endpoint!("canister_update region_store_blob": update fn region_store_blob(region: u64, offset: u64, bytes: &Bytes) -> Result<()>);

fn region_store_blob(region: u64, offset: u64, bytes: &Bytes) -> Result<()> {
    state::update_as(method!("region_store_blob"), |store, caller| {
        store.region_store_blob(region, offset, bytes, caller)
    })
}

#[query]
fn region_load(region: u64, loads: Vec<RegionLoad>) -> Result<Vec<RegionValue>> {
    state::query_as(method!("region_load"), |store, caller| store.region_load(region, &loads, caller))
}

#[update]
fn region_store(region: u64, stores: Vec<RegionStore>) -> Result<()> {
    state::update_as(method!("region_store"), |store, caller| store.region_store(region, &stores, caller))
}

fn may_ask_for_stable_var() -> Result<(), String> {
    access::guard(method!("stable_var_query"))
}

/// As Motoko's, this answers no result, so a caller who may not is rejected.
#[query(guard = "may_ask_for_stable_var")]
fn stable_var_query() -> StableVarInfo {
    StableVarInfo { size: UPGRADE_BYTES }
}
