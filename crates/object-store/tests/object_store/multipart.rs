//! Uploads in parts whose futures are polled in any order, late, or not to their end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, join, select};
use object_store::{
    Attribute, Attributes, Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutResult, UploadPart, multipart::MultipartStore, path::Path,
};
use stable_storage_api::{headers, limits::CHUNK_BYTES};
use storage_client::{Client, EmbeddedTransport, RetryPolicy, Transport, TransportError};
use storage_object_store::CanisterStore;
use tokio::sync::{Notify, Semaphore};

use crate::{Store, bytes, store};

/// Parts of any sizes, polled in any order, are the object of their concatenation.
#[tokio::test]
async fn parts_are_cut_into_chunks() {
    let store = store();
    for sizes in [
        &[][..],
        &[0],
        &[1, 0, 2],
        &[1, 0, CHUNK_BYTES - 1],
        &[CHUNK_BYTES],
        &[CHUNK_BYTES - 1, 1],
        &[CHUNK_BYTES - 1, 2],
        &[5, 2 * CHUNK_BYTES, 0, 3],
        &[1, CHUNK_BYTES, CHUNK_BYTES - 1],
        &[3 * CHUNK_BYTES + 7, 11, CHUNK_BYTES / 2, CHUNK_BYTES],
    ] {
        // All orders of up to three parts, and some of four.
        for first in 0..sizes.len().max(1) {
            for is_reversed in [false, true] {
                let order = |parts: &mut Vec<UploadPart>| {
                    parts.rotate_left(first);
                    if is_reversed {
                        parts.reverse();
                    }
                };
                send_parts(&store, sizes, order).await;
            }
        }
    }
    assert!(store.client().list_uploads().await.unwrap().is_empty());
}

/// Uploads parts of these sizes, polled one after the other in this order, and reads the object.
async fn send_parts(store: &Store, sizes: &[u64], order: impl FnOnce(&mut Vec<UploadPart>)) {
    let path = Path::from("parts");
    let all = bytes(sizes.iter().sum());
    let mut upload = store.put_multipart(&path).await.unwrap();
    let mut rest = all.as_slice();
    let mut parts = Vec::new();
    for size in sizes {
        let (part, after) = rest.split_at(*size as usize);
        rest = after;
        // A payload may consist of several buffers.
        let (one, other) = part.split_at(part.len() / 3);
        parts.push(upload.put_part([one.to_vec(), other.to_vec()].into_iter().map(Bytes::from).collect()));
    }
    order(&mut parts);
    for part in parts {
        part.await.unwrap();
    }
    upload.complete().await.unwrap();
    assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == all, "{sizes:?}");
    assert!(upload.complete().await.is_err());
}

/// A part whose future was dropped leaves a gap, which is never committed.
#[tokio::test]
async fn an_upload_without_one_of_its_parts_is_not_committed() {
    let store = store();
    let path = Path::from("gap");
    for (first, second) in [(10, 10), (CHUNK_BYTES, 1), (1, CHUNK_BYTES), (2 * CHUNK_BYTES, CHUNK_BYTES)] {
        for is_first in [true, false] {
            let mut upload = store.put_multipart(&path).await.unwrap();
            let parts = [upload.put_part(bytes(first).into()), upload.put_part(bytes(second).into())];
            let [one, other] = parts;
            let sent = if is_first { one } else { other };
            sent.await.unwrap();
            assert!(upload.complete().await.is_err(), "{first} {second} {is_first}");
            upload.abort().await.unwrap();
        }
    }
    assert!(matches!(store.head(&path).await, Err(Error::NotFound { .. })));
    assert!(store.client().list_uploads().await.unwrap().is_empty());
}

/// A canister whose replies to one method are held until they are released.
#[derive(Clone)]
struct Holding {
    canister: EmbeddedTransport,
    method: &'static str,
    is_executed: Arc<Notify>,
    released: Arc<Semaphore>,
}

impl Transport for Holding {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let reply = self.canister.update(method, arg).await;
        if method == self.method {
            self.is_executed.notify_one();
            self.released.acquire().await.unwrap().forget();
        }
        reply
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.canister.query(method, arg).await
    }
}

/// An upload with a part whose call was executed and has no reply yet.
struct Held {
    network: Holding,
    upload: Box<dyn MultipartUpload>,
    part: UploadPart,
    store: Store,
}

