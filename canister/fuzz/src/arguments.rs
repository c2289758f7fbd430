//! The arguments of every method: for any bytes, the canister decodes exactly what the `candid` crate
//! decodes.

use candid::utils::{ArgumentDecoder, ArgumentEncoder, decode_args_with_config, encode_args};
use candid::{DecoderConfig, IDLArgs, IDLValue, Nat, Principal};
use serde_bytes::ByteBuf;
use stable_storage_api::{
    Condition, CopyArgs, CopySource, DeleteArgs, DeletePrefixArgs, HttpRequest, ListArgs, PutArgs, ReadArgs,
    ReadLogArgs, RegionLoad, RegionStore, RenameArgs, Role, Settings, Site, UploadArgs, UploadEnd,
};
use storage_wire::header::ORDERS;
use storage_wire::{Arguments, Count, Type, argument_headers, by_shape, coerce};

/// A method with arguments, and the property that must hold for any bytes sent to it.
pub type Method = (&'static str, fn(&[u8]));

macro_rules! method {
    ($name:literal, $($ty:ty),*) => {
        ($name, |bytes| agrees::<($($ty,)*), ($($ty,)*)>(bytes, argument_headers!($($ty),*)))
    };
}

/// All methods with arguments, and the argument of `init` and `post_upgrade`.
pub const METHODS: [Method; 36] = [
    method!("put", String, ByteBuf),
    method!("put_many", Vec<PutArgs>),
    method!("get", String),
    method!("get_many", Vec<String>),
    method!("stat", String),
    method!("read", ReadArgs),
    method!("list", ListArgs),
    method!("scan", ListArgs),
    method!("delete", String, Option<Condition>),
    method!("take_first", String),
    method!("delete_prefix", DeletePrefixArgs),
    method!("rename", RenameArgs),
    method!("create_upload", UploadArgs),
    method!("write_chunk", u64, u64, ByteBuf),
    method!("upload_status, abort_upload, region_info", u64),
    method!("verify", String),
    method!("log", String),
    ("readLast", counts_agree),
    method!("append", Vec<ByteBuf>),
    method!("read_log", ReadLogArgs),
    method!("region_grow", u64, u64),
    method!("region_set_owner", u64, Principal),
    method!("region_load_blob", u64, u64, u64),
    method!("region_load", u64, Vec<RegionLoad>),
    method!("region_store", u64, Vec<RegionStore>),
    method!("set_role", Principal, Option<Role>),
    method!("configure", Settings),
    method!("init, post_upgrade", Option<Settings>),
    method!("http_request", HttpRequest),
    method!("put_with", PutArgs),
    method!("delete_many", Vec<DeleteArgs>),
    method!("commit_upload", u64, Option<UploadEnd>),
    method!("copy", CopyArgs),
    method!("copy_chunks", u64, u64, Vec<CopySource>),
    method!("set_certified", String, bool),
    method!("set_site", Site),
];

/// Decodes bytes as the arguments of a method; the first byte selects the method.
pub fn arguments(data: &[u8]) {
    let Some((number, bytes)) = data.split_first() else { return };
    let (_, method) = METHODS[usize::from(*number) % METHODS.len()];
    method(bytes);
}

/// Decodes arguments with the crate, with ic-cdk's limit for skipped values.
pub fn with_candid<A: for<'a> ArgumentDecoder<'a>>(bytes: &[u8]) -> candid::Result<A> {
    let mut config = DecoderConfig::new();
    config.set_skipping_quota(10_000);
    decode_args_with_config(if bytes.is_empty() { b"DIDL\0\0" } else { bytes }, &config)
}

/// Returns the encoded values without the types of the method.
fn values_of(encoded: &[u8], headers: &[&[u8]]) -> Vec<u8> {
    encoded.strip_prefix(headers[0]).expect("this is how Candid encodes the types").to_vec()
}

/// Returns the values that the canister decodes.
fn ours<A: for<'a> Arguments<'a>>(bytes: &[u8], headers: &[&[u8]]) -> Option<Vec<u8>> {
    let mut values = Vec::new();
    let coerced = coerce(bytes, <A as Arguments>::TYPES, <A as Arguments>::IS_STRICT, &mut values);
    let whole = [headers[0], &values].concat();
    let coerced = coerced.is_ok() && by_shape::<A>(&whole, headers).is_some();
    // An optional last argument that was not sent is null.
    let fast = headers.iter().enumerate().find_map(|(at, header)| {
        let values = bytes.strip_prefix(*header)?;
        let absent: &[u8] = if at < ORDERS { &[] } else { &[0] };
        Some([values, absent].concat())
    });
    if let (Some(fast), true) = (fast, by_shape::<A>(bytes, headers).is_some()) {
        assert!(coerced, "accepted on the fast path only: {bytes:?}");
        assert_eq!(fast, values, "{bytes:?}");
    }
    coerced.then_some(values)
}

/// Asserts that the canister and the crate decode the same values from any bytes.
pub fn agrees<A, C>(bytes: &[u8], headers: &[&[u8]])
where
    A: for<'a> Arguments<'a>,
    C: for<'a> ArgumentDecoder<'a> + ArgumentEncoder,
{
    let theirs = with_candid::<C>(bytes);
    match (ours::<A>(bytes, headers), theirs) {
        (Some(values), Ok(theirs)) => {
            let theirs = encode_args(theirs).expect("arguments can be encoded");
            let theirs = values_of(&theirs, headers);
            // The crate rejects a record with more fields for a tuple, so an optional one becomes null; in
            // the specification, a tuple is a record, which may have more fields.
            assert!(
                values == theirs || is_read_differently::<A>(bytes),
                "{bytes:?}: {values:?} and not {theirs:?}"
            );
        }
        // Invalid settings that the crate reads as null.
        (None, Ok(_)) if <A as Arguments>::IS_STRICT => {}
        (None, Ok(_)) => panic!("the crate accepts {bytes:?}"),
        (Some(values), Err(error)) => {
            let error = error.to_string();
            // The crate rejects a record with more fields for a tuple, unlike the specification; and it has
            // quotas.
            let is_known =
                ["expect_type: record { text; text }", "cost exceeds the limit", "Recursion limit"];
            let is_known = is_known.iter().any(|known| error.contains(known));
            assert!(is_known, "the canister decodes {bytes:?} as {values:?}; the crate fails: {error}");
        }
        (None, Err(_)) => {}
    }
}

/// Returns whether tuples are expected and a record has more than their two fields.
fn is_read_differently<A: for<'a> Arguments<'a>>(bytes: &[u8]) -> bool {
    A::TYPES.iter().any(|ty| has_tuple(ty))
        && IDLArgs::from_bytes(bytes).is_ok_and(|args| args.args.iter().any(is_wide_tuple))
}

fn has_tuple(ty: &Type) -> bool {
    match ty {
        Type::Plain(_) => false,
        Type::Opt(ty) | Type::Vec(ty) => has_tuple(ty),
        Type::Record(fields) | Type::Variant(fields) => {
            fields.iter().any(|field| field.name.is_empty() || has_tuple(field.ty))
        }
    }
}

fn is_wide_tuple(value: &IDLValue) -> bool {
    match value {
        IDLValue::Record(fields) => {
            let has = |id| fields.iter().any(|field| field.id.get_id() == id);
            (fields.len() > 2 && has(0) && has(1)) || fields.iter().any(|field| is_wide_tuple(&field.val))
        }
        IDLValue::Vec(values) => values.iter().any(is_wide_tuple),
        IDLValue::Opt(value) => is_wide_tuple(value),
        IDLValue::Variant(variant) => is_wide_tuple(&variant.0.val),
        _ => false,
    }
}

/// Compares decoded numbers, because a number may have a longer encoding than necessary.
pub fn counts_agree(bytes: &[u8]) {
    let mut space = Vec::new();
    let ours = storage_wire::decode::<(Count,)>(bytes, argument_headers!(Count), &mut space);
    let theirs = with_candid::<(Nat,)>(bytes);
    let theirs = theirs.map(|(number,)| Count(u64::try_from(number.0).unwrap_or(u64::MAX)));
    assert_eq!(ours.ok(), theirs.ok().map(|count| (count,)), "{bytes:?}");
}
