//! Methods of a store for regions: see [`crate::subjects::regions`].

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::{Error, RegionInfo, RegionLoad, RegionStore, RegionValue};

use super::Store;
use crate::base::caller::Caller;

impl<M: Memory + Clone> Store<M> {
    /// Loads bytes of a region into the start of a buffer, which must be at least as long as the largest
    /// reply. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if the range ends after the region; [`Error::TooLarge`] for more bytes than fit
    /// in one reply; [`Error::NotFound`], [`Error::Unauthorized`] for another principal's region, and
    /// [`Error::Corrupted`].
    ///
    /// # Panics
    ///
    /// Panics if the buffer is shorter than both [`MAX_REPLY_BYTES`](crate::api::limits::MAX_REPLY_BYTES) and
    /// `length`.
    pub fn region_load_blob_into(
        &self,
        id: u64,
        offset: u64,
        length: u64,
        buffer: &mut [u8],
        caller: &Caller,
    ) -> Result<usize, Error> {
        self.regions().region_load_blob_into(id, offset, length, buffer, caller)
    }

    /// Stores bytes in a region.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if the range ends after the region; [`Error::TooLarge`] for more than 2,031,616
    /// bytes; [`Error::NotFound`], [`Error::Unauthorized`] for another principal's region, and
    /// [`Error::Corrupted`].
    pub fn region_store_blob(
        &mut self,
        id: u64,
        offset: u64,
        bytes: &[u8],
        caller: &Caller,
    ) -> Result<(), Error> {
        self.regions().region_store_blob(id, offset, bytes, caller)
    }

    /// Loads up to 1,000 values of a region, all of the same moment.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for the first value that ends after the region; [`Error::LimitExceeded`] for
    /// more than 1,000; [`Error::TooLarge`] for more bytes than fit in one reply; [`Error::NotFound`],
    /// [`Error::Unauthorized`] for another principal's region, and [`Error::Corrupted`].
    pub fn region_load(
        &self,
        id: u64,
        loads: &[RegionLoad],
        caller: &Caller,
    ) -> Result<Vec<RegionValue>, Error> {
        self.regions().region_load(id, loads, caller)
    }

    /// Stores up to 1,000 values in a region, in order: all of them or none. Where they overlap, the later
    /// one is kept.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for the first value that ends after the region; [`Error::LimitExceeded`] for
    /// more than 1,000; [`Error::NotFound`], [`Error::Unauthorized`] for another principal's region, and
    /// [`Error::Corrupted`].
    pub fn region_store(&mut self, id: u64, stores: &[RegionStore], caller: &Caller) -> Result<(), Error> {
        self.regions().region_store(id, stores, caller)
    }

    /// Creates a region of no pages that belongs to the caller. `now_ns` is the time in nanoseconds since
    /// 1970.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] for more than 239 regions, and [`Error::OutOfMemory`].
    pub fn region_new(&mut self, caller: &Caller, now_ns: u64) -> Result<RegionInfo, Error> {
        self.regions().region_new(caller, now_ns)
    }

    /// Returns the caller's regions, or all regions for an admin, in the order of creation.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn region_list(&self, caller: &Caller) -> Result<Vec<RegionInfo>, Error> {
        self.regions().region_list(caller)
    }

    /// Returns the metadata of a region.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unauthorized`] for another principal's region, and [`Error::Corrupted`].
    pub fn region_info(&self, id: u64, caller: &Caller) -> Result<RegionInfo, Error> {
        self.regions().region_info(id, caller)
    }

    /// Grows a region by `pages` pages of 64 KiB, and returns its previous number of pages. New pages are
    /// zero.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if the capacity or the platform does not allow the growth; [`Error::NotFound`],
    /// [`Error::Unauthorized`] for another principal's region, and [`Error::Corrupted`].
    pub fn region_grow(&mut self, id: u64, pages: u64, caller: &Caller) -> Result<u64, Error> {
        self.regions().region_grow(id, pages, caller)
    }

    /// Changes the owner of a region.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for the anonymous principal; [`Error::NotFound`], [`Error::Unauthorized`]
    /// for another principal's region, [`Error::OutOfMemory`] and [`Error::Corrupted`].
    pub fn region_set_owner(
        &mut self,
        id: u64,
        owner: Principal,
        caller: &Caller,
    ) -> Result<RegionInfo, Error> {
        self.regions().region_set_owner(id, owner, caller)
    }
}