impl Held {
    async fn at(method: &'static str) -> Self {
        let store = store();
        let canister = store.client().transport().clone();
        let (is_executed, released) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let network = Holding { canister, method, is_executed, released };
        let holding = CanisterStore::new(Client::new(network.clone()));
        let mut upload = holding.put_multipart(&Path::from("held")).await.unwrap();
        let part = upload.put_part(bytes(CHUNK_BYTES).into());
        let executed = Box::pin(network.is_executed.notified());
        let Either::Right(((), part)) = select(part, executed).await else { panic!("there was a reply") };
        Self { part, network, upload, store }
    }

    /// Releases this many replies.
    fn release(&self, replies: usize) {
        self.network.released.add_permits(replies);
    }

    async fn assert_nothing_is_left(&mut self) {
        assert_eq!(self.store.client().list_uploads().await.unwrap(), []);
        assert!(matches!(self.store.head(&Path::from("held")).await, Err(Error::NotFound { .. })));
        for length in [0, 1, CHUNK_BYTES] {
            let error = self.upload.put_part(bytes(length).into()).await.unwrap_err();
            assert!(error.to_string().contains("has been aborted"), "{length}: {error}");
        }
        assert!(self.upload.complete().await.is_err());
        self.upload.abort().await.unwrap();
        assert_eq!(self.store.client().list_uploads().await.unwrap(), []);
    }
}

/// What becomes of a part that is under way when its upload is aborted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Polled,
    PolledLater,
    Dropped,
}

#[tokio::test]
async fn an_abort_with_a_part_under_way_leaves_no_upload() {
    for method in ["create_upload", "write_chunk"] {
        for then in [Then::Polled, Then::PolledLater, Then::Dropped] {
            let mut held = Held::at(method).await;
            let late = held.upload.put_part(bytes(2 * CHUNK_BYTES).into());
            let part = std::mem::replace(&mut held.part, Box::pin(async { Ok(()) }));
            held.release(2);
            let part = match then {
                Then::Polled => {
                    let (aborted, sent) = join(held.upload.abort(), part).await;
                    aborted.unwrap();
                    // A chunk that the canister had before the abort was received.
                    assert_eq!(sent.is_ok(), method == "write_chunk", "{sent:?}");
                    None
                }
                Then::PolledLater => Some(part),
                Then::Dropped => {
                    drop(part);
                    None
                }
            };
            if then != Then::Polled {
                held.upload.abort().await.unwrap();
            }
            assert_eq!(held.store.client().list_uploads().await.unwrap(), [], "{method} {then:?}");
            if let Some(part) = part {
                assert_eq!(part.await.is_ok(), method == "write_chunk");
            }
            late.await.unwrap_err();
            held.assert_nothing_is_left().await;
        }
    }
}

/// An upload with a part under way is not completed. It can be completed once the part was sent, or aborted.
#[tokio::test]
async fn a_completion_with_a_part_under_way_is_refused() {
    for method in ["create_upload", "write_chunk"] {
        let mut held = Held::at(method).await;
        let error = held.upload.complete().await.unwrap_err();
        assert!(error.to_string().contains("was not sent to its end"), "{error}");
        held.release(1);
        held.upload.abort().await.unwrap();
        held.assert_nothing_is_left().await;

        let mut held = Held::at(method).await;
        held.upload.complete().await.unwrap_err();
        held.release(1);
        (&mut held.part).await.unwrap();
        held.upload.complete().await.unwrap();
        let stored = held.store.get(&Path::from("held")).await.unwrap().bytes().await.unwrap();
        assert!(stored == bytes(CHUNK_BYTES));
        assert_eq!(held.store.client().list_uploads().await.unwrap(), []);
    }
}

/// What was completed, in one call or as an upload, takes no more parts and is not aborted.
#[tokio::test]
async fn a_part_after_the_completion_is_refused() {
    let store = store();
    for size in [1, CHUNK_BYTES + 1] {
        let path = Path::from(format!("size/{size}"));
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part(bytes(size).into()).await.unwrap();
        upload.complete().await.unwrap();
        for length in [0, 1, 2 * CHUNK_BYTES] {
            let error = upload.put_part(bytes(length).into()).await.unwrap_err();
            assert!(error.to_string().contains("has been completed"), "{length}: {error}");
        }
        assert!(upload.abort().await.is_err() && upload.complete().await.is_err());
        assert_eq!(store.client().list_uploads().await.unwrap(), []);
        assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == bytes(size));
    }
}

