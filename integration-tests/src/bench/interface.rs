//! Measured messages, encoded for the storage canister or a peer.

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Nat, encode_args};
use serde_bytes::Bytes;
use stable_storage_api::{ListArgs, PutArgs, ReadArgs, ReadLogArgs, RenameArgs};

/// A message, ready to be sent.
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) args: Vec<u8>,
}

impl Call {
    pub(super) fn new(method: &'static str, args: impl ArgumentEncoder) -> Self {
        let args = encode_args(args).expect("arguments of an interface can be encoded");
        Self { method, args }
    }
}

/// An object to be stored.
pub(super) struct Object {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
}

/// Interface of a canister.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// The storage canister's, as in storage.did.
    Storage,
    /// The peers' in `integration-tests/peers`, with plain arguments.
    Peer,
}

/// A peer's `Entry`.
#[derive(CandidType)]
struct Entry<'a> {
    key: &'a str,
    value: &'a Bytes,
}

impl Interface {
    pub(super) fn put(self, object: &Object) -> Call {
        Call::new("put", (&object.key, Bytes::new(&object.value)))
    }

    pub(super) fn put_many(self, objects: &[Object]) -> Call {
        match self {
            Self::Storage => {
                let puts = objects.iter().map(|object| PutArgs::new(&object.key, &*object.value));
                Call::new("put_many", (puts.collect::<Vec<_>>(),))
            }
            Self::Peer => {
                let entries =
                    objects.iter().map(|object| Entry { key: &object.key, value: Bytes::new(&object.value) });
                Call::new("put_many", (entries.collect::<Vec<_>>(),))
            }
        }
    }

    pub(super) fn get(self, key: &str) -> Call {
        Call::new("get", (key,))
    }

    pub(super) fn get_many(self, keys: &[String]) -> Call {
        Call::new("get_many", (keys,))
    }

    pub(super) fn delete(self, key: &str) -> Call {
        Call::new("delete", (key,))
    }

    /// A page of `list` or `scan`.
    pub(super) fn page(self, method: &'static str, start_after: String, limit: u32) -> Call {
        match self {
            Self::Storage => {
                let args =
                    ListArgs { start_after: Some(start_after), limit: Some(limit), ..ListArgs::prefix("") };
                Call::new(method, (args,))
            }
            Self::Peer => Call::new(method, (start_after, limit)),
        }
    }

    pub(super) fn take_first(self) -> Call {
        match self {
            Self::Storage => Call::new("take_first", ("",)),
            Self::Peer => Call::new("take_first", ()),
        }
    }

    pub(super) fn rename(self, from: String, to: String) -> Call {
        match self {
            Self::Storage => Call::new("rename", (RenameArgs { from, to, condition: None },)),
            Self::Peer => Call::new("rename", (from, to)),
        }
    }

    pub(super) fn read(self, key: &str, offset: u64, length: u64) -> Call {
        match self {
            Self::Storage => Call::new(
                "read",
                (ReadArgs { key: key.into(), offset, length: Some(length), revision: None },),
            ),
            Self::Peer => Call::new("read", (key, offset, length)),
        }
    }

    pub(super) fn log(self, text: &str) -> Call {
        Call::new("log", (text,))
    }

    pub(super) fn append(self, entries: &[&[u8]]) -> Call {
        Call::new("append", (entries.iter().map(|entry| Bytes::new(entry)).collect::<Vec<_>>(),))
    }

    pub(super) fn read_last(self, count: u64) -> Call {
        Call::new("readLast", (Nat::from(count),))
    }

    pub(super) fn read_log(self, from: u64, limit: u32) -> Call {
        match self {
            Self::Storage => Call::new("read_log", (ReadLogArgs { from, limit: Some(limit) },)),
            Self::Peer => Call::new("read_log", (from, limit)),
        }
    }
}
