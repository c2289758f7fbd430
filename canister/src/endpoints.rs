//! The exported methods, one line each.
//!
//! A line has the export, the mode of the method, the function with the types of its arguments, and the kind
//! and type of the reply. A `result` is `variant { Ok; Err : Error }`. A `plain` method rejects the message
//! on an error. The caller of a `oneway` method receives no reply, so its error is also written to the
//! canister's log. The mode determines the parameters before the arguments:
//!
//! | | parameters | and returns |
//! |---|---|---|
//! | `update` | the store, to change it | `Result<T>` |
//! | `update_as` | the store, to change it, and the caller | `Result<T>` |
//! | `query` | the store | `Result<T>` |
//! | `query_as` | the store and the caller | `Result<T>` |
//! | `blob` | the store, and a buffer for a blob | the length of the blob |
//! | `blob_as` | the store, a buffer for a blob, and the caller | the length of the blob |
//! | `page` | the store, and a buffer for encoded items | `Result<T>` |
//! | `open` | the store; open to everyone, even with invalid arguments | `Result<T>` |
//!
//! An exported method checks the caller's role before it reads the arguments. It then decodes them, calls the
//! function, counts an update, and replies. None of these steps can be omitted, and a caller without the role
//! only causes a refusal. A method that is not in `stable_storage_api::METHODS` does not compile.
//!
//! An exported function runs outside ic-cdk's executor, so it cannot be `async`.

use candid::Principal;
use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::*;
use storage_wire::{Batch, Count, Encoded, Text};

use crate::message::{BATCH, endpoints};
use crate::objects::BorrowedPut;
use crate::{certified, http, log, objects, operator, regions, roles, uploads};

endpoints! {
    "canister_update put": update_as objects::put(key: &str, value: &Bytes) => result Written;
    "canister_update put_with": update_as objects::put_with(args: BorrowedPut) => result Written;
    "canister_update put_many": update_as objects::put_many(puts: Batch<BorrowedPut, BATCH>) => result Vec<Written>;
    "canister_query get": blob objects::get(key: &str) => result ByteBuf;
    "canister_query get_many": page objects::get_many(keys: Batch<&str, BATCH>) => result Encoded<Option<ByteBuf>>;
    "canister_query get_with_info": query objects::get_with_info(key: &str) => result Object;
    "canister_query stat": query objects::stat(key: &str) => result ObjectInfo;
    "canister_query read": blob objects::read(args: ReadArgs) => result ByteBuf;
    "canister_query list": page objects::list(args: ListArgs) => result objects::EncodedListPage;
    "canister_query scan": page objects::scan(args: ListArgs) => result objects::EncodedScanPage;
    "canister_update delete": update objects::delete(key: &str, condition: Option<Condition>) => result bool;
    "canister_update delete_many": update objects::delete_many(deletes: Batch<DeleteArgs, BATCH>) => result Vec<bool>;
    "canister_update delete_prefix": update objects::delete_prefix(args: DeletePrefixArgs) => result Deleted;
    "canister_update take_first": update objects::take_first(prefix: &str) => result Option<Entry>;
    "canister_update rename": update objects::rename(args: objects::BorrowedRename) => result Written;
    "canister_update copy": update_as objects::copy(args: CopyArgs) => result Written;

    "canister_update create_upload": update_as uploads::create_upload(args: UploadArgs) => result Upload;
    "canister_update write_chunk": update_as uploads::write_chunk(upload: u64, index: u64, bytes: &Bytes) => result Received;
    "canister_update copy_chunks": update_as uploads::copy_chunks(upload: u64, first: u64, sources: Batch<CopySource, BATCH>) => result Received;
    "canister_query upload_status": query_as uploads::upload_status(upload: u64) => result UploadStatus;
    "canister_query list_uploads": query_as uploads::list_uploads() => result Vec<UploadStatus>;
    "canister_update commit_upload": update_as uploads::commit_upload(upload: u64, end: Option<UploadEnd>) => result Written;
    "canister_update abort_upload": update_as uploads::abort_upload(upload: u64) => result ();
    "canister_update verify": update uploads::verify(key: &str) => result VerifyProgress;

    "canister_update log": update log::log(text: Text) => oneway ();
    "canister_query readLast": page log::read_last(count: Count) => plain Encoded<String>;
    "canister_update append": update log::append(entries: Batch<&Bytes, BATCH>) => result Appended;
    "canister_query read_log": page log::read_log(args: ReadLogArgs) => result log::EncodedLogPage;
    "canister_query log_info": query log::log_info() => result LogInfo;

    "canister_update region_new": update_as regions::region_new() => result RegionInfo;
    "canister_query region_list": query_as regions::region_list() => result Vec<RegionInfo>;
    "canister_query region_info": query_as regions::region_info(region: u64) => result RegionInfo;
    "canister_update region_grow": update_as regions::region_grow(region: u64, pages: u64) => result u64;
    "canister_query region_load_blob": blob_as regions::region_load_blob(region: u64, offset: u64, length: u64) => result ByteBuf;
    "canister_update region_store_blob": update_as regions::region_store_blob(region: u64, offset: u64, bytes: &Bytes) => result ();
    "canister_query region_load": query_as regions::region_load(region: u64, loads: Batch<RegionLoad, BATCH>) => result Vec<RegionValue>;
    "canister_update region_store": update_as regions::region_store(region: u64, stores: Batch<RegionStore, BATCH>) => result ();
    "canister_update region_set_owner": update_as regions::region_set_owner(region: u64, owner: Principal) => result RegionInfo;
    "canister_update set_certified": update certified::set_certified(prefix: &str, certified: bool) => result ();
    "canister_query certified_prefixes": query certified::certified_prefixes() => result Vec<CertifiedPrefix>;
    "canister_update certify": update certified::certify(prefix: &str) => result CertifyProgress;
    "canister_update certify_log": update certified::certify_log() => result CertifyProgress;
    "canister_query get_certified": query certified::get_certified(key: &str) => result CertifiedObject;
    "canister_query stat_certified": query certified::stat_certified(key: &str) => result CertifiedInfo;
    "canister_query list_certified": query certified::list_certified(args: ListArgs) => result CertifiedPage;
    "canister_query log_certified": query certified::log_certified(args: ReadLogArgs) => result CertifiedLogPage;

    "canister_query stable_var_query": query regions::stable_var_query() => plain StableVarInfo;

    "canister_query status": query operator::status() => result Status;
    "canister_update configure": update operator::configure(settings: Settings) => result Config;
    "canister_query get_config": query operator::get_config() => result Config;
    "canister_update set_role": update roles::set_role(who: Principal, role: Option<Role>) => result ();
    "canister_query list_roles": query roles::list_roles() => result Vec<Grant>;
    "canister_update set_site": update certified::set_site(site: Site) => result ();
    "canister_update remove_site": update certified::remove_site(prefix: &str) => result bool;
    "canister_query list_sites": query certified::list_sites() => result Vec<SiteStatus>;
    "canister_query http_request": open http::http_request(request: HttpRequest) => plain HttpResponse;
    "canister_update http_request_update": open http::http_request_update(request: HttpRequest) => plain HttpResponse;
}
