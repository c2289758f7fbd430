//! Large objects: values of 1 MiB, and an object of 1 GiB that arrives in chunks of 31 pages of 64 KiB.

use candid::decode_args;
use serde_bytes::Bytes;
use stable_storage_api::limits::{CHUNK_BYTES, COPY_STEP_BYTES};
use stable_storage_api::{CopyArgs, CopySource, ObjectInfo, Upload, UploadArgs};

use super::case::Case;
use super::floor;
use super::interface::{Call, Object};
use super::rig::{Count, Rig, Sizes};
use crate::data;

const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;

/// Minimum size of a record of an upload or an object: its key and some numbers.
const RECORD_BYTES: usize = 64;

const KEY: &str = "a-large-object";
const UPLOAD_KEY: &str = "an-uploaded-object";
const OTHER_KEY: &str = "a-renamed-object";
const COPY_KEY: &str = "a-copied-object";

const CONTRACT: &str = "the method answers what the contract says";

/// A new value of 1 MiB, and reading it. The floors read or write it once.
pub(super) fn values(rig: &mut Rig<'_>) -> Vec<Case> {
    let interface = rig.interface;
    let object = Object { key: KEY.into(), value: data::bytes(1, MIB) };
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::time() + floor::write(MIB);
    let put = rig.updates("put_1MiB", Count::bytes(MIB), floor, [interface.put(&object)]);
    vec![put, rig.queries("get_1MiB", Count::bytes(MIB), read_floor, [interface.get(KEY)])]
}

/// A range of 1 MiB of the object of [`values`].
pub(super) fn ranges(rig: &mut Rig<'_>) -> Vec<Case> {
    let call = rig.interface.read(KEY, 0, MIB as u64);
    vec![rig.queries("read_1MiB", Count::bytes(MIB), read_floor, [call])]
}

fn read_floor(sizes: Sizes) -> u64 {
    floor::answered(sizes) + floor::read(MIB)
}

/// An upload of 1 GiB from its beginning to its end.
pub(super) fn upload(rig: &mut Rig<'_>) -> Vec<Case> {
    let create = Call::new("create_upload", (UploadArgs::new(UPLOAD_KEY, GIB),));
    let record = |sizes: Sizes| floor::answered(sizes) + floor::time() + floor::write(RECORD_BYTES);
    let (created, reply) = rig.one_update("create_upload_1GiB", record, &create);
    let (answer,): (stable_storage_api::Result<Upload>,) = decode_args(&reply.bytes).expect(CONTRACT);
    let id = answer.expect("there is room for an upload").id;
    let chunk = |index: u64, bytes: &[u8]| Call::new("write_chunk", (id, index, Bytes::new(bytes)));
    let chunks = write_chunks(rig, chunk);
    let commit = Call::new("commit_upload", (id,));
    let committed = rig.updates("commit_upload_1GiB", Count::MESSAGES, record, [commit]);
    vec![chunks, created, committed]
}

/// A file of 1 GiB, which a peer writes at offsets.
pub(super) fn file(rig: &mut Rig<'_>) -> Vec<Case> {
    let chunk = |index: u64, bytes: &[u8]| {
        Call::new("write_chunk", (UPLOAD_KEY, index * CHUNK_BYTES, Bytes::new(bytes)))
    };
    vec![write_chunks(rig, chunk)]
}

/// Renames and deletes the object of 1 GiB.
pub(super) fn rename_and_delete(rig: &mut Rig<'_>) -> Vec<Case> {
    let interface = rig.interface;
    let rename = interface.rename(UPLOAD_KEY.into(), OTHER_KEY.into());
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::write(RECORD_BYTES) + floor::write(1);
    let renamed = rig.updates("rename_1GiB", Count::MESSAGES, floor, [rename]);
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::write(1);
    let deleted = rig.updates("delete_1GiB", Count::MESSAGES, floor, [interface.delete(OTHER_KEY)]);
    vec![renamed, deleted]
}

/// Copies the object of [`values`], and fills a step of an upload with it, as often as it takes. The floors read and write the bytes
/// once.
pub(super) fn copies(rig: &mut Rig<'_>) -> Vec<Case> {
    let floor = |bytes: usize| {
        move |sizes: Sizes| floor::answered(sizes) + floor::time() + floor::read(bytes) + floor::write(bytes)
    };
    let copy = Call::new("copy", (CopyArgs::new(KEY, COPY_KEY),));
    let copied = rig.updates("copy_1MiB", Count::bytes(MIB), floor(MIB), [copy]);

    let info = rig.query(&Call::new("stat", (KEY,)));
    let (info,): (stable_storage_api::Result<ObjectInfo>,) = decode_args(&info.bytes).expect(CONTRACT);
    let revision = info.expect("the object is there").revision;
    let step = COPY_STEP_BYTES / CHUNK_BYTES * CHUNK_BYTES;
    let upload = rig.update(&Call::new("create_upload", (UploadArgs::new(UPLOAD_KEY, step),)));
    let (upload,): (stable_storage_api::Result<Upload>,) = decode_args(&upload.bytes).expect(CONTRACT);
    let id = upload.expect("there is room for an upload").id;
    let whole = CopySource::whole(KEY, revision);
    let rest = CopySource { length: Some(step % MIB as u64), ..whole.clone() };
    let mut sources = vec![whole; (step / MIB as u64) as usize];
    sources.push(rest);
    let chunks = Call::new("copy_chunks", (id, 0_u64, sources));
    let step = step as usize;
    vec![copied, rig.updates("copy_chunks_64MiB", Count::bytes(step), floor(step), [chunks])]
}

/// Writes all chunks of 1 GiB; the case is the mean of those that have 31 pages.
fn write_chunks(rig: &mut Rig<'_>, chunk: impl Fn(u64, &[u8]) -> Call) -> Case {
    let bytes = data::bytes(3, CHUNK_BYTES as usize);
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::time() + floor::write(CHUNK_BYTES as usize);
    let calls = (0..GIB / CHUNK_BYTES).map(|index| chunk(index, &bytes));
    let case = rig.updates("write_chunk_31_pages", Count::bytes(CHUNK_BYTES as usize), floor, calls);
    rig.update(&chunk(GIB / CHUNK_BYTES, &bytes[..(GIB % CHUNK_BYTES) as usize]));
    case
}
