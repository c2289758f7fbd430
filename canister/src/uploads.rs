//! Objects that arrive in chunks, and their verification.

use ic_cdk::api::time;
use ic_cdk::{query, update};
use serde_bytes::Bytes;
use storage_api::{ObjectInfo, Received, Result, Role, Upload, UploadArgs, UploadStatus, VerifyProgress};

use crate::access::{caller, require};
use crate::state::{read, write};
use crate::wire::{Answer, endpoint};

#[update]
fn create_upload(args: UploadArgs) -> Result<Upload> {
    require(Role::Writer)?;
    write(|store| store.create_upload(&args, &caller(), time()))
}

impl Answer for Received {}

endpoint!("canister_update write_chunk": update fn write_chunk(upload: u64, index: u64, bytes: &Bytes) -> Result<Received>);

fn write_chunk(upload: u64, index: u64, bytes: &Bytes) -> Result<Received> {
    require(Role::Writer)?;
    write(|store| store.write_chunk(upload, index, bytes, &caller(), time()))
}

#[query]
fn upload_status(upload: u64) -> Result<UploadStatus> {
    require(Role::Writer)?;
    read(|store| store.upload_status(upload, &caller(), time()))
}

#[query]
fn list_uploads() -> Result<Vec<UploadStatus>> {
    require(Role::Writer)?;
    read(|store| store.list_uploads(&caller(), time()))
}

#[update]
fn commit_upload(upload: u64) -> Result<ObjectInfo> {
    require(Role::Writer)?;
    write(|store| store.commit_upload(upload, &caller(), time()))
}

#[update]
fn abort_upload(upload: u64) -> Result<()> {
    require(Role::Writer)?;
    write(|store| store.abort_upload(upload, &caller()))
}

#[update]
fn verify(key: String) -> Result<VerifyProgress> {
    require(Role::Writer)?;
    write(|store| store.verify(&key))
}
