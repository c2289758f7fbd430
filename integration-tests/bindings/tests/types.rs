//! The generated types, with the canister on the embedded host.

use candid::{Principal, decode_one, encode_one};
use embedded_ic::{Config, EmbeddedIc};
use storage_bindings::storage::{
    BlobResult, Condition, Error, ListArgs, ListResult, MetadataPair, ObjectInfoResult, PutArgs, ReadArgs,
    WrittenResult,
};

/// `put` and `list` work with generated types, in replies and in errors.
#[test]
fn an_object_is_put_and_listed_with_generated_types() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(storage_wasm::STORAGE_WASM, &encode_one(None::<()>).unwrap()).unwrap();
    let admin = ic.controllers()[0];
    let put = PutArgs {
        key: "greetings/1".into(),
        value: b"hello".to_vec().into(),
        content_type: Some("text/plain".into()),
        content_encoding: None,
        metadata: Some(vec![MetadataPair { name: "author".into(), value: "Ada".into() }]),
        sha256: None,
        condition: Some(Condition::Absent),
    };
    let mut put_with = || ic.update(admin, "put_with", encode_one(&put).unwrap()).unwrap().bytes;
    let WrittenResult::Ok(written) = decode_one(&put_with()).unwrap() else { panic!("the put is refused") };
    let again: WrittenResult = decode_one(&put_with()).unwrap();
    assert!(matches!(again, WrittenResult::Err(Error::AlreadyExists)));
    let info = ic.query(admin, "stat", encode_one("greetings/1").unwrap()).unwrap().bytes;
    let ObjectInfoResult::Ok(info) = decode_one(&info).unwrap() else { panic!("there is no object") };
    assert_eq!(info.revision, written.revision);
    assert_eq!((info.size, info.content_type.as_deref()), (5, Some("text/plain")));
    assert_eq!(info.metadata.unwrap()[0].value, "Ada");

    let all =
        ListArgs { prefix: String::new(), start_after: None, limit: None, delimiter: None, descending: None };
    let page = ic.query(admin, "list", encode_one(all).unwrap()).unwrap().bytes;
    let ListResult::Ok(page) = decode_one(&page).unwrap() else { panic!("the listing is refused") };
    assert_eq!(page.objects.len(), 1);
    let whole = ReadArgs { key: "greetings/1".into(), offset: 1, length: None, revision: None };
    let bytes = ic.query(Principal::anonymous(), "read", encode_one(&whole).unwrap()).unwrap().bytes;
    assert!(matches!(decode_one(&bytes).unwrap(), BlobResult::Err(_)));
    let bytes = ic.query(admin, "read", encode_one(&whole).unwrap()).unwrap().bytes;
    let BlobResult::Ok(bytes) = decode_one(&bytes).unwrap() else { panic!("refused") };
    assert_eq!(bytes, b"ello");
}
