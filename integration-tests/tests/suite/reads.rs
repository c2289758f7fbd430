//! Ranges of objects.

use std::sync::atomic::{AtomicU64, Ordering};

use integration_tests::{Harness, ReplicaTransport, SuiteClient, controller, data, expect, pattern::Pattern};
use stable_storage_api::{
    Error, ReadArgs, UploadArgs,
    limits::{CHUNK_BYTES, MAX_REPLY_BYTES},
};
use storage_client::{Client, ClientError, TransferError, TransferOptions, Transport, TransportError};
use storage_engine::arena::SLOT_EXTENT_BYTES;

const SIZE: u64 = 9 * CHUNK_BYTES + 77;

async fn store(client: &SuiteClient, seed: u64) -> u64 {
    let mut source = Pattern::new(seed, SIZE);
    let args = UploadArgs::new("key", SIZE);
    client.upload(&mut source, &args, TransferOptions::default()).await.unwrap().revision
}

fn range(offset: u64, length: u64) -> ReadArgs {
    ReadArgs { key: "key".into(), offset, length: Some(length), revision: None }
}

/// Ranges equal those of the whole, at all boundaries of extents, of an inline value, of one extent and of several.
#[tokio::test]
async fn ranges_are_parts_of_the_whole() {
    let client = Harness::start().await.client();
    store(&client, 1).await;
    let whole = Pattern::new(1, SIZE);
    let slot = SLOT_EXTENT_BYTES;
    for (offset, length) in [
        (0, 1),
        (0, 1 << 20),
        (slot - 3, 6),
        (slot - 100_000, 1_000_000),
        (CHUNK_BYTES - 1, 2),
        (SIZE - 9, 9),
    ] {
        assert!(
            client.read(&range(offset, length)).await.unwrap() == whole.range(offset, length),
            "{offset}"
        );
    }
    for size in [100, 1_000_000] {
        let value = data::bytes(2, size);
        client.put("key", &value).await.unwrap();
        for (offset, length) in [(0, size), (1, size - 2), (size / 2, 10), (size - 1, 1)] {
            let bytes = client.read(&range(offset as u64, length as u64)).await.unwrap();
            assert!(bytes == value[offset..offset + length], "{length} at {offset} of {size}");
        }
    }
}

/// A range is short at the end of the object and at the limit of a reply; one that starts beyond the end is an error.
#[tokio::test]
async fn ranges_end_with_the_object_and_the_reply() {
    let client = Harness::start().await.client();
    store(&client, 1).await;
    assert_eq!(client.read(&range(SIZE - 3, u64::MAX)).await.unwrap().len(), 3);
    assert_eq!(client.read(&range(0, u64::MAX)).await.unwrap().len() as u64, MAX_REPLY_BYTES);
    assert_eq!(client.read(&range(0, MAX_REPLY_BYTES + 1)).await.unwrap().len() as u64, MAX_REPLY_BYTES);
    assert_eq!(client.read(&range(5, 0)).await.unwrap(), b"");
    assert_eq!(client.read(&range(SIZE, 1)).await.unwrap(), b"");
    for offset in [SIZE + 1, u64::MAX] {
        let refused = expect::storage_error(client.read(&range(offset, 1)).await);
        assert_eq!(refused, Error::OutOfRange { offset, length: 1, size: SIZE });
    }
    // Without a length, it is the rest, as far as it fits.
    let rest = |offset| ReadArgs { length: None, ..range(offset, 0) };
    assert_eq!(client.read(&rest(SIZE - 3)).await.unwrap(), Pattern::new(1, SIZE).range(SIZE - 3, 3));
    assert_eq!(client.read(&rest(0)).await.unwrap().len() as u64, MAX_REPLY_BYTES);
    let refused = expect::storage_error(client.read(&rest(SIZE + 1)).await);
    assert_eq!(refused, Error::OutOfRange { offset: SIZE + 1, length: 0, size: SIZE });
    let nothing = ReadArgs { key: "nothing".into(), ..range(0, 1) };
    assert_eq!(expect::storage_error(client.read(&nothing).await), Error::NotFound);
}

/// Methods that return whole values reject one that does not fit a reply, and the object stays.
#[tokio::test]
async fn whole_values_must_fit_a_reply() {
    let client = Harness::start().await.client();
    store(&client, 1).await;
    let too_large = Error::TooLarge { size: SIZE, limit: MAX_REPLY_BYTES };
    assert_eq!(expect::storage_error(client.get("key").await), too_large);
    assert_eq!(expect::storage_error(client.take_first("").await), too_large);
    assert_eq!(expect::storage_error(client.get_many(&["key"]).await), too_large);
    assert_eq!(expect::storage_error(client.scan_all("").await), too_large);
    assert_eq!(client.stat("key").await.unwrap().size, SIZE);
}

/// A reader of several ranges gets an error if the object is overwritten, never a mix.
#[tokio::test]
async fn a_reader_never_mixes_two_versions() {
    let client = Harness::start().await.client();
    let old = store(&client, 1).await;
    let pinned = |index| ReadArgs { revision: Some(old), ..range(index * MAX_REPLY_BYTES, MAX_REPLY_BYTES) };
    for index in 0..4 {
        let bytes = client.read(&pinned(index)).await.unwrap();
        assert!(bytes == Pattern::new(1, SIZE).range(index * MAX_REPLY_BYTES, MAX_REPLY_BYTES));
    }
    let new = store(&client, 2).await;
    let refused = expect::storage_error(client.read(&pinned(4)).await);
    assert_eq!(refused, Error::RevisionMismatch { current: Some(new) });
    assert!(client.delete("key").await.unwrap());
    assert_eq!(expect::storage_error(client.read(&pinned(4)).await), Error::NotFound);
}

/// Overwrites the object between two of its reads.
struct Overwriting {
    inner: ReplicaTransport,
    reads: AtomicU64,
}

impl Transport for Overwriting {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.inner.update(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        if method == "read" && self.reads.fetch_add(1, Ordering::Relaxed) == 3 {
            Client::new(self.inner.clone()).put("key", b"new").await.unwrap();
        }
        self.inner.query(method, arg).await
    }
}

/// A download fails if the object is overwritten meanwhile.
#[tokio::test]
async fn download_fails_if_the_object_is_overwritten() {
    let harness = Harness::start().await;
    store(&harness.client(), 1).await;
    let client =
        Client::new(Overwriting { inner: harness.transport(controller()), reads: AtomicU64::new(0) });
    let mut sink = Vec::new();
    let done = client.download("key", &mut sink, TransferOptions::default()).await;
    let Err(TransferError::Client(ClientError::Storage { method: "read", error })) = &done else {
        panic!("{done:?}");
    };
    assert!(matches!(error, Error::RevisionMismatch { current: Some(_) }), "{error:?}");
    assert!((sink.len() as u64) < SIZE);
}
