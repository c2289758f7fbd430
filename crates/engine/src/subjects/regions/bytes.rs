//! Loads and stores.

use std::borrow::Cow;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES};
use stable_storage_api::{Error, RegionLoad, RegionStore, RegionType, RegionValue};

use super::Regions;
use crate::base::caller::Caller;
use crate::base::layout::PAGE_BYTES;
use crate::memory::space::StoreMemory;

impl<M: Memory + Clone> Regions<'_, M> {
    /// Loads bytes of a region into the start of a buffer, which must be at least as long as the largest
    /// reply. Returns the number of bytes.
    pub(crate) fn region_load_blob_into(
        &self,
        id: u64,
        offset: u64,
        length: u64,
        buffer: &mut [u8],
        caller: &Caller,
    ) -> Result<usize, Error> {
        let memory = self.region_of(id, caller)?;
        check_range(&memory, offset, length)?;
        if length > MAX_REPLY_BYTES {
            return Err(Error::TooLarge { size: length, limit: MAX_REPLY_BYTES });
        }
        let length = length as usize;
        memory.read(offset, &mut buffer[..length]);
        Ok(length)
    }

    /// Stores bytes in a region.
    pub(crate) fn region_store_blob(
        &self,
        id: u64,
        offset: u64,
        bytes: &[u8],
        caller: &Caller,
    ) -> Result<(), Error> {
        let memory = self.region_of(id, caller)?;
        let length = bytes.len() as u64;
        check_range(&memory, offset, length)?;
        if length > MAX_PAYLOAD_BYTES {
            return Err(Error::TooLarge { size: length, limit: MAX_PAYLOAD_BYTES });
        }
        memory.write(offset, bytes);
        Ok(())
    }

    /// Loads up to 1,000 values of a region, all of the same moment.
    pub(crate) fn region_load(
        &self,
        id: u64,
        loads: &[RegionLoad],
        caller: &Caller,
    ) -> Result<Vec<RegionValue>, Error> {
        let memory = self.region_of(id, caller)?;
        check_count(loads.len())?;
        for load in loads {
            check_range(&memory, load.offset, load.kind.bytes())?;
        }
        // Each value is within the region, so the sum is far below 2^64.
        let size = loads.iter().map(|load| load.kind.bytes() + ITEM_OVERHEAD_BYTES).sum();
        if size > MAX_REPLY_BYTES {
            return Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES });
        }
        Ok(loads.iter().map(|load| load_value(&memory, load)).collect())
    }

    /// Stores up to 1,000 values in a region, in order: all of them or none. Where they overlap, the later
    /// one is kept.
    pub(crate) fn region_store(&self, id: u64, stores: &[RegionStore], caller: &Caller) -> Result<(), Error> {
        let memory = self.region_of(id, caller)?;
        check_count(stores.len())?;
        let stores: Vec<_> = stores.iter().map(|store| (store.offset, bytes_of(&store.value))).collect();
        for (offset, bytes) in &stores {
            check_range(&memory, *offset, bytes.len() as u64)?;
        }

        // No failure past this point.
        for (offset, bytes) in stores {
            memory.write(offset, &bytes);
        }
        Ok(())
    }

    /// Returns the memory of a region, if the caller may use it.
    fn region_of(&self, id: u64, caller: &Caller) -> Result<StoreMemory<M>, Error> {
        self.region_record(id, caller)?;
        Ok(self.region_memory(id))
    }
}

fn check_count(count: usize) -> Result<(), Error> {
    if count as u64 <= MAX_BATCH_ITEMS {
        return Ok(());
    }
    Err(Error::LimitExceeded { what: "loads or stores in one call".into(), limit: MAX_BATCH_ITEMS })
}

/// Refuses a range that is not within the pages of a region.
fn check_range(memory: &impl Memory, offset: u64, length: u64) -> Result<(), Error> {
    let size = memory.size() * PAGE_BYTES;
    match offset.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(Error::OutOfRange { offset, length, size }),
    }
}

/// Returns the bytes of a value in a region.
fn bytes_of(value: &RegionValue) -> Cow<'_, [u8]> {
    match value {
        RegionValue::Nat8(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Nat16(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Nat32(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Nat64(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Int8(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Int16(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Int32(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Int64(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Float(number) => Cow::Owned(number.to_le_bytes().into()),
        RegionValue::Blob(bytes) => Cow::Borrowed(bytes),
    }
}

fn load_value(memory: &impl Memory, load: &RegionLoad) -> RegionValue {
    match load.kind {
        RegionType::Nat8 => RegionValue::Nat8(u8::from_le_bytes(array(memory, load.offset))),
        RegionType::Nat16 => RegionValue::Nat16(u16::from_le_bytes(array(memory, load.offset))),
        RegionType::Nat32 => RegionValue::Nat32(u32::from_le_bytes(array(memory, load.offset))),
        RegionType::Nat64 => RegionValue::Nat64(u64::from_le_bytes(array(memory, load.offset))),
        RegionType::Int8 => RegionValue::Int8(i8::from_le_bytes(array(memory, load.offset))),
        RegionType::Int16 => RegionValue::Int16(i16::from_le_bytes(array(memory, load.offset))),
        RegionType::Int32 => RegionValue::Int32(i32::from_le_bytes(array(memory, load.offset))),
        RegionType::Int64 => RegionValue::Int64(i64::from_le_bytes(array(memory, load.offset))),
        RegionType::Float => RegionValue::Float(f64::from_le_bytes(array(memory, load.offset))),
        RegionType::Blob(length) => {
            let mut bytes = vec![0; length as usize];
            memory.read(load.offset, &mut bytes);
            RegionValue::Blob(ByteBuf::from(bytes))
        }
    }
}

fn array<const N: usize>(memory: &impl Memory, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    memory.read(offset, &mut bytes);
    bytes
}
