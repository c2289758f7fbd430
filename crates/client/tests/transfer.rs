//! Uploads and downloads over a transport that holds one object in memory and replies out of order.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read, Seek, SeekFrom},
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use candid::{CandidType, Principal};
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::{
    Checksum, ChecksumState, ChunkRange, Error, ObjectInfo, ReadArgs, Received, Upload, UploadArgs,
    UploadCondition, UploadStatus, VerifyProgress, limits::CHUNK_BYTES,
};
use storage_client::{Client, Progress, TransferError, TransferOptions, Transport, TransportError};
use storage_testkit::object_info;

const ID: u64 = 7;

#[derive(Default)]
struct State {
    args: Option<UploadArgs>,
    chunks: BTreeMap<u64, Vec<u8>>,
    sent: Vec<u64>,
    under_way: usize,
    most_under_way: usize,
    /// The object that downloads read.
    object: Vec<u8>,
    digest: Option<Vec<u8>>,
    revision: u64,
    /// Reads at or after this offset return one byte less.
    short_from: Option<u64>,
    /// The object is overwritten by the read at this offset.
    overwrite_at: Option<u64>,
}

/// Canister with one upload and one object. Clones share it.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<State>>);

fn encode<T: CandidType>(value: stable_storage_api::Result<T>) -> Vec<u8> {
    candid::encode_one(value).expect("replies can be encoded")
}

fn decode<T: CandidType + DeserializeOwned>(arg: &[u8]) -> T {
    candid::decode_one(arg).expect("the client encodes what the contract says")
}

impl State {
    fn upload(&self) -> Upload {
        let args = self.args.clone().expect("an upload was opened");
        let chunks = args.size.map(|size| size.div_ceil(CHUNK_BYTES));
        Upload { id: ID, key: args.key, size: args.size, chunk_size: CHUNK_BYTES, chunks, expires_ns: 0 }
    }

    fn received(&self) -> u64 {
        self.chunks.values().map(|chunk| chunk.len() as u64).sum()
    }

    /// Lists five missing chunks at a time, like a canister with too many for one reply.
    fn status(&self) -> UploadStatus {
        let upload = self.upload();
        let missing = (0..upload.chunks.unwrap()).filter(|index| !self.chunks.contains_key(index));
        let mut missing = missing.map(|index| ChunkRange { first: index, last: index }).peekable();
        UploadStatus {
            creator: Principal::anonymous(),
            content_type: self.args.as_ref().and_then(|args| args.content_type.clone()),
            content_encoding: None,
            metadata: None,
            sha256: self.args.as_ref().and_then(|args| args.sha256.clone()),
            condition: UploadCondition::Any,
            received: self.received(),
            missing: missing.by_ref().take(5).collect(),
            more_missing: missing.peek().is_some(),
            upload,
        }
    }

    fn info(&self) -> ObjectInfo {
        let digest = self.digest.clone().map(ByteBuf::from);
        let sha256 = digest.map(|digest| Checksum { digest, state: ChecksumState::Declared });
        ObjectInfo { sha256, ..object_info("key", self.object.len() as u64, self.revision) }
    }

    fn read(&mut self, args: &ReadArgs) -> stable_storage_api::Result<ByteBuf> {
        if self.overwrite_at == Some(args.offset) {
            self.revision += 1;
        }
        if args.revision != Some(self.revision) {
            return Err(Error::RevisionMismatch { current: Some(self.revision) });
        }
        let short = u64::from(self.short_from.is_some_and(|offset| args.offset >= offset));
        let range = args.offset as usize
            ..(args.offset + args.length.expect("a transfer says how much") - short) as usize;
        Ok(ByteBuf::from(self.object[range].to_vec()))
    }