/// What happens to the first commit of an upload, to which there is no reply.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Commit {
    Executed,
    Lost,
    /// It is lost, the upload is aborted, and somebody else stores an object of the same size.
    Replaced,
}

/// A canister whose reply to the first commit is lost.
#[derive(Clone)]
struct Losing {
    canister: EmbeddedTransport,
    first: Arc<Mutex<Option<Commit>>>,
}

impl Transport for Losing {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let commit = if method == "commit_upload" { self.first.lock().unwrap().take() } else { None };
        match commit {
            None => return self.canister.update(method, arg).await,
            Some(Commit::Executed) => drop(self.canister.update(method, arg).await?),
            Some(Commit::Lost) => {}
            Some(Commit::Replaced) => {
                let client = Client::new(self.canister.clone());
                let upload = client.list_uploads().await.unwrap().pop().unwrap().upload;
                client.abort_upload(upload.id).await.unwrap();
                let other = CanisterStore::new(client);
                other.put(&Path::from(upload.key), vec![7; SIZE as usize].into()).await.unwrap();
            }
        }
        Err(TransportError::Unavailable { message: "the reply is lost".into() })
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.canister.query(method, arg).await
    }
}

const SIZE: u64 = CHUNK_BYTES + 1;

/// An upload whose commit has no reply is recognised by its identifier, and no object of somebody else is.
#[tokio::test]
async fn the_outcome_of_a_commit_without_a_reply_is_determined() {
    let canister = store().client().transport().clone();
    let retry = RetryPolicy { first_delay: Duration::ZERO, ..RetryPolicy::default() };
    for commit in [Commit::Executed, Commit::Lost, Commit::Replaced] {
        let first = Arc::new(Mutex::new(Some(commit)));
        let network = Losing { canister: canister.clone(), first: Arc::clone(&first) };
        let store = CanisterStore::new(Client::new(network).with_retry(retry));
        let path = Path::from("parts");
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part(bytes(SIZE).into()).await.unwrap();
        check(&store, &path, commit, upload.complete().await).await;

        *first.lock().unwrap() = Some(commit);
        let id = store.create_multipart(&path).await.unwrap();
        let parts = vec![store.put_part(&path, &id, 0, "part".into()).await.unwrap()];
        // The parts are put together in an upload, whose size is not that of the other object.
        let completed = store.complete_multipart(&path, &id, parts).await;
        assert_eq!(completed.is_ok(), commit != Commit::Replaced, "{commit:?} {completed:?}");
    }
}

async fn check(
    store: &CanisterStore<Losing>,
    path: &Path,
    commit: Commit,
    completed: object_store::Result<PutResult>,
) {
    let found = store.get(path).await.unwrap();
    let (e_tag, attributes) = (found.meta.e_tag.clone(), found.attributes.clone());
    assert!(attributes.is_empty(), "{attributes:?}");
    let is_own = found.bytes().await.unwrap() == bytes(SIZE);
    match commit {
        Commit::Replaced => {
            let error = completed.unwrap_err().to_string();
            assert!(!is_own && error.contains("does not show which"), "{error}");
        }
        _ => assert!(is_own && completed.unwrap().e_tag == e_tag, "{commit:?}"),
    }
}

/// Metadata that leaves no space for the identifier is stored as it is.
#[tokio::test]
async fn an_upload_with_as_much_metadata_as_is_allowed_has_no_identifier() {
    let store = store();
    let path = Path::from("key");
    for (pairs, length) in [(16, 1), (1, 2_040), (15, 1)] {
        let pair = |number: u8| (Attribute::Metadata(number.to_string().into()), "v".repeat(length));
        let attributes = Attributes::from_iter((0..pairs).map(pair));
        let options = PutMultipartOptions { attributes: attributes.clone(), ..Default::default() };
        let mut upload = store.put_multipart_opts(&path, options).await.unwrap();
        upload.put_part(bytes(SIZE).into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().attributes, attributes);
        let stored = store.client().stat("key").await.unwrap().metadata.unwrap();
        let is_identified = stored.iter().any(|pair| pair.name == headers::UPLOAD);
        assert_eq!(is_identified, pairs == 15, "{pairs} {length}");
    }
}
