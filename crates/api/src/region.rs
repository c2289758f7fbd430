//! Regions: raw memories, with the semantics of Motoko's `Region`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::limits::ITEM_OVERHEAD_BYTES;
use crate::{Result, check};

/// Plural noun of the limit on a batch.
const IN_ONE_CALL: &str = "loads or stores in one call";

/// Identifier, owner and size of a region.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionInfo {
    /// Identifier: 16 for the first region, as in Motoko, then 17, and so on. Never reused.
    pub id: u64,
    /// Principal that may use it, in addition to admins.
    pub owner: Principal,
    /// Its size in pages of 64 KiB.
    pub pages: u64,
    /// Time of creation, in nanoseconds since 1970.
    pub created_ns: u64,
}

/// Type of a value to load from a region. Numbers are little-endian.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionType {
    /// One byte.
    Nat8,
    /// Two bytes.
    Nat16,
    /// Four bytes.
    Nat32,
    /// Eight bytes.
    Nat64,
    /// One byte, in two's complement.
    Int8,
    /// Two bytes, in two's complement.
    Int16,
    /// Four bytes, in two's complement.
    Int32,
    /// Eight bytes, in two's complement.
    Int64,
    /// Eight bytes, an IEEE 754 double.
    Float,
    /// This many bytes.
    Blob(u64),
}

impl RegionType {
    /// Returns the size of the value in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Nat8 | Self::Int8 => 1,
            Self::Nat16 | Self::Int16 => 2,
            Self::Nat32 | Self::Int32 => 4,
            Self::Nat64 | Self::Int64 | Self::Float => 8,
            Self::Blob(bytes) => *bytes,
        }
    }
}

/// Value loaded from a region or stored in one. The cases are those of [`RegionType`].
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the cases of RegionType say what they are")]
pub enum RegionValue {
    Nat8(u8),
    Nat16(u16),
    Nat32(u32),
    Nat64(u64),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Float(f64),
    Blob(ByteBuf),
}

/// One load of a `region_load`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionLoad {
    /// Offset in bytes from the start of the region.
    pub offset: u64,
    /// Type of the value.
    pub kind: RegionType,
}

impl RegionLoad {
    /// Checks that a batch has at most 1,000 loads, and that their values fit one reply.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) and [`Error::TooLarge`](crate::Error::TooLarge).
    pub fn check_all(loads: &[Self]) -> Result<()> {
        check::batch(loads.len(), IN_ONE_CALL)?;
        let sizes = loads.iter().map(|load| load.kind.bytes().saturating_add(ITEM_OVERHEAD_BYTES));
        check::reply(sizes.fold(0, u64::saturating_add))
    }
}

/// One store of a `region_store`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq)]
pub struct RegionStore {
    /// Offset in bytes from the start of the region.
    pub offset: u64,
    /// The value.
    pub value: RegionValue,
}

impl RegionStore {
    /// Checks that a batch has at most 1,000 stores.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded).
    pub fn check_all(stores: &[Self]) -> Result<()> {
        check::batch(stores.len(), IN_ONE_CALL)
    }
}

/// Reply of `stable_var_query`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StableVarInfo {
    /// Bytes that an upgrade writes to stable memory. Does not depend on what is stored.
    pub size: u64,
}