    fn answer(&mut self, method: &str, arg: &[u8]) -> Vec<u8> {
        match method {
            "create_upload" => {
                self.args = Some(decode(arg));
                encode(Ok(self.upload()))
            }
            "upload_status" => encode(Ok(self.status())),
            "write_chunk" => {
                let (_, index, bytes): (u64, u64, ByteBuf) = candid::decode_args(arg).unwrap();
                self.sent.push(index);
                self.chunks.insert(index, bytes.into_vec());
                encode(Ok(Received { received: self.received(), size: self.upload().size }))
            }
            "commit_upload" => {
                self.object = self.chunks.values().flatten().copied().collect();
                self.revision += 1;
                encode(Ok(self.info()))
            }
            "stat" => encode(Ok(self.info())),
            "read" => encode(self.read(&decode(arg))),
            "verify" => {
                let (hashed, size) = (self.sent.len() as u64 + 1, 3);
                self.sent.push(hashed);
                let verdict = (hashed == size).then_some(ChecksumState::Verified);
                encode(Ok(VerifyProgress { hashed, size, verdict }))
            }
            other => panic!("the transfer called {other}"),
        }
    }
}

impl Shelf {
    fn client(state: State) -> (Self, Client<Self>) {
        let shelf = Self(Arc::new(Mutex::new(state)));
        (shelf.clone(), Client::new(shelf))
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.lock().expect("no call panics"))
    }

    async fn call(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.with(|state| {
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
        });
        // Every other call is slow, so that replies arrive out of order.
        let turns =
            if arg.iter().map(|byte| u64::from(*byte)).sum::<u64>().is_multiple_of(2) { 9 } else { 1 };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        Ok(self.with(|state| {
            state.under_way -= 1;
            state.answer(method, &arg)
        }))
    }
}

impl Transport for Shelf {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.call(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.call(method, arg).await
    }
}

/// Records the reported progress.
#[derive(Default)]
struct Reported(Mutex<Vec<u64>>);

impl Progress for Reported {
    fn safe(&self, bytes: u64, _size: u64) {
        self.0.lock().expect("no test panics").push(bytes);
    }
}

impl Reported {
    fn assert_rises_to(&self, size: u64) {
        let reported = self.0.lock().unwrap();
        assert!(reported.is_sorted() && reported.last() == Some(&size), "{reported:?}");
    }
}

fn content(chunks: usize) -> Vec<u8> {
    let length = chunks * CHUNK_BYTES as usize - 1_000;
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn args(content: &[u8]) -> UploadArgs {
    UploadArgs::new("key", content.len() as u64)
}

fn concurrent(calls: usize) -> TransferOptions<'static> {
    TransferOptions { concurrency: NonZeroUsize::new(calls).unwrap(), ..TransferOptions::default() }
}

/// Every chunk is sent once, whatever the order of the replies, and the reported progress only rises.
#[tokio::test]
async fn an_upload_sends_every_chunk_once() {
    let content = content(9);
    let (shelf, client) = Shelf::client(State::default());
    let reported = Reported::default();
    let options = TransferOptions { progress: &reported, ..concurrent(3) };
    client.upload(&mut Cursor::new(&content), &args(&content), options).await.unwrap();
    shelf.with(|state| {
        assert!(state.object == content);
        state.sent.sort_unstable();
        assert_eq!(state.sent, (0..9).collect::<Vec<_>>());
    });
    reported.assert_rises_to(content.len() as u64);
}

/// Source that counts how far it was read ahead of what the canister had received.
struct Watched<'a> {
    content: Cursor<&'a [u8]>,
    shelf: Shelf,
    most_ahead: u64,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        let received = self.shelf.with(|state| state.received());
        self.most_ahead = self.most_ahead.max(self.content.position().saturating_sub(received));
        Ok(read)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.seek(to)
    }
}

/// The number of concurrent calls is limited, and so is the number of chunks read ahead.
#[tokio::test]
async fn concurrency_and_memory_are_bounded() {
    let content = content(12);
    let (shelf, client) = Shelf::client(State::default());
    let mut source = Watched { content: Cursor::new(&content), shelf: shelf.clone(), most_ahead: 0 };
    client.upload(&mut source, &args(&content), concurrent(3)).await.unwrap();
    assert!(source.most_ahead <= 3 * CHUNK_BYTES, "{} bytes were read ahead", source.most_ahead);
    assert!(shelf.with(|state| state.most_under_way) <= 3);

    let mut sink = Vec::new();
    client.download("key", &mut sink, TransferOptions::default()).await.unwrap();
    assert!(sink == content);
    assert_eq!(shelf.with(|state| state.most_under_way), 4, "the default is four");
}

