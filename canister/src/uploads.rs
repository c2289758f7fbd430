//! Objects that arrive in chunks, and their verification.

use ic_cdk::api::time;
use ic_cdk::{query, update};
use serde_bytes::Bytes;
use storage_api::{ObjectInfo, Received, Result, Upload, UploadArgs, UploadStatus, VerifyProgress};

use crate::state::{self, method};
use crate::wire::{Answer, endpoint};

#[update]
fn create_upload(args: UploadArgs) -> Result<Upload> {
    state::update_as(method!("create_upload"), |store, caller| store.create_upload(&args, caller, time()))
}

impl Answer for Received {}

endpoint!("canister_update write_chunk": update fn write_chunk(upload: u64, index: u64, bytes: &Bytes) -> Result<Received>);

fn write_chunk(upload: u64, index: u64, bytes: &Bytes) -> Result<Received> {
    state::update_as(method!("write_chunk"), |store, caller| {
        store.write_chunk(upload, index, bytes, caller, time())
    })
}

#[query]
fn upload_status(upload: u64) -> Result<UploadStatus> {
    state::query_as(method!("upload_status"), |store, caller| store.upload_status(upload, caller, time()))
}

#[query]
fn list_uploads() -> Result<Vec<UploadStatus>> {
    state::query_as(method!("list_uploads"), |store, caller| store.list_uploads(caller, time()))
}

#[update]
fn commit_upload(upload: u64) -> Result<ObjectInfo> {
    state::update_as(method!("commit_upload"), |store, caller| store.commit_upload(upload, caller, time()))
}

#[update]
fn abort_upload(upload: u64) -> Result<()> {
    state::update_as(method!("abort_upload"), |store, caller| store.abort_upload(upload, caller))
}

#[update]
fn verify(key: String) -> Result<VerifyProgress> {
    state::update(method!("verify"), |store| store.verify(&key))
}
