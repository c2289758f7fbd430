//! Writes valid arguments of each method to corpus-kept/arguments, as seeds of the fuzzer.
//!
//! ```sh
//! cd canister/fuzz && cargo run --example seeds
//! ```

use candid::utils::encode_args;
use candid::{Nat, Principal};
use serde_bytes::ByteBuf;
use stable_storage_api::{
    Condition, CopyArgs, CopyMetadata, CopySource, DeleteArgs, DeletePrefixArgs, HttpRequest, ListArgs,
    PutArgs, ReadArgs, ReadLogArgs, RegionLoad, RegionStore, RegionType, RegionValue, RenameArgs, Role,
    Settings, Site, UploadArgs, UploadEnd,
};
use storage_canister_fuzz::arguments::METHODS;

/// Returns valid arguments of the methods of this line of the table.
fn good(line: &str) -> candid::Result<Vec<u8>> {
    let (key, blob) = ("a key", ByteBuf::from(*b"a value"));
    let list = ListArgs { start_after: Some("a key".into()), limit: Some(10), ..ListArgs::level("a", "/") };
    let put = PutArgs { content_type: Some("text/plain".into()), ..PutArgs::new(key, *b"a value") };
    let put = PutArgs { condition: Some(Condition::Revision(7)), ..put };
    match line {
        "put" => encode_args((key, blob)),
        "put_with" => encode_args((put,)),
        "delete" => encode_args((key, Some(Condition::Revision(7)))),
        "delete_many" => encode_args((vec![DeleteArgs::new(key)],)),
        "commit_upload" => encode_args((1u64, Some(UploadEnd { size: 7, sha256: Some(vec![7; 32].into()) }))),
        "put_many" => encode_args((vec![put.clone(), put],)),
        "get_many" => encode_args((vec![key, "another"],)),
        "read" => encode_args((ReadArgs { key: key.into(), offset: 1, length: Some(2), revision: Some(3) },)),
        "list" | "scan" => encode_args((list,)),
        "delete_prefix" => encode_args((DeletePrefixArgs { prefix: "a".into(), limit: Some(10) },)),
        "rename" => {
            let condition = Some(Condition::Absent);
            encode_args((RenameArgs { from: key.into(), to: "another".into(), condition },))
        }
        "copy" => {
            let metadata =
                CopyMetadata { content_type: Some("text/plain".into()), ..CopyMetadata::default() };
            let copy = CopyArgs::new(key, "another").when(Condition::Absent);
            encode_args((CopyArgs { revision: Some(7), metadata: Some(metadata), ..copy },))
        }
        "copy_chunks" => {
            let range = CopySource { offset: Some(1), length: Some(2), ..CopySource::whole(key, 7) };
            encode_args((1u64, 0u64, vec![CopySource::whole(key, 7), range]))
        }
        "set_certified" => encode_args((key, true)),
        "set_site" => {
            let headers = vec![("x-frame-options".into(), "DENY".into())];
            let site = Site { path: Some("/".into()), headers, cors: Some("*".into()), ..Site::new("www/") };
            encode_args((site,))
        }
        "create_upload" => encode_args((UploadArgs {
            sha256: Some(vec![7; 32].into()),
            content_type: Some("text/plain".into()),
            condition: Some(Condition::Any),
            ..UploadArgs::new(key, 1 << 40)
        },)),
        "write_chunk" => encode_args((1u64, 2u64, blob)),
        "readLast" => encode_args((Nat::from(1u128 << 100),)),
        "append" => encode_args((vec![blob.clone(), blob],)),
        "read_log" => encode_args((ReadLogArgs { from: 1, limit: Some(2) },)),
        "region_grow" => encode_args((16u64, 1u64)),
        "region_set_owner" => encode_args((16u64, Principal::anonymous())),
        "region_load_blob" => encode_args((16u64, 1u64, 2u64)),
        "region_load" => encode_args((16u64, vec![RegionLoad { offset: 1, kind: RegionType::Blob(7) }])),
        "region_store" => {
            encode_args((16u64, vec![RegionStore { offset: 1, value: RegionValue::Float(0.5) }]))
        }
        "set_role" => encode_args((Principal::management_canister(), Some(Role::Writer))),
        "configure" => encode_args((Settings { capacity: Some(1 << 30), ..Settings::default() },)),
        "init, post_upgrade" => {
            encode_args((Some(Settings { public_read: Some(true), ..Settings::default() }),))
        }
        "http_request" => encode_args((HttpRequest {
            method: "GET".into(),
            url: "/metrics?x=1".into(),
            headers: vec![("Accept".into(), "*/*".into())],
            ..HttpRequest::default()
        },)),
        line if line.starts_with("upload_status") => encode_args((1u64,)),
        _ => encode_args((key,)),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus-kept/arguments");
    for (number, (line, _)) in METHODS.iter().enumerate() {
        let name = line.split(',').next().expect("a line has a name");
        let bytes = [vec![number as u8], good(line)?].concat();
        std::fs::write(format!("{folder}/{name}"), bytes)?;
    }
    Ok(())
}