/// Resuming an upload sends only the missing chunks.
#[tokio::test]
async fn a_resumed_upload_sends_what_is_missing() {
    let content = content(6);
    let chunk = |index: u64| {
        let start = (index * CHUNK_BYTES) as usize;
        (index, content[start..content.len().min(start + CHUNK_BYTES as usize)].to_vec())
    };
    let state = State {
        args: Some(args(&content)),
        chunks: [chunk(0), chunk(3), chunk(5)].into(),
        ..State::default()
    };
    let (shelf, client) = Shelf::client(state);
    let options = TransferOptions { resume: Some(ID), ..concurrent(2) };
    client.upload(&mut Cursor::new(&content), &args(&content), options).await.unwrap();
    shelf.with(|state| {
        assert!(state.object == content);
        state.sent.sort_unstable();
        assert_eq!(state.sent, [1, 2, 4]);
    });
}

/// Resuming an upload of another key or size is rejected before anything is sent.
#[tokio::test]
async fn upload_of_another_key_or_size_is_not_resumed() {
    let content = content(2);
    let key = UploadArgs { key: "other".into(), ..args(&content) };
    let size = UploadArgs { size: Some(5), ..args(&content) };
    for other in [key, size] {
        let (shelf, client) = Shelf::client(State { args: Some(other), ..State::default() });
        let options = TransferOptions { resume: Some(ID), ..concurrent(2) };
        let done = client.upload(&mut Cursor::new(&content), &args(&content), options).await;
        assert!(matches!(done, Err(TransferError::OtherUpload { id: ID, .. })), "{done:?}");
        assert!(shelf.with(|state| state.sent.is_empty()));
    }
}

/// A source whose length differs from the declared one is rejected before an upload is opened.
#[tokio::test]
async fn a_source_of_another_length_is_refused() {
    let content = content(2);
    let size = content.len() as u64;
    let (shelf, client) = Shelf::client(State::default());
    let mut source = Cursor::new(&content);
    let done = client.upload(&mut source, &UploadArgs::new("key", size + 1), concurrent(2)).await;
    assert!(matches!(done, Err(TransferError::SourceEndsEarly { length, .. }) if length == size), "{done:?}");
    let done = client.upload(&mut source, &UploadArgs::new("key", size - 1), concurrent(2)).await;
    assert!(matches!(done, Err(TransferError::SourceIsLonger { .. })), "{done:?}");
    assert!(shelf.with(|state| state.args.is_none()));
}

/// Source whose length changes between reads.
struct Changing<'a> {
    content: Cursor<&'a [u8]>,
    lengths: Vec<u64>,
}

impl Read for Changing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

impl Seek for Changing<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::End(_) => Ok(self.lengths.remove(0)),
            to => self.content.seek(to),
        }
    }
}

/// A source that shrinks or grows while it is read is detected, and nothing is committed.
#[tokio::test]
async fn change_of_the_source_length_is_detected() {
    let content = content(3);
    let size = content.len() as u64;
    let cut = (&content[..content.len() - 1], vec![size]);
    let cut_behind = (&content[..], vec![size, size - 1]);
    let grown = (&content[..], vec![size, size + 1]);
    for (number, (bytes, lengths)) in [cut, cut_behind, grown].into_iter().enumerate() {
        let (shelf, client) = Shelf::client(State::default());
        let mut source = Changing { content: Cursor::new(bytes), lengths };
        let done = client.upload(&mut source, &args(&content), concurrent(2)).await;
        match number {
            0 | 1 => assert!(
                matches!(done, Err(TransferError::SourceEndsEarly { length, .. }) if length == size - 1),
                "{done:?}"
            ),
            _ => assert!(matches!(done, Err(TransferError::SourceIsLonger { .. })), "{done:?}"),
        }
        assert_eq!(shelf.with(|state| state.revision), 0, "it was committed");
    }
}

