//! Calls for regions.

use candid::Principal;
use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{RegionInfo, RegionLoad, RegionStore, RegionValue, StableVarInfo, check};

use crate::{Client, Result, Transport, call::Kind};

impl<T: Transport> Client<T> {
    /// Makes a region of no pages, which belongs to the caller.
    pub async fn region_new(&self) -> Result<RegionInfo> {
        self.call(Kind::Update, "region_new", ()).await
    }

    /// The caller's regions, all of them for an admin.
    pub async fn region_list(&self) -> Result<Vec<RegionInfo>> {
        self.call(Kind::Query, "region_list", ()).await
    }

    /// What is known of a region.
    pub async fn region_info(&self, region: u64) -> Result<RegionInfo> {
        self.call(Kind::Query, "region_info", (region,)).await
    }

    /// Grows a region by so many pages of 64 KiB, and answers how many it had.
    pub async fn region_grow(&self, region: u64, pages: u64) -> Result<u64> {
        self.call(Kind::Update, "region_grow", (region, pages)).await
    }

    /// Bytes of a region, at most 2,031,616.
    pub async fn region_load_blob(&self, region: u64, offset: u64, length: u64) -> Result<Vec<u8>> {
        self.check("region_load_blob", || check::reply(length))?;
        self.call(Kind::Query, "region_load_blob", (region, offset, length)).await.map(ByteBuf::into_vec)
    }

    /// Stores bytes in a region, at most 2,031,616.
    pub async fn region_store_blob(&self, region: u64, offset: u64, bytes: &[u8]) -> Result<()> {
        self.check("region_store_blob", || check::payload(bytes.len()))?;
        self.call(Kind::Update, "region_store_blob", (region, offset, Bytes::new(bytes))).await
    }

    /// Up to 1,000 values of a region, all of one moment.
    pub async fn region_load(&self, region: u64, loads: &[RegionLoad]) -> Result<Vec<RegionValue>> {
        self.check("region_load", || RegionLoad::check_all(loads))?;
        self.call(Kind::Query, "region_load", (region, loads)).await
    }

    /// Stores up to 1,000 values in a region, in their order: all of them or none.
    pub async fn region_store(&self, region: u64, stores: &[RegionStore]) -> Result<()> {
        self.check("region_store", || RegionStore::check_all(stores))?;
        self.call(Kind::Update, "region_store", (region, stores)).await
    }

    /// Gives a region to another principal.
    pub async fn region_set_owner(&self, region: u64, owner: Principal) -> Result<RegionInfo> {
        self.check("region_set_owner", || check::region_owner(&owner))?;
        self.call(Kind::Update, "region_set_owner", (region, owner)).await
    }

    /// The bytes that an upgrade writes to stable memory.
    pub async fn stable_var_query(&self) -> Result<StableVarInfo> {
        let (info,) = self.call_plain(Kind::Query, "stable_var_query", ()).await?;
        Ok(info)
    }
}
