//! The append-only log.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

/// What `append` answers.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first entry that was appended.
    pub first: u64,
    /// Index that the next entry will get.
    pub next: u64,
}

/// Arguments of `read_log`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLogArgs {
    /// Index of the first entry to read.
    pub from: u64,
    /// How many entries at most; at least 1. Nothing means as many as fit one reply.
    pub limit: Option<u32>,
}

/// A page of the log, oldest first.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The entries from the index that was asked for; fewer than asked for at the end of the log and where more would
    /// not fit one reply.
    pub entries: Vec<ByteBuf>,
    /// Where to go on: the index after the last entry of this page.
    pub next: u64,
    /// How many entries the log has.
    pub length: u64,
}

/// How large the log is.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// How many entries the log has.
    pub length: u64,
    /// How many bytes the entries take, their 4-byte trailers included.
    pub bytes: u64,
}
