//! Verification: the canister hashes an object in bounded steps.

use integration_tests::{Harness, SuiteClient, data, expect, pattern::Pattern};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::{
    Checksum, ChecksumState, Error, UploadArgs, limits::CHUNK_BYTES, limits::VERIFY_STEP_BYTES,
};
use storage_client::{TransferError, TransferOptions, transfer::Unobserved};

/// An object that takes two steps.
const SIZE: u64 = VERIFY_STEP_BYTES + 1_000_003;

fn digest(pattern: &Pattern, size: u64) -> Vec<u8> {
    Sha256::digest(pattern.range(0, size)).to_vec()
}

async fn store(client: &SuiteClient, pattern: &mut Pattern, size: u64, sha256: Option<Vec<u8>>) {
    let args = UploadArgs { sha256: sha256.map(ByteBuf::from), ..UploadArgs::new("key", size) };
    client.upload(pattern, &args, TransferOptions::default()).await.unwrap();
}

async fn checksum(client: &SuiteClient) -> Option<Checksum> {
    client.stat("key").await.unwrap().sha256
}

/// A verification continues after both kinds of upgrade, and the verdict is kept.
#[tokio::test]
async fn a_verification_survives_upgrades() {
    let harness = Harness::start().await;
    let client = harness.client();
    let mut pattern = Pattern::new(1, SIZE);
    let expected = digest(&pattern, SIZE);
    store(&client, &mut pattern, SIZE, Some(expected.clone())).await;
    assert_eq!(checksum(&client).await.unwrap().state, ChecksumState::Declared);
    let revision = client.stat("key").await.unwrap().revision;

    let step = client.verify("key").await.unwrap();
    assert_eq!((step.hashed, step.size, step.verdict), (VERIFY_STEP_BYTES, SIZE, None));
    harness.upgrade().await;
    harness.upgrade_skipping_pre_upgrade().await;
    let step = client.verify("key").await.unwrap();
    assert_eq!((step.hashed, step.verdict), (SIZE, Some(ChecksumState::Verified)));

    harness.upgrade().await;
    let verified = Checksum { digest: ByteBuf::from(expected), state: ChecksumState::Verified };
    assert_eq!(checksum(&client).await, Some(verified));
    assert_eq!(
        client.stat("key").await.unwrap().revision,
        revision,
        "verifying does not change the revision"
    );
}

/// A digest that differs from the declared one is recorded and reported, and the object stays readable.
#[tokio::test]
async fn a_mismatch_is_recorded() {
    let harness = Harness::start().await;
    let client = harness.client();
    let size = 3_000_000;
    let pattern = Pattern::new(1, size);
    // By single calls, because the client's own upload compares what it sends with the declared digest.
    let sha256 = Some(ByteBuf::from([0xab; 32]));
    let upload = client.create_upload(&UploadArgs { sha256, ..UploadArgs::new("key", size) }).await.unwrap();
    for index in 0..size.div_ceil(CHUNK_BYTES) {
        let offset = index * CHUNK_BYTES;
        let chunk = pattern.range(offset, CHUNK_BYTES.min(size - offset));
        client.write_chunk(upload.id, index, &chunk).await.unwrap();
    }
    client.commit_upload(upload.id).await.unwrap();
    assert_eq!(client.verify_all("key", &Unobserved).await.unwrap(), ChecksumState::Mismatch);
    harness.upgrade_skipping_pre_upgrade().await;
    let declared = Checksum { digest: ByteBuf::from([0xab; 32]), state: ChecksumState::Mismatch };
    assert_eq!(checksum(&client).await, Some(declared));

    let mut bytes = Vec::new();
    let done = client.download("key", &mut bytes, TransferOptions::default()).await;
    assert!(matches!(done, Err(TransferError::WrongDigest { .. })), "{done:?}");
    assert!(bytes == pattern.range(0, size), "the object is not readable");
    client.rename("key", "moved").await.unwrap();
    assert_eq!(client.stat("moved").await.unwrap().sha256.unwrap().state, ChecksumState::Mismatch);
}

/// If none was declared, the digest is computed and recorded, for objects of every kind.
#[tokio::test]
async fn a_digest_is_recorded_where_none_was_declared() {
    let client = Harness::start().await.client();
    for size in [0, 1, 100, 1_000_000] {
        let value = data::bytes(7, size);
        client.put("key", &value).await.unwrap();
        assert_eq!(checksum(&client).await, None);
        let step = client.verify("key").await.unwrap();
        assert_eq!((step.hashed, step.verdict), (size as u64, Some(ChecksumState::Verified)));
        assert_eq!(checksum(&client).await.unwrap().digest, Sha256::digest(&value).to_vec());
    }
    assert_eq!(expect::storage_error(client.verify("nothing").await), Error::NotFound);
    assert!(matches!(expect::storage_error(client.verify("").await), Error::InvalidArgument { .. }));
}

/// Overwriting an object during its verification ends that: the next call starts with the new bytes.
#[tokio::test]
async fn overwriting_ends_a_verification() {
    let client = Harness::start().await.client();
    store(&client, &mut Pattern::new(1, SIZE), SIZE, None).await;
    assert_eq!(client.verify("key").await.unwrap().verdict, None);
    let (size, mut pattern) = (3_000_000, Pattern::new(2, 3_000_000));
    store(&client, &mut pattern, size, None).await;
    let step = client.verify("key").await.unwrap();
    assert_eq!((step.hashed, step.verdict), (size, Some(ChecksumState::Verified)));
    assert_eq!(checksum(&client).await.unwrap().digest, digest(&pattern, size));
}
