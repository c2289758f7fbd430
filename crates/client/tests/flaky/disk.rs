//! Disk writes of a transfer in a folder.

use std::fs;
use std::path::Path;

use embedded_ic::EmbeddedIc;
use stable_storage_api::{UploadArgs, limits::CHUNK_BYTES};
use storage_client::Client;

use crate::{config, content, install};

/// The canister announces its argument buffer to the host, so that a chunk is written only to its pages of stable memory,
/// not to the journal and not to the heap file.
#[tokio::test]
async fn chunk_is_written_to_disk_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let client = Client::new(install(EmbeddedIc::create_dir(&path, config()).unwrap()));
    let chunks = content(4, 0);
    let id = client.create_upload(&UploadArgs::new("key", chunks.len() as u64)).await.unwrap().id;
    let before = journal_bytes(&path);
    for (chunk, index) in chunks.chunks(CHUNK_BYTES as usize).zip(0..) {
        client.write_chunk(id, index, chunk).await.unwrap();
    }
    let written = journal_bytes(&path) - before;
    assert!(written < CHUNK_BYTES / 4, "{written} bytes of journal for 4 chunks of {CHUNK_BYTES}");
    client.commit_upload(id).await.unwrap();
}

fn journal_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join("journal.bin")).unwrap().len()
}
