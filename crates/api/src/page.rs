//! Pages of objects in key order.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::ObjectInfo;
use crate::limits::MAX_PAGE_ITEMS;

/// Arguments of `list` and `scan`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ListArgs {
    /// Only keys that start with these bytes; empty means all.
    pub prefix: String,
    /// Only keys after this one, which need not exist.
    pub start_after: Option<String>,
    /// The most objects to return; at least 1. `None` means as many as fit one page: 1,000, or fewer if the reply is full.
    pub limit: Option<u32>,
    /// Groups keys: all keys with the same text from the prefix to the first occurrence of the delimiter are listed once, as
    /// that common prefix. A slash lists a folder. Only for `list`; at least one byte.
    pub delimiter: Option<String>,
    /// Whether to list from the last key to the first; `None` means no. Then only keys before `start_after` are listed.
    pub descending: Option<bool>,
}

impl ListArgs {
    /// Creates the arguments for the first page under a prefix, of the maximum size.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), start_after: None, limit: None, delimiter: None, descending: None }
    }

    /// Creates the arguments for the first page of the objects and common prefixes directly under a prefix.
    pub fn level(prefix: impl Into<String>, delimiter: impl Into<String>) -> Self {
        Self { delimiter: Some(delimiter.into()), ..Self::prefix(prefix) }
    }

    /// Limits the page to `limit` objects.
    #[must_use]
    pub fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Lists from the last key to the first.
    #[must_use]
    pub fn descending(self) -> Self {
        Self { descending: Some(true), ..self }
    }

    /// Returns the most objects that the page may have.
    #[must_use]
    pub fn most(&self) -> u32 {
        most(self.limit)
    }
}

/// Page of `list`, in byte order of the keys, or in reverse.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// Common prefixes, each ending with the delimiter; empty without a delimiter.
    pub prefixes: Vec<String>,
    /// The `start_after` of the next page, or `None` if this page is the last.
    pub next: Option<String>,
}

/// Key and value.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: ByteBuf,
}

/// Page of `scan`, in byte order of the keys, or in reverse.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ScanPage {
    /// Keys and values. Fewer than requested if more would not fit one reply, but at least one if the first fits alone.
    pub entries: Vec<Entry>,
    /// The `start_after` of the next page, or `None` if this page is the last.
    pub next: Option<String>,
}

/// Arguments of `delete_prefix`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct DeletePrefixArgs {
    /// Only keys that start with these bytes; empty means all.
    pub prefix: String,
    /// The most objects to remove in this call; at least 1. `None` and values above 1,000 mean 1,000.
    pub limit: Option<u32>,
}

impl DeletePrefixArgs {
    /// Returns the most objects that the call removes.
    #[must_use]
    pub fn most(&self) -> u32 {
        most(self.limit)
    }
}

fn most(limit: Option<u32>) -> u32 {
    limit.map_or(MAX_PAGE_ITEMS, |limit| limit.min(MAX_PAGE_ITEMS))
}

/// Reply of `delete_prefix`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Number of objects that this call removed.
    pub deleted: u64,
    /// Whether more objects remain under the prefix. If so, call it again.
    pub more: bool,
}
