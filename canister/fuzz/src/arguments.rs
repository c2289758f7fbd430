//! The arguments of every method, as the canister decodes them.

use std::fmt::Debug;

use candid::utils::{ArgumentDecoder, ArgumentEncoder, encode_args};
use candid::{Nat, Principal};
use serde_bytes::Bytes;
use storage_api::{
    DeletePrefixArgs, HttpRequest, ListArgs, PutArgs, ReadArgs, ReadLogArgs, RegionLoad, RegionStore,
    RenameArgs, Role, Settings, UploadArgs,
};

use super::decode::{Arguments, Text, decode, with_candid};

/// A method that takes arguments, and what must hold of any bytes that it is sent.
pub type Method = (&'static str, fn(&[u8]));

/// All methods but those without arguments, and the argument of `init` and `post_upgrade`.
pub const METHODS: [Method; 29] = [
    ("put", |bytes| alike::<(&str, &Bytes)>(bytes)),
    ("put_many", stays::<(Vec<PutArgs>,)>),
    ("get", |bytes| alike::<(String,)>(bytes)),
    ("get_many", stays::<(Vec<String>,)>),
    ("stat", |bytes| alike::<(String,)>(bytes)),
    ("read", stays::<(ReadArgs,)>),
    ("list", stays::<(ListArgs,)>),
    ("scan", stays::<(ListArgs,)>),
    ("delete", |bytes| alike::<(&str,)>(bytes)),
    ("take_first", stays::<(String,)>),
    ("delete_prefix", stays::<(DeletePrefixArgs,)>),
    ("rename", stays::<(RenameArgs,)>),
    ("create_upload", stays::<(UploadArgs,)>),
    ("write_chunk", |bytes| alike::<(u64, u64, &Bytes)>(bytes)),
    ("upload_status, commit_upload, abort_upload, region_info", stays::<(u64,)>),
    ("verify", stays::<(String,)>),
    ("log", |bytes| alike::<(Text,)>(bytes)),
    ("readLast", stays::<(Nat,)>),
    ("append", |bytes| alike::<(Vec<&Bytes>,)>(bytes)),
    ("read_log", stays::<(ReadLogArgs,)>),
    ("region_grow", stays::<(u64, u64)>),
    ("region_set_owner", stays::<(u64, Principal)>),
    ("region_load_blob", |bytes| alike::<(u64, u64, u64)>(bytes)),
    ("region_load", stays::<(u64, Vec<RegionLoad>)>),
    ("region_store", stays::<(u64, Vec<RegionStore>)>),
    ("set_role", stays::<(Principal, Option<Role>)>),
    ("configure", stays::<(Settings,)>),
    ("init, post_upgrade", stays::<(Option<Settings>,)>),
    ("http_request", stays::<(HttpRequest,)>),
];

/// Decodes bytes as the arguments of the method that the first of them names by its number.
pub fn arguments(data: &[u8]) {
    let Some((number, bytes)) = data.split_first() else { return };
    let (_, method) = METHODS[usize::from(*number) % METHODS.len()];
    method(bytes);
}

/// What the canister decodes by itself is what Candid decodes, and what Candid refuses is refused.
fn alike<'a, A: Arguments<'a> + PartialEq + Debug>(bytes: &'a [u8]) {
    assert_eq!(decode::<A>(bytes).ok(), with_candid::<A>(bytes).ok());
}

/// What Candid decodes is the same when it is encoded and decoded again.
fn stays<A>(bytes: &[u8])
where
    A: for<'a> ArgumentDecoder<'a> + ArgumentEncoder,
{
    let Ok(decoded) = with_candid::<A>(bytes) else { return };
    let encoded = encode_args(decoded).expect("arguments can be encoded");
    let again = with_candid::<A>(&encoded).expect("what was encoded can be decoded");
    assert_eq!(encode_args(again).expect("arguments can be encoded"), encoded);
}
