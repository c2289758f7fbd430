//! Gigabytes, written through the canister: 4 GiB on the embedded host and 1 GiB on PocketIC, which keeps stable memory in RAM
//! several times. `STORAGE_TEST_GIB` sets another number of GiB.

use std::{
    env,
    io::{self, Read, Seek},
};

use integration_tests::{Harness, pattern::Pattern};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::{UploadArgs, limits::CHUNK_BYTES};
use storage_client::TransferOptions;

/// Every n-th chunk is sent before the upgrade.
const EVERY: u64 = 2;

fn size(is_embedded: bool) -> u64 {
    let gib = match env::var("STORAGE_TEST_GIB") {
        Ok(gib) => gib.parse::<u64>().expect("STORAGE_TEST_GIB is a number of GiB"),
        Err(_) if is_embedded => 4,
        Err(_) => 1,
    };
    // The last chunk and the last extent are shorter.
    (gib << 30) + 12_345
}

fn digest(source: &mut Pattern) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    source.rewind().expect("a pattern starts at 0");
    loop {
        match source.read(&mut buffer).expect("a pattern can be read") {
            0 => return hash.finalize().into(),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// An object of gigabytes is uploaded with an upgrade in the middle and another one after it, and read back. Every byte is
/// compared by SHA-256, which the client computes of what it sends and receives.
#[tokio::test]
async fn gigabytes_come_back_through_upgrades() {
    let harness = Harness::start().await;
    let client = harness.client();
    let size = size(harness.replica().is_embedded());
    let mut source = Pattern::new(1, size);
    let sha256 = digest(&mut source);
    let args = UploadArgs { sha256: Some(ByteBuf::from(sha256)), ..UploadArgs::new("large", size) };
    let upload = client.create_upload(&args).await.unwrap();
    for index in (0..upload.chunks.unwrap()).step_by(EVERY as usize) {
        client.write_chunk(upload.id, index, &source.range(index * CHUNK_BYTES, CHUNK_BYTES)).await.unwrap();
    }
    let before = client.upload_status(upload.id).await.unwrap();
    harness.upgrade_skipping_pre_upgrade().await;
    assert_eq!(client.upload_status(upload.id).await.unwrap(), before);

    let options = TransferOptions { resume: Some(upload.id), ..TransferOptions::default() };
    client.upload(&mut source, &args, options).await.unwrap();
    let info = client.stat("large").await.unwrap();
    assert_eq!(info.size, size);
    harness.upgrade().await;
    assert_eq!(client.stat("large").await.unwrap(), info);
    let downloaded = client.download("large", &mut io::sink(), TransferOptions::default()).await.unwrap();
    assert!(downloaded.sha256 == sha256, "what came back is something else");

    let status = client.status().await.unwrap();
    assert_eq!((status.object_bytes, status.arena.reserved_bytes), (size, 0));
    assert!(status.heap_bytes < 4 << 20, "the heap has {} bytes", status.heap_bytes);
    assert!(client.delete("large").await.unwrap());
    let status = client.status().await.unwrap();
    assert_eq!((status.object_bytes, status.arena.used_bytes, status.arena.extents), (0, 0, 0));
    assert_eq!(status.arena.free_bytes, status.arena.largest_free_bytes);
}
