//! The append-only log.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

/// Reply of `append`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first appended entry.
    pub first: u64,
    /// Index that the next entry will have.
    pub next: u64,
}

/// Arguments of `read_log`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLogArgs {
    /// Index of the first entry to read.
    pub from: u64,
    /// The most entries to return; at least 1. `None` means as many as fit one reply.
    pub limit: Option<u32>,
}

/// A page of the log, oldest first.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The entries from the requested index on. Fewer than requested at the end of the log, or if more would not fit one
    /// reply.
    pub entries: Vec<ByteBuf>,
    /// Index after the last entry of this page: the `from` of the next page.
    pub next: u64,
    /// Number of entries in the log.
    pub length: u64,
}

/// Size of the log.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// Number of entries.
    pub length: u64,
    /// Bytes that the entries take, including their 4-byte trailers.
    pub bytes: u64,
}
