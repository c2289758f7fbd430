//! Operations.

use stable_storage_api::{Role, Settings};

/// Operation. Keys, prefixes, callers and principals are small numbers; an upload is the number of an open one.
///
/// Callers 0 and 1 are writers, 2 is an admin, and 3 has no role.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the arguments of the methods")]
pub enum Op {
    /// Stores a value.
    Put { key: u8, size: u64, who: u8, condition: Cond, metadata: u8 },
    /// Stores the same value under several keys, all or none.
    PutMany { keys: Vec<u8>, size: u64, metadata: u8 },
    /// Removes an object.
    Delete { key: u8, condition: Cond },
    /// Removes objects, all or none, each on a condition.
    DeleteMany { keys: Vec<(u8, Cond)> },
    /// Removes objects under a prefix.
    DeletePrefix { prefix: u8, limit: u32 },
    /// Removes and returns the first object under a prefix.
    TakeFirst { prefix: u8 },
    /// Moves an object.
    Rename { from: u8, to: u8, condition: Cond },
    /// Copies an object, on a condition on it and on the one that it replaces, perhaps with other metadata.
    Copy { from: u8, to: u8, who: u8, source: Cond, condition: Cond, metadata: Option<u8> },
    /// Fills missing chunks of an upload from one of them on with an object, repeated until the upload ends.
    CopyChunks { upload: u8, first: u64, from: u8, source: Cond, who: u8 },
    /// Hashes an object.
    Verify { key: u8 },
    /// Opens an upload, perhaps without a size. The digest is that of chunks with this seed.
    CreateUpload { key: u8, size: Option<u64>, who: u8, condition: Cond, metadata: u8, digest: Option<u8> },
    /// Sends a chunk, perhaps with an extra byte.
    WriteChunk { upload: u8, index: u64, seed: u8, is_long: bool, who: u8 },
    /// Sends all missing chunks.
    Fill { upload: u8, seed: u8 },
    /// Commits an upload, complete or not, with a correct end, a wrong one or none.
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
    /// Creates a region.
    RegionNew { who: u8 },
    /// Creates many regions, by three callers in turn.
    RegionsNew { count: u8 },
    /// Grows a region.
    RegionGrow { region: u64, pages: u64, who: u8 },
    /// Stores bytes in a region, perhaps beyond its end.
    RegionStore { region: u64, offset: u64, size: u64, who: u8 },
    /// Transfers a region to another principal.
    RegionOwner { region: u64, owner: u8, who: u8 },
    /// Declares that the objects under a prefix are certified, or no longer.
    SetCertified { prefix: u8, is_certified: bool },
    /// Adds or replaces a site.
    SetSite { site: u8 },
    /// Removes a site.
    RemoveSite { site: u8 },
    /// Certifies more of the objects under a prefix, or of the site with this prefix.
    Certify { scope: u8 },
    /// Certifies more of the entries of the log.
    CertifyLog,
    /// Sets or removes a role.
    SetRole { principal: u8, role: Option<Role> },
    /// Changes settings, perhaps to invalid ones.
    Configure { settings: Settings },
    /// Time passes by this many seconds, or the clock is set back.
    Wait { seconds: i64 },
    /// Reopens the store: a new heap over the same memory, as after a crash of a program with a store in a file.
    Reopen,
    /// An upgrade, with or without `pre_upgrade`.
    Upgrade { sealed: bool },
}

/// Condition, independent of the state.
#[derive(Clone, Copy, Debug)]
pub enum Cond {
    /// None.
    Any,
    /// There is no object.
    Absent,
    /// The current revision.
    Current,
    /// A revision that never existed.
    Stale,
    /// The SHA-256 that the object has or declares, if any.
    Digest,
    /// A SHA-256 that no object has, of this many bytes.
    OtherDigest(u8),
}
