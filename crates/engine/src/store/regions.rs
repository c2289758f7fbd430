//! The methods of a store that are about regions: see [`crate::subjects::regions`].

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::{Error, RegionInfo, RegionLoad, RegionStore, RegionValue};

use super::Store;
use crate::base::caller::Caller;

impl<M: Memory + Clone> Store<M> {
    /// Loads bytes of a region to the front of a buffer, which is at least as long as a reply may be, and answers how many
    /// they are.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] where the region does not have them all; [`Error::TooLarge`] for more than fit one reply;
    /// [`Error::NotFound`], [`Error::Unauthorized`] for a region of somebody else, and [`Error::Corrupted`].
    ///
    /// # Panics
    ///
    /// Where the buffer is shorter than [`MAX_REPLY_BYTES`](crate::api::limits::MAX_REPLY_BYTES) and than what was asked for.
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
    /// [`Error::OutOfRange`] where the region does not have all of the place; [`Error::TooLarge`] for more than 2,031,616
    /// bytes; [`Error::NotFound`], [`Error::Unauthorized`] for a region of somebody else, and [`Error::Corrupted`].
    pub fn region_store_blob(
        &mut self,
        id: u64,
        offset: u64,
        bytes: &[u8],
        caller: &Caller,
    ) -> Result<(), Error> {
        self.regions().region_store_blob(id, offset, bytes, caller)
    }

    /// Loads up to 1,000 values of a region, all of one moment.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for the first one that the region does not have; [`Error::LimitExceeded`] for more than 1,000;
    /// [`Error::TooLarge`] for more bytes than fit one reply; [`Error::NotFound`], [`Error::Unauthorized`] for a region of
    /// somebody else, and [`Error::Corrupted`].
    pub fn region_load(
        &self,
        id: u64,
        loads: &[RegionLoad],
        caller: &Caller,
    ) -> Result<Vec<RegionValue>, Error> {
        self.regions().region_load(id, loads, caller)
    }

    /// Stores up to 1,000 values in a region, one after the other: all of them or none. Where they overlap, the later one
    /// holds.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for the first one that the region has no place for; [`Error::LimitExceeded`] for more than
    /// 1,000; [`Error::NotFound`], [`Error::Unauthorized`] for a region of somebody else, and [`Error::Corrupted`].
    pub fn region_store(&mut self, id: u64, stores: &[RegionStore], caller: &Caller) -> Result<(), Error> {
        self.regions().region_store(id, stores, caller)
    }

    /// Makes a region of no pages, which belongs to the caller. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] for more than 239 regions, and [`Error::OutOfMemory`].
    pub fn region_new(&mut self, caller: &Caller, now_ns: u64) -> Result<RegionInfo, Error> {
        self.regions().region_new(caller, now_ns)
    }

    /// The regions of the caller, or all of them for an admin, in the order in which they were made.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn region_list(&self, caller: &Caller) -> Result<Vec<RegionInfo>, Error> {
        self.regions().region_list(caller)
    }

    /// What is known of a region.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unauthorized`] for a region of somebody else, and [`Error::Corrupted`].
    pub fn region_info(&self, id: u64, caller: &Caller) -> Result<RegionInfo, Error> {
        self.regions().region_info(id, caller)
    }

    /// Grows a region by so many pages of 64 KiB, and answers how many it had. Fresh pages are zero.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where the capacity or the platform does not give as much; [`Error::NotFound`],
    /// [`Error::Unauthorized`] for a region of somebody else, and [`Error::Corrupted`].
    pub fn region_grow(&mut self, id: u64, pages: u64, caller: &Caller) -> Result<u64, Error> {
        self.regions().region_grow(id, pages, caller)
    }

    /// Gives a region to another principal.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for the anonymous principal; [`Error::NotFound`], [`Error::Unauthorized`] for a region of
    /// somebody else, [`Error::OutOfMemory`] and [`Error::Corrupted`].
    pub fn region_set_owner(
        &mut self,
        id: u64,
        owner: Principal,
        caller: &Caller,
    ) -> Result<RegionInfo, Error> {
        self.regions().region_set_owner(id, owner, caller)
    }
}
