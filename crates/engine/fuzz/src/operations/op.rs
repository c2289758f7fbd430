//! The operations, and the few keys, sizes and principals that they have, so that they meet.

use arbitrary::Arbitrary;
use candid::Principal;
use storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES, MIN_CAPACITY_BYTES};
use storage_api::{Role, Settings};
use storage_engine::arena::SLOT_EXTENT_BYTES;
use storage_engine::{Caller, INLINE_LIMIT};

#[derive(Arbitrary, Clone, Debug)]
pub(super) enum Op {
    Put { key: u8, size: Size, condition: Cond },
    PutMany { keys: [u8; 3], size: Size },
    Delete { key: u8 },
    DeletePrefix { prefix: u8, limit: u8 },
    TakeFirst { prefix: u8 },
    Rename { from: u8, to: u8, condition: Cond },
    Verify { key: u8 },
    Append { sizes: Vec<u8>, size: Size },
    CreateUpload { who: u8, key: u8, size: UploadSize, condition: Cond },
    WriteChunk { who: u8, upload: u8, index: u8, wrong: Wrong },
    FillUpload { upload: u8 },
    CommitUpload { who: u8, upload: u8 },
    AbortUpload { who: u8, upload: u8 },
    RegionNew { who: u8 },
    RegionGrow { who: u8, region: u8, pages: u16 },
    RegionStore { who: u8, region: u8, offset: u32, size: u8 },
    RegionOwner { who: u8, region: u8, owner: u8 },
    SetRole { who: u8, role: u8 },
    Configure { buckets: u8, max_uploads: u8 },
    PassDays { days: u8 },
    Reopen { sealed: bool },
}

/// What must hold of the object that is there.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Cond {
    Any,
    Absent,
    Current,
    Stale,
}

/// The size of a value: on both sides of the inline limit, and up to more than there may be.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Size {
    Small(u8),
    NearInline(u8),
    Medium(u16),
    NearMost(u8),
}

impl Size {
    pub(super) fn bytes(self) -> usize {
        let near = |middle: u64, offset: u8| middle as usize + usize::from(offset % 8) - 4;
        match self {
            Self::Small(size) => size.into(),
            Self::NearInline(offset) => near(INLINE_LIMIT, offset),
            Self::Medium(size) => size.into(),
            Self::NearMost(offset) => near(MAX_PAYLOAD_BYTES, offset),
        }
    }
}

/// The size of an upload: around whole chunks and whole extents, and far more than there is room for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum UploadSize {
    Bytes(u16),
    Chunks(u8, i8),
    Extents(u8, i8),
    Huge(u64),
}

impl UploadSize {
    pub(super) fn bytes(self) -> u64 {
        let near = |middle: u64, offset: i8| middle.saturating_add_signed(offset.into());
        match self {
            Self::Bytes(size) => size.into(),
            Self::Chunks(count, offset) => near(u64::from(count % 4) * CHUNK_BYTES, offset),
            Self::Extents(count, offset) => near(u64::from(count % 6) * SLOT_EXTENT_BYTES, offset),
            Self::Huge(size) => size,
        }
    }
}

/// What is wrong with a chunk.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    Bytes,
    Length,
}

/// Keys of which some are prefixes of others, one that is as long as it may be, and two that are none.
pub(super) fn key(number: u8) -> String {
    match number % 10 {
        0 => "k".into(),
        1 => "k/1".into(),
        2 => "k/".repeat(512),
        3 => String::new(),
        4 => "k/".repeat(512) + "é",
        other => format!("k/{other}é"),
    }
}

/// Prefixes of all keys, of some and of none.
pub(super) fn prefix(number: u8) -> &'static str {
    ["", "k/", "k/k", "z"][usize::from(number % 4)]
}

/// An admin, and two who are not; the last is anonymous.
pub(super) fn caller(number: u8) -> Caller {
    match number % 4 {
        0 | 1 => Caller { principal: Principal::from_slice(&[1]), is_admin: true },
        2 => Caller { principal: Principal::from_slice(&[2]), is_admin: false },
        _ => Caller { principal: Principal::anonymous(), is_admin: false },
    }
}

pub(super) fn role(number: u8) -> Option<Role> {
    [None, Some(Role::Reader), Some(Role::Writer), Some(Role::Admin)][usize::from(number % 4)]
}

/// From less than there may be to room for a few buckets.
pub(super) fn settings(buckets: u8, max_uploads: u8) -> Settings {
    let capacity = MIN_CAPACITY_BYTES + u64::from(buckets % 16) * (16 << 20);
    let capacity = if buckets == 255 { MIN_CAPACITY_BYTES - 1 } else { capacity };
    Settings { capacity: Some(capacity), max_uploads: Some((max_uploads % 5).into()), ..Settings::default() }
}
