//! Replies.

use std::fmt::Debug;

use candid::types::value::IDLValue;
use candid::{CandidType, IDLArgs, decode_one, encode_one};
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use stable_storage_api::*;
use storage_wire::{ALL, Encode, Header, Order, Typed, id_of, reply_headers};

use crate::values::{Random, value};

const SEEDS: u64 = 400;

const OK: &[u32] = &[id_of("Ok")];

/// Encodes the value in a variant of one case, with only the optional fields that the values need.
fn in_ok<T: Encode>(value: &T) -> Vec<u8> {
    let mut reply = Header::of_reply(OK, T::TYPE, value.present()).as_slice().to_vec();
    value.encode(value.present(), &mut reply);
    reply
}

/// Encodes the value with its complete type, as the `candid` crate does.
fn in_full<T: Encode>(value: &T) -> Vec<u8> {
    let mut bytes = Header::of_arguments(&[T::TYPE], Order::Rust).as_slice().to_vec();
    value.encode(ALL, &mut bytes);
    bytes
}

fn holds<T>(prepared: &[&[u8]])
where
    T: Encode + CandidType + DeserializeOwned + PartialEq + Debug,
{
    let ty = T::ty();
    let mut seen = 0_u64;
    for seed in 0..SEEDS {
        let drawn = value(&ty, &mut Random::new(seed));
        let bytes = IDLArgs { args: vec![drawn] }
            .to_bytes_with_types(&Default::default(), std::slice::from_ref(&ty))
            .unwrap();
        let value: T = decode_one(&bytes).unwrap();
        assert_eq!(in_full(&value), encode_one(&value).unwrap(), "{value:?}");
        let reply = in_ok(&value);
        assert_eq!(decode_one::<Result<T>>(&reply).unwrap(), Ok(value), "{reply:?}");
        let value: T = decode_one(&bytes).unwrap();
        if let Some(header) = prepared.get(value.present() as usize) {
            assert!(reply.starts_with(header), "{value:?}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no value had a header that was prepared");
}

macro_rules! hold {
    ($($name:ident: $ty:ty),* $(,)?) => {
        $(#[test]
        fn $name() {
            holds::<$ty>(reply_headers!($ty, OK));
        })*
    };
}

hold! {
    an_object: ObjectInfo,
    objects: Vec<ObjectInfo>,
    values: Vec<Option<ByteBuf>>,
    a_page: ListPage,
    a_page_with_values: ScanPage,
    a_flag: bool,
    what_was_deleted: Deleted,
    an_entry_or_none: Option<Entry>,
    an_upload: Upload,
    what_was_received: Received,
    the_status_of_an_upload: UploadStatus,
    uploads: Vec<UploadStatus>,
    nothing: (),
    a_verification: VerifyProgress,
    what_was_appended: Appended,
    a_page_of_the_log: LogPage,
    the_size_of_the_log: LogInfo,
    a_region: RegionInfo,
    regions: Vec<RegionInfo>,
    a_number: u64,
    values_of_a_region: Vec<RegionValue>,
    the_status: Status,
    the_configuration: Config,
    grants: Vec<Grant>,
    texts: Vec<String>,
    a_response: HttpResponse,
    the_size_of_a_variable: StableVarInfo,
    an_error: Error,
}

#[test]
fn fields_that_no_value_has_are_not_in_the_type() {
    let object = |content_type: Option<&str>, has_digest: bool| {
        let digest = || Checksum { digest: ByteBuf::from([7; 32]), state: ChecksumState::Verified };
        ObjectInfo {
            content_type: content_type.map(Into::into),
            sha256: has_digest.then(digest),
            ..decode_one(
                &encode_one(ObjectInfo {
                    key: "key".into(),
                    size: 1,
                    revision: 2,
                    content_type: None,
                    content_encoding: None,
                    metadata: None,
                    owner: None,
                    created_ns: 3,
                    modified_ns: 4,
                    sha256: None,
                })
                .unwrap(),
            )
            .unwrap()
        }
    };
    let lean = in_ok(&object(None, false));
    let typed = in_ok(&object(Some("text/plain"), false));
    let full = in_ok(&object(Some("text/plain"), true));
    assert!(lean.len() < typed.len() && typed.len() + 60 < full.len());
    // One value of many that has the field suffices for the field to be in the type.
    let objects = vec![object(None, false), object(None, true), object(Some("a"), false)];
    assert_eq!(decode_one::<Result<Vec<ObjectInfo>>>(&in_ok(&objects)).unwrap(), Ok(objects));
}

#[test]
fn reply_types_are_not_recursive() {
    // A type that is not in the table would not compile; this is for values that the macro does not know.
    let empty: Vec<ObjectInfo> = Vec::new();
    let reply = in_ok(&empty);
    assert_eq!(IDLArgs::from_bytes(&reply).unwrap().args.len(), 1);
    assert!(matches!(IDLArgs::from_bytes(&reply).unwrap().args[0], IDLValue::Variant(_)));
    const { assert!(<Vec<ObjectInfo>>::OPTIONAL >= 2) };
}
