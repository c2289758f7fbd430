//! Regions: raw memories, with the semantics of Motoko's `Region`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::limits::ITEM_OVERHEAD_BYTES;
use crate::{Result, check};

/// What a batch has too many of.
const IN_ONE_CALL: &str = "loads or stores in one call";

/// What is known of a region.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionInfo {
    /// What the other methods are told: 16 for the first region, as in Motoko, then 17, and so on. Never used twice.
    pub id: u64,
    /// Who may use it, besides admins.
    pub owner: Principal,
    /// Its size in pages of 64 KiB.
    pub pages: u64,
    /// When it was made, in nanoseconds since 1970.
    pub created_ns: u64,
}

/// What to load from a region: how many bytes, and what they mean. Numbers are little-endian.
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
    /// So many bytes.
    Blob(u64),
}

impl RegionType {
    /// How many bytes it takes.
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

/// What is loaded from a region, or stored in one. The cases are those of [`RegionType`].
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
    /// Where, in bytes from the start of the region.
    pub offset: u64,
    /// What.
    pub kind: RegionType,
}

impl RegionLoad {
    /// Checks what needs no region: that a batch has at most 1,000 loads, and that all of them fit one reply.
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
    /// Where, in bytes from the start of the region.
    pub offset: u64,
    /// What.
    pub value: RegionValue,
}

impl RegionStore {
    /// Checks what needs no region: that a batch has at most 1,000 stores.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded).
    pub fn check_all(stores: &[Self]) -> Result<()> {
        check::batch(stores.len(), IN_ONE_CALL)
    }
}

/// What `stable_var_query` answers.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StableVarInfo {
    /// The bytes that an upgrade writes to stable memory, however much is stored.
    pub size: u64,
}
