//! Objects that arrive in chunks, and their verification.

use ic_cdk::api::time;
use serde_bytes::Bytes;
use stable_storage_api::{
    CopySource, Received, Result, Upload, UploadArgs, UploadEnd, UploadStatus, VerifyProgress, Written,
};
use storage_engine::Caller;
use storage_wire::Batch;

use crate::message::BATCH;
use crate::state::CanisterStore;

pub(crate) fn create_upload(store: &mut CanisterStore, caller: &Caller, args: UploadArgs) -> Result<Upload> {
    store.create_upload(&args, caller, time())
}

pub(crate) fn write_chunk(
    store: &mut CanisterStore,
    caller: &Caller,
    upload: u64,
    index: u64,
    bytes: &Bytes,
) -> Result<Received> {
    store.write_chunk(upload, index, bytes, caller, time())
}

pub(crate) fn copy_chunks(
    store: &mut CanisterStore,
    caller: &Caller,
    upload: u64,
    first: u64,
    sources: Batch<CopySource, BATCH>,
) -> Result<Received> {
    store.copy_chunks(upload, first, &sources.0, caller, time())
}

pub(crate) fn upload_status(store: &CanisterStore, caller: &Caller, upload: u64) -> Result<UploadStatus> {
    store.upload_status(upload, caller, time())
}

pub(crate) fn list_uploads(store: &CanisterStore, caller: &Caller) -> Result<Vec<UploadStatus>> {
    store.list_uploads(caller, time())
}

pub(crate) fn commit_upload(
    store: &mut CanisterStore,
    caller: &Caller,
    upload: u64,
    end: Option<UploadEnd>,
) -> Result<Written> {
    store.commit_upload_with(upload, end.as_ref(), caller, time())
}

pub(crate) fn abort_upload(store: &mut CanisterStore, caller: &Caller, upload: u64) -> Result<()> {
    store.abort_upload(upload, caller)
}

pub(crate) fn verify(store: &mut CanisterStore, key: &str) -> Result<VerifyProgress> {
    store.verify(key)
}
