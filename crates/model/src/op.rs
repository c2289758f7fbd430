//! The operations.

use stable_storage_api::{Role, Settings};

/// An operation. Keys, prefixes, callers and principals are small numbers; an upload is the number of one that is open.
///
/// Callers 0 and 1 may write, 2 is an admin, and 3 is nobody in particular.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the arguments of the methods")]
pub enum Op {
    /// Stores a value.
    Put { key: u8, size: u64, who: u8, condition: Cond, metadata: u8 },
    /// Stores the same value under several keys, all or none.
    PutMany { keys: Vec<u8>, size: u64, metadata: u8 },
    /// Removes an object.
    Delete { key: u8 },
    /// Removes objects under a prefix.
    DeletePrefix { prefix: u8, limit: u32 },
    /// Removes and returns the first object under a prefix.
    TakeFirst { prefix: u8 },
    /// Moves an object.
    Rename { from: u8, to: u8, condition: Cond },
    /// Hashes an object.
    Verify { key: u8 },
    /// Opens an upload, perhaps without a size. The digest is that of chunks with this seed.
    CreateUpload { key: u8, size: Option<u64>, who: u8, condition: Cond, metadata: u8, digest: Option<u8> },
    /// Sends a chunk, perhaps with a byte too much.
    WriteChunk { upload: u8, index: u64, seed: u8, is_long: bool, who: u8 },
    /// Sends all chunks that are missing.
    Fill { upload: u8, seed: u8 },
    /// Commits an upload, complete or not, with a right or a wrong end or none.
    Commit { upload: u8, who: u8, end: u8 },
    /// Aborts an upload.
    Abort { upload: u8, who: u8 },
    /// Opens many uploads without conditions, by three callers in turn, of sizes from this one on.
    CreateUploads { count: u16, size: u64 },
    /// Aborts the first uploads, as many as this.
    AbortUploads { count: u16 },
    /// Appends entries to the log.
    Append { sizes: Vec<u64> },
    /// Appends a text to the log.
    Log { words: u8 },
    /// Makes a region.
    RegionNew { who: u8 },
    /// Makes many regions, by three callers in turn.
    RegionsNew { count: u8 },
    /// Grows a region.
    RegionGrow { region: u64, pages: u64, who: u8 },
    /// Stores bytes in a region, perhaps behind its end.
    RegionStore { region: u64, offset: u64, size: u64, who: u8 },
    /// Gives a region to somebody else.
    RegionOwner { region: u64, owner: u8, who: u8 },
    /// Gives a role, or takes it away.
    SetRole { principal: u8, role: Option<Role> },
    /// Changes settings, perhaps to what they cannot be.
    Configure { settings: Settings },
    /// Nothing happens for so many seconds, or the clock is set back.
    Wait { seconds: i64 },
    /// Another heap over the same memory, as after a crash of a program that has a store in a file.
    Reopen,
    /// An upgrade, with or without `pre_upgrade`.
    Upgrade { sealed: bool },
}

/// A condition, in words that do not depend on what is there.
#[derive(Clone, Copy, Debug)]
pub enum Cond {
    /// None.
    Any,
    /// That there is nothing.
    Absent,
    /// That there is what is there.
    Current,
    /// That there is what never was there.
    Stale,
}
