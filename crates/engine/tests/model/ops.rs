//! The operations, and how often each of them comes. The domains are tiny, so that operations meet.

use proptest::prelude::*;
use proptest::sample::select;
use storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES, MIN_UPLOAD_IDLE_NS};
use storage_api::{Role, Settings};
use storage_engine::INLINE_LIMIT;
use storage_engine::arena::SLOT_EXTENT_BYTES;

/// An operation. Keys, callers, principals and regions are small numbers; an upload is the number of one that is open.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Put {
        key: u8,
        size: u64,
        condition: Cond,
    },
    PutMany {
        keys: [u8; 3],
        size: u64,
    },
    Delete {
        key: u8,
    },
    DeletePrefix {
        limit: u32,
    },
    TakeFirst,
    Rename {
        from: u8,
        to: u8,
        condition: Cond,
    },
    Verify {
        key: u8,
    },
    Create {
        key: u8,
        size: u64,
        who: u8,
        condition: Cond,
        digest: Option<u8>,
    },
    Chunk {
        upload: u8,
        index: u64,
        seed: u8,
        who: u8,
    },
    /// All chunks that are missing, by an admin: one operation for each.
    Chunks {
        upload: u8,
        seed: u8,
    },
    Commit {
        upload: u8,
        who: u8,
    },
    Abort {
        upload: u8,
        who: u8,
    },
    Append {
        sizes: Vec<u64>,
    },
    RegionNew {
        who: u8,
    },
    RegionGrow {
        region: u64,
        pages: u64,
        who: u8,
    },
    RegionStore {
        region: u64,
        offset: u64,
        size: u64,
        who: u8,
    },
    RegionOwner {
        region: u64,
        to: u8,
        who: u8,
    },
    SetRole {
        principal: u8,
        role: Option<Role>,
    },
    Configure {
        settings: Settings,
    },
    /// Nothing happens for so many seconds.
    Wait {
        seconds: u64,
    },
    /// Another heap over the same memory, as after a crash of a program that has a store in a file.
    Reopen,
    /// An upgrade, with or without `pre_upgrade`.
    Upgrade {
        sealed: bool,
    },
}

/// A condition, in words that do not depend on what is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cond {
    Any,
    Absent,
    Current,
    Stale,
}

/// Sizes on both sides of the inline limit, and some large enough to fill a bucket soon.
fn size() -> impl Strategy<Value = u64> {
    let limit = INLINE_LIMIT;
    let large = 1_000_000..=MAX_PAYLOAD_BYTES;
    prop_oneof![4 => 0..64u64, 3 => limit - 2..limit + 3, 3 => 0..100_000u64, 2 => large]
}

/// Sizes on both sides of a chunk, and of an extent.
fn upload_size() -> impl Strategy<Value = u64> {
    let around = |bytes: u64| bytes - 1..bytes + 2;
    prop_oneof![
        3 => 0..100_000u64,
        3 => around(CHUNK_BYTES),
        2 => around(2 * CHUNK_BYTES),
        1 => around(SLOT_EXTENT_BYTES),
        1 => around(2 * SLOT_EXTENT_BYTES + 100_000),
    ]
}

fn condition() -> impl Strategy<Value = Cond> {
    prop_oneof![6 => Just(Cond::Any), 1 => Just(Cond::Absent), 1 => Just(Cond::Current), 1 => Just(Cond::Stale)]
}

fn object_op() -> impl Strategy<Value = Op> {
    let key = || 0..6u8;
    prop_oneof![
        8 => (key(), size(), condition()).prop_map(|(key, size, condition)| Op::Put { key, size, condition }),
        2 => (prop::array::uniform3(key()), size()).prop_map(|(keys, size)| Op::PutMany { keys, size }),
        4 => key().prop_map(|key| Op::Delete { key }),
        1 => (0..4u32).prop_map(|limit| Op::DeletePrefix { limit }),
        1 => Just(Op::TakeFirst),
        3 => (key(), key(), condition()).prop_map(|(from, to, condition)| Op::Rename { from, to, condition }),
        1 => key().prop_map(|key| Op::Verify { key }),
    ]
}

fn upload_op() -> impl Strategy<Value = Op> {
    let (upload, who, seed) = (|| 0..2u8, || select(vec![0, 0, 0, 2, 2, 1]), || select(vec![7, 7, 8]));
    prop_oneof![
        4 => (0..6u8, upload_size(), who(), condition(), prop::option::of(seed())).prop_map(
            |(key, size, who, condition, digest)| Op::Create { key, size, who, condition, digest }
        ),
        3 => (upload(), 0..3u64, seed(), who())
            .prop_map(|(upload, index, seed, who)| Op::Chunk { upload, index, seed, who }),
        8 => (upload(), seed()).prop_map(|(upload, seed)| Op::Chunks { upload, seed }),
        8 => (upload(), who()).prop_map(|(upload, who)| Op::Commit { upload, who }),
        1 => (upload(), who()).prop_map(|(upload, who)| Op::Abort { upload, who }),
        1 => (1..100u64).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

fn region_op() -> impl Strategy<Value = Op> {
    let (region, who) = (|| 16..18u64, || select(vec![0, 0, 0, 2, 2, 1]));
    let pages = prop_oneof![6 => 1..3u64, 1 => 255..258u64, 1 => Just(u64::MAX)];
    let offset = prop_oneof![6 => 0..70_000u64, 3 => 65_300..65_540u64, 1 => Just(u64::MAX)];
    prop_oneof![
        1 => who().prop_map(|who| Op::RegionNew { who }),
        2 => (region(), pages, who()).prop_map(|(region, pages, who)| Op::RegionGrow { region, pages, who }),
        4 => (region(), offset, 0..300u64, who())
            .prop_map(|(region, offset, size, who)| Op::RegionStore { region, offset, size, who }),
        1 => (region(), 0..4u8, who()).prop_map(|(region, to, who)| Op::RegionOwner { region, to, who }),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let idle = select(vec![0, MIN_UPLOAD_IDLE_NS, 2 * MIN_UPLOAD_IDLE_NS]);
    (prop::option::of(any::<bool>()), prop::option::of(0..4u64), prop::option::of(idle)).prop_map(
        |(public_read, max_uploads, upload_idle_ns)| Settings {
            capacity: None,
            public_read,
            max_uploads,
            upload_idle_ns,
        },
    )
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let role = select(vec![None, Some(Role::Reader), Some(Role::Writer), Some(Role::Admin)]);
    let entry = prop_oneof![9 => 0..5_000u64, 1 => 1_000_000..=MAX_PAYLOAD_BYTES];
    let sizes = prop_oneof![
        2 => prop::collection::vec(0..50u64, 0..80),
        1 => prop::collection::vec(entry, 0..4),
    ];
    prop_oneof![
        20 => object_op(),
        20 => upload_op(),
        4 => sizes.prop_map(|sizes| Op::Append { sizes }),
        8 => region_op(),
        3 => (0..5u8, role).prop_map(|(principal, role)| Op::SetRole { principal, role }),
        1 => settings().prop_map(|settings| Op::Configure { settings }),
        1 => Just(Op::Reopen),
        2 => any::<bool>().prop_map(|sealed| Op::Upgrade { sealed }),
    ]
}
