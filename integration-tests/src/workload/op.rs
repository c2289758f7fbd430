//! What can be done to a canister.

use storage_api::limits::CHUNK_BYTES;
use storage_api::{Role, Settings};

use crate::data::Random;

/// One operation. Uploads and regions are named by the order in which they were made; there may be fewer.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the arguments of the methods")]
pub enum Op {
    /// Stores a value, whatever is there.
    Put { key: &'static str, size: usize, seed: u64 },
    /// Stores a value if there is none.
    PutIfAbsent { key: &'static str, size: usize, seed: u64 },
    /// Stores two values or none; none where the keys are the same.
    PutBoth { keys: [&'static str; 2], size: usize, seed: u64 },
    /// Moves an object.
    Rename { from: &'static str, to: &'static str },
    /// Removes an object.
    Delete { key: &'static str },
    /// Removes all objects under a prefix.
    DeletePrefix { prefix: &'static str },
    /// Removes and returns the first object under a prefix.
    TakeFirst { prefix: &'static str },
    /// Appends entries of bytes to the log.
    Append { sizes: Vec<usize> },
    /// Appends a text to the log.
    Log { text: String },
    /// Opens an upload.
    CreateUpload { key: &'static str, size: u64, seed: u64 },
    /// Sends a chunk of an open upload.
    WriteChunk { upload: usize, chunk: u64 },
    /// Commits an open upload, complete or not.
    Commit { upload: usize },
    /// Aborts an open upload.
    Abort { upload: usize },
    /// Makes a region.
    RegionNew,
    /// Grows a region.
    RegionGrow { region: usize, pages: u64 },
    /// Stores bytes in a region, perhaps behind its end.
    RegionStore { region: usize, offset: u64, size: usize, seed: u64 },
    /// Gives a role to one of a few principals, or takes it away.
    SetRole { who: u8, role: Option<Role> },
    /// Changes settings.
    Configure(Settings),
    /// Upgrades the canister to itself.
    Upgrade { skip_pre_upgrade: bool },
}

impl Op {
    /// The next operation.
    pub fn random(random: &mut Random) -> Self {
        let seed = random.next_u64();
        match random.below(100) {
            0..18 => Self::Put { key: some_key(random), size: some_size(random), seed },
            18..23 => Self::PutIfAbsent { key: some_key(random), size: some_size(random), seed },
            23..27 => {
                Self::PutBoth { keys: [some_key(random), some_key(random)], size: some_size(random), seed }
            }
            27..34 => Self::Rename { from: some_key(random), to: some_key(random) },
            34..40 => Self::Delete { key: some_key(random) },
            40..42 => Self::DeletePrefix { prefix: some_key(random) },
            42..45 => Self::TakeFirst { prefix: some_key(random) },
            45..50 => Self::Append { sizes: (0..random.below(90)).map(|_| random.below(60)).collect() },
            50..53 => Self::Log { text: "entry ".repeat(random.below(20)) },
            53..58 => Self::CreateUpload { key: some_key(random), size: some_upload_size(random), seed },
            58..70 => Self::WriteChunk { upload: random.below(4), chunk: random.below(3) as u64 },
            70..75 => Self::Commit { upload: random.below(4) },
            75..77 => Self::Abort { upload: random.below(4) },
            77..79 => Self::RegionNew,
            79..82 => Self::RegionGrow { region: random.below(4), pages: random.below(4) as u64 },
            82..90 => Self::RegionStore {
                region: random.below(4),
                offset: random.below(200_000) as u64,
                size: random.below(70_000),
                seed,
            },
            90..93 => Self::SetRole { who: random.below(4) as u8, role: some_role(random) },
            93..95 => Self::Configure(some_settings(random)),
            95..98 => Self::Upgrade { skip_pre_upgrade: false },
            _ => Self::Upgrade { skip_pre_upgrade: true },
        }
    }
}

/// A key of a domain so small that objects meet.
fn some_key(random: &mut Random) -> &'static str {
    ["a", "a/1", "a/2", "b", "b/1", "é", "z"][random.below(7)]
}

/// A size near the places where something changes.
fn some_size(random: &mut Random) -> usize {
    match random.below(8) {
        0 => 0,
        1 => random.below(600_000),
        2..5 => 120 + random.below(16),
        _ => random.below(5_000),
    }
}

/// Mostly one chunk, sometimes two or three.
fn some_upload_size(random: &mut Random) -> u64 {
    let chunks = [0, 0, 0, 0, 1, 2][random.below(6)];
    chunks * CHUNK_BYTES + 1 + random.below(5_000) as u64
}

fn some_role(random: &mut Random) -> Option<Role> {
    [None, Some(Role::Reader), Some(Role::Writer), Some(Role::Admin)][random.below(4)]
}

fn some_settings(random: &mut Random) -> Settings {
    match random.below(3) {
        0 => Settings { max_uploads: Some(random.below(5) as u64), ..Settings::default() },
        1 => Settings { public_read: Some(random.below(2) == 0), ..Settings::default() },
        _ => Settings { upload_idle_ns: Some(random.below(1 << 50) as u64), ..Settings::default() },
    }
}
