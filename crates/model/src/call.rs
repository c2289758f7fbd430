//! Calls with the types of the contract, and their results.

use candid::Principal;
use stable_storage_api::{
    Appended, CertifyProgress, Config, CopyArgs, CopySource, DeleteArgs, DeletePrefixArgs, Deleted, Entry,
    PutArgs, Received, RegionInfo, RenameArgs, Role, Settings, Site, Upload, UploadArgs, UploadEnd,
    VerifyProgress, Written,
};

/// Call of a method that changes something, or another event.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the cases are the methods of the contract, and their arguments")]
pub enum Call {
    Put(PutArgs),
    PutMany(Vec<PutArgs>),
    Delete(DeleteArgs),
    DeleteMany(Vec<DeleteArgs>),
    DeletePrefix(DeletePrefixArgs),
    TakeFirst(String),
    Rename(RenameArgs),
    Copy(CopyArgs),
    CopyChunks {
        id: u64,
        first: u64,
        sources: Vec<CopySource>,
    },
    Verify(String),
    CreateUpload(UploadArgs),
    WriteChunk {
        id: u64,
        index: u64,
        bytes: Vec<u8>,
    },
    CommitUpload(u64, Option<UploadEnd>),
    AbortUpload(u64),
    Append(Vec<Vec<u8>>),
    Log(String),
    RegionNew,
    RegionGrow {
        id: u64,
        pages: u64,
    },
    RegionStore {
        id: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    RegionSetOwner {
        id: u64,
        owner: Principal,
    },
    SetCertified {
        prefix: String,
        is_certified: bool,
    },
    SetSite(Box<Site>),
    RemoveSite(String),
    Certify(String),
    CertifyLog,
    SetRole(Principal, Option<Role>),
    Configure(Settings),
    /// This many nanoseconds pass.
    Wait(u64),
    /// The clock is set back by this many nanoseconds. Not for a canister.
    Back(u64),
    /// The store is reopened: a new heap over the same memory.
    Reopen,
    /// An upgrade, with or without `pre_upgrade`.
    Upgrade {
        sealed: bool,
    },
}

/// Result of a call.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the cases are the results of the contract's methods")]
pub enum Answer {
    Nothing,
    Written(Vec<Written>),
    WasThere(bool),
    WereThere(Vec<bool>),
    Deleted(Deleted),
    Taken(Option<Entry>),
    Verified(VerifyProgress),
    Upload(Upload),
    Received(Received),
    Appended(Appended),
    Region(RegionInfo),
    Pages(u64),
    Certified(CertifyProgress),
    Config(Config),
}

impl Answer {
    /// Creates the result of writing one object.
    #[must_use]
    pub fn written(written: Written) -> Self {
        Self::Written(vec![written])
    }

    /// Returns the latest time in the result, in nanoseconds since 1970.
    #[must_use]
    pub fn time_ns(&self, config: &Config) -> Option<u64> {
        match self {
            Self::Upload(upload) => Some(upload.expires_ns - config.upload_idle_ns),
            Self::Region(info) => Some(info.created_ns),
            _ => None,
        }
    }
}
