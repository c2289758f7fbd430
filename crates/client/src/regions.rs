//! Calls for regions.

use candid::Principal;
use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{RegionInfo, RegionLoad, RegionStore, RegionValue, StableVarInfo, check};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Creates an empty region that belongs to the caller.
    pub async fn region_new(&self) -> Result<RegionInfo> {
        self.call(method!("region_new"), ()).await
    }

    /// Returns the caller's regions, or all regions if the caller is an admin.
    pub async fn region_list(&self) -> Result<Vec<RegionInfo>> {
        self.call(method!("region_list"), ()).await
    }

    /// Returns the metadata of a region.
    pub async fn region_info(&self, region: u64) -> Result<RegionInfo> {
        self.call(method!("region_info"), (region,)).await
    }

    /// Grows a region by `pages` pages of 64 KiB, and returns its previous size in pages.
    pub async fn region_grow(&self, region: u64, pages: u64) -> Result<u64> {
        self.call(method!("region_grow"), (region, pages)).await
    }

    /// Loads bytes of a region, at most 2,031,616.
    pub async fn region_load_blob(&self, region: u64, offset: u64, length: u64) -> Result<Vec<u8>> {
        self.check("region_load_blob", || check::reply(length))?;
        self.call(method!("region_load_blob"), (region, offset, length)).await.map(ByteBuf::into_vec)
    }

    /// Stores bytes in a region, at most 2,031,616.
    pub async fn region_store_blob(&self, region: u64, offset: u64, bytes: &[u8]) -> Result<()> {
        self.check("region_store_blob", || check::payload(bytes.len()))?;
        self.call(method!("region_store_blob"), (region, offset, Bytes::new(bytes))).await
    }

    /// Loads up to 1,000 values of a region, all as of one moment.
    pub async fn region_load(&self, region: u64, loads: &[RegionLoad]) -> Result<Vec<RegionValue>> {
        self.check("region_load", || RegionLoad::check_all(loads))?;
        self.call(method!("region_load"), (region, loads)).await
    }

    /// Stores up to 1,000 values in a region, in order: all of them or none.
    pub async fn region_store(&self, region: u64, stores: &[RegionStore]) -> Result<()> {
        self.check("region_store", || RegionStore::check_all(stores))?;
        self.call(method!("region_store"), (region, stores)).await
    }

    /// Transfers a region to another principal.
    pub async fn region_set_owner(&self, region: u64, owner: Principal) -> Result<RegionInfo> {
        self.check("region_set_owner", || check::region_owner(&owner))?;
        self.call(method!("region_set_owner"), (region, owner)).await
    }

    /// Returns the number of bytes that an upgrade writes to stable memory.
    pub async fn stable_var_query(&self) -> Result<StableVarInfo> {
        let (info,) = self.call_plain(method!("stable_var_query"), ()).await?;
        Ok(info)
    }
}
