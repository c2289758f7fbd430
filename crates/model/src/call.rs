//! What an operation comes to: calls with the types of the contract, and their answers.

use candid::Principal;
use stable_storage_api::{
    Appended, Config, DeletePrefixArgs, Deleted, Entry, PutArgs, Received, RegionInfo, RenameArgs, Role,
    Settings, Upload, UploadArgs, UploadEnd, VerifyProgress, Written,
};

/// A call of a method that changes something, or what else happens to a store.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the cases are the methods of the contract, and their arguments")]
pub enum Call {
    Put(PutArgs),
    PutMany(Vec<PutArgs>),
    Delete(String),
    DeletePrefix(DeletePrefixArgs),
    TakeFirst(String),
    Rename(RenameArgs),
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
    SetRole(Principal, Option<Role>),
    Configure(Settings),
    /// So many nanoseconds pass.
    Wait(u64),
    /// The clock is set back by so many nanoseconds. Not of a canister.
    Back(u64),
    /// Another heap over the same memory.
    Reopen,
    /// An upgrade, with or without `pre_upgrade`.
    Upgrade {
        sealed: bool,
    },
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the cases are what methods of the contract answer")]
pub enum Answer {
    Nothing,
    Written(Vec<Written>),
    WasThere(bool),
    Deleted(Deleted),
    Taken(Option<Entry>),
    Verified(VerifyProgress),
    Upload(Upload),
    Received(Received),
    Appended(Appended),
    Region(RegionInfo),
    Pages(u64),
    Config(Config),
}

impl Answer {
    /// One object was written.
    #[must_use]
    pub fn written(written: Written) -> Self {
        Self::Written(vec![written])
    }

    /// The latest time that it tells of, in nanoseconds since 1970, where it tells of one.
    #[must_use]
    pub fn time_ns(&self, config: &Config) -> Option<u64> {
        match self {
            Self::Upload(upload) => Some(upload.expires_ns - config.upload_idle_ns),
            Self::Region(info) => Some(info.created_ns),
            _ => None,
        }
    }
}