/// A source that changes after it was hashed, without changing its length, is detected before the commit: by the chunks
/// that are sent, and after a resume by those that are not sent again.
#[tokio::test]
async fn a_source_of_other_bytes_is_not_committed() {
    let content = content(4);
    let digest = ByteBuf::from(Sha256::digest(&content).to_vec());
    let declared = UploadArgs { sha256: Some(digest), ..args(&content) };
    for changed in [0, CHUNK_BYTES as usize, content.len() - 1] {
        let (shelf, client) = Shelf::client(State::default());
        let mut sent = content.clone();
        sent[changed] ^= 1;
        let done = client.upload(&mut Cursor::new(&sent), &declared, concurrent(2)).await;
        assert!(matches!(done, Err(TransferError::SourceChanged { .. })), "{changed}: {done:?}");
        assert_eq!(shelf.with(|state| state.revision), 0, "it was committed");
        // All chunks are received now, and none is sent again.
        let resumed = TransferOptions { resume: Some(ID), ..concurrent(2) };
        let done = client.upload(&mut Cursor::new(&sent), &declared, resumed).await;
        assert!(matches!(done, Err(TransferError::SourceChanged { .. })), "{changed}: {done:?}");
        assert_eq!(shelf.with(|state| (state.revision, state.sent.len())), (0, 4));
        // Without a digest the change cannot be detected.
        let (_, client) = Shelf::client(State::default());
        client.upload(&mut Cursor::new(&sent), &args(&content), concurrent(2)).await.unwrap();
    }
}

fn stored(content: &[u8]) -> State {
    State { object: content.to_vec(), revision: 3, ..State::default() }
}

/// A download writes the ranges in order, reports what was written, and returns the SHA-256, also of an empty object.
#[tokio::test]
async fn a_download_is_in_order_and_hashed() {
    for content in [content(5), vec![], vec![9]] {
        let digest = Sha256::digest(&content).to_vec();
        let (_, client) = Shelf::client(State { digest: Some(digest.clone()), ..stored(&content) });
        let (mut sink, reported) = (Vec::new(), Reported::default());
        let options = TransferOptions { progress: &reported, ..concurrent(3) };
        let downloaded = client.download("key", &mut sink, options).await.unwrap();
        assert!(sink == content);
        assert_eq!((downloaded.sha256.to_vec(), downloaded.info.revision), (digest, 3));
        if !content.is_empty() {
            reported.assert_rises_to(content.len() as u64);
        }
    }
}

/// The error for received bytes with a wrong digest shows both digests.
#[tokio::test]
async fn a_wrong_digest_is_an_error() {
    let (_, client) = Shelf::client(State { digest: Some(vec![0xab; 32]), ..stored(&content(2)) });
    let done = client.download("key", &mut Vec::new(), concurrent(3)).await;
    assert!(
        matches!(&done, Err(TransferError::WrongDigest { declared, .. }) if *declared == "ab".repeat(32)),
        "{done:?}"
    );
}

/// A download ends with an error if the object is overwritten, a range is too short or the sink fails.
#[tokio::test]
async fn a_download_that_breaks_off_is_an_error() {
    let content = content(5);
    let (_, client) = Shelf::client(State { overwrite_at: Some(3 * CHUNK_BYTES), ..stored(&content) });
    match client.download("key", &mut Vec::new(), concurrent(1)).await {
        Err(TransferError::Client(error)) => {
            assert_eq!(error.storage_error(), Some(&Error::RevisionMismatch { current: Some(4) }));
        }
        other => panic!("{other:?}"),
    }
    let (_, client) = Shelf::client(State { short_from: Some(CHUNK_BYTES), ..stored(&content) });
    let done = client.download("key", &mut Vec::new(), concurrent(2)).await;
    assert!(matches!(done, Err(TransferError::WrongLength { offset: CHUNK_BYTES, .. })), "{done:?}");

    let (_, client) = Shelf::client(stored(&content));
    let mut full = vec![0; 2 * CHUNK_BYTES as usize];
    let done = client.download("key", &mut full.as_mut_slice(), concurrent(2)).await;
    assert!(
        matches!(done, Err(TransferError::Write { offset, .. }) if offset == 2 * CHUNK_BYTES),
        "{done:?}"
    );
}

/// Verification continues to the verdict, and reports its progress.
#[tokio::test]
async fn verification_continues_to_the_verdict() {
    let (_, client) = Shelf::client(State::default());
    let reported = Reported::default();
    assert_eq!(client.verify_all("key", &reported).await.unwrap(), ChecksumState::Verified);
    reported.assert_rises_to(3);
    assert_eq!(reported.0.lock().unwrap().len(), 3);
}
