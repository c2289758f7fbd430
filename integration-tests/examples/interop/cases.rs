//! The types of the contract, with random values.

use std::fmt::Debug;

use candid::types::Type as CandidTypeOf;
use candid::utils::{ArgumentDecoder, ArgumentEncoder, decode_args, encode_args};
use candid::{CandidType, IDLArgs, Principal, decode_one};
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use stable_storage_api::*;
use storage_wire::{Arguments, Encode, Field, Header, Type, Typed, argument_headers, by_shape, id_of};

use crate::values::{Random, value};

const SEEDS: u64 = 8;

/// A type or argument types, some encodings, and how each of them is compared with another program's result.
pub(crate) struct Case {
    pub(crate) types: Vec<&'static Type>,
    pub(crate) encoded: Vec<Vec<u8>>,
    pub(crate) compare: fn(&[u8], &[u8]) -> std::result::Result<(), String>,
}

fn drawn(types: &[CandidTypeOf]) -> Vec<Vec<u8>> {
    let encoded = (0..SEEDS).map(|seed| {
        let random = &mut Random::new(seed);
        let args = types.iter().map(|ty| value(ty, random)).collect();
        IDLArgs { args }.to_bytes_with_types(&Default::default(), types).unwrap()
    });
    encoded.collect()
}

/// `variant { Ok : T; Err : Error }`.
fn result_of<T: Typed>() -> &'static Type {
    let case = |name: &'static str, ty| Field { id: id_of(name), name, ty, bit: None, inner_bits: 0 };
    let mut cases = vec![case("Ok", T::TYPE), case("Err", Error::TYPE)];
    cases.sort_by_key(|case| case.id);
    Box::leak(Box::new(Type::Variant(cases.leak())))
}

fn reply<T>() -> Case
where
    T: Encode + CandidType + DeserializeOwned + PartialEq + Debug,
{
    let replies = drawn(&[T::ty()]).into_iter().map(|bytes| {
        let value: T = decode_one(&bytes).unwrap();
        let header = Header::of_reply(&[id_of("Ok")], T::TYPE, value.present());
        let mut reply = header.as_slice().to_vec();
        value.encode(value.present(), &mut reply);
        reply
    });
    let compare = |ours: &[u8], theirs: &[u8]| {
        let decode = |bytes: &[u8]| decode_one::<Result<T>>(bytes).map_err(|error| error.to_string());
        let (ours, theirs) = (decode(ours)?, decode(theirs)?);
        if ours == theirs { Ok(()) } else { Err(format!("{theirs:?} is not {ours:?}")) }
    };
    Case { types: vec![result_of::<T>()], encoded: replies.collect(), compare }
}

fn arguments<A>(types: &[CandidTypeOf], compare: fn(&[u8], &[u8]) -> std::result::Result<(), String>) -> Case
where
    A: for<'a> Arguments<'a> + for<'a> ArgumentDecoder<'a> + ArgumentEncoder,
{
    let canonical = |bytes: Vec<u8>| encode_args(decode_args::<A>(&bytes).unwrap()).unwrap();
    let encoded = drawn(types).into_iter().map(canonical).collect();
    Case { types: <A as Arguments>::TYPES.to_vec(), encoded, compare }
}

macro_rules! cases {
    (replies: $($ok:ty),*; arguments: $(($($ty:ty),*)),*;) => {
        /// All of them.
        pub(crate) fn all() -> Vec<Case> {
            vec![
                $(reply::<$ok>(),)*
                $(arguments::<($($ty,)*)>(&[$(<$ty>::ty()),*], |ours, theirs| {
                    if by_shape::<($($ty,)*)>(theirs, argument_headers!($($ty),*)).is_none() {
                        return Err("these arguments are not decoded by shape".into());
                    }
                    let theirs = decode_args::<($($ty,)*)>(theirs).map_err(|error| error.to_string())?;
                    let same = encode_args(theirs).is_ok_and(|theirs| theirs == ours);
                    if same { Ok(()) } else { Err("these arguments have become others".into()) }
                }),)*
            ]
        }
    };
}

cases! {
    replies: Written, Vec<Written>, ObjectInfo, Vec<Option<ByteBuf>>, ListPage, ScanPage, bool, Deleted, Option<Entry>, Upload,
        Received, UploadStatus, Vec<UploadStatus>, VerifyProgress, Appended, LogPage, LogInfo, RegionInfo, Vec<RegionInfo>,
        u64, Vec<RegionValue>, Status, Config, Vec<Grant>, Vec<String>, HttpResponse, StableVarInfo, ();
    arguments: (String), (String, ByteBuf), (PutArgs), (Vec<PutArgs>), (Vec<String>), (ReadArgs), (ListArgs), (DeletePrefixArgs),
        (RenameArgs), (CopyArgs), (u64, u64, Vec<CopySource>), (UploadArgs), (u64, u64, ByteBuf), (u64), (u64, u64), (u64, u64, u64), (Vec<ByteBuf>), (ReadLogArgs),
        (u64, Principal), (u64, Vec<RegionLoad>), (u64, Vec<RegionStore>), (Principal, Option<Role>), (Settings),
        (Option<Settings>), (HttpRequest);
}
