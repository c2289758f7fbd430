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
    /// Only keys that start with these bytes; the empty text means all.
    pub prefix: String,
    /// Only keys after this one; it need not exist (any more).
    pub start_after: Option<String>,
    /// How many at most; at least 1. Nothing means as many as a page has, which are 1,000 or what fits one reply.
    pub limit: Option<u32>,
    /// Keys that have this text after the prefix are not listed: of all of them that are the same up to its first
    /// occurrence, that common prefix is listed once. A slash lists a folder. Only for `list`; at least one byte.
    pub delimiter: Option<String>,
    /// Whether the page goes from the last key to the first; nothing means that it does not. `start_after` is the key after
    /// the first one of the page then.
    pub descending: Option<bool>,
}

impl ListArgs {
    /// The first page under a prefix, as large as it gets.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), start_after: None, limit: None, delimiter: None, descending: None }
    }

    /// The first page of what is directly under a prefix, where keys are parted by a delimiter.
    pub fn level(prefix: impl Into<String>, delimiter: impl Into<String>) -> Self {
        Self { delimiter: Some(delimiter.into()), ..Self::prefix(prefix) }
    }

    /// The same with at most so many objects on the page.
    #[must_use]
    pub fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The same from the last key to the first.
    #[must_use]
    pub fn descending(self) -> Self {
        Self { descending: Some(true), ..self }
    }

    /// How many objects the page has at most.
    #[must_use]
    pub fn most(&self) -> u32 {
        most(self.limit)
    }
}

/// A page of `list`, in byte order of the keys or against it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// The common prefixes, each with the delimiter at its end; none without a delimiter.
    pub prefixes: Vec<String>,
    /// The `start_after` of the next page, or nothing where this page is the last.
    pub next: Option<String>,
}

/// A key with its value.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The bytes stored under it.
    pub value: ByteBuf,
}

/// A page of `scan`, in byte order of the keys or against it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ScanPage {
    /// Keys and values; fewer than asked for where more would not fit one reply, but at least one where there is one
    /// that fits alone.
    pub entries: Vec<Entry>,
    /// The `start_after` of the next page, or nothing where this page is the last.
    pub next: Option<String>,
}

/// Arguments of `delete_prefix`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct DeletePrefixArgs {
    /// Only keys that start with these bytes; the empty text means all.
    pub prefix: String,
    /// How many at most in this call; at least 1. Nothing and more than 1,000 mean 1,000.
    pub limit: Option<u32>,
}

impl DeletePrefixArgs {
    /// How many objects the call removes at most.
    #[must_use]
    pub fn most(&self) -> u32 {
        most(self.limit)
    }
}

fn most(limit: Option<u32>) -> u32 {
    limit.map_or(MAX_PAGE_ITEMS, |limit| limit.min(MAX_PAGE_ITEMS))
}

/// What `delete_prefix` answers.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// How many objects this call removed.
    pub deleted: u64,
    /// Whether there are more under the prefix, so that the call should be made again.
    pub more: bool,
}
