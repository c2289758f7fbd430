//! Uploads of streams whose size is unknown before their end.

use std::io;
use std::num::NonZeroUsize;

use futures_util::{Stream, StreamExt as _, stream};
use sha2::{Digest, Sha256};
use stable_storage_api::{ChecksumState, Condition, UploadArgs, limits::CHUNK_BYTES};
use storage_client::{Client, TransferError, TransferOptions};

use crate::network::{Fate, Network};
use crate::{content, network, patient};

fn options(concurrency: usize) -> TransferOptions<'static> {
    TransferOptions { concurrency: NonZeroUsize::new(concurrency).unwrap(), ..TransferOptions::default() }
}

/// Returns the content in pieces of `bytes` bytes.
fn pieces(content: &[u8], bytes: usize) -> impl Stream<Item = io::Result<Vec<u8>>> + '_ {
    stream::iter(content.chunks(bytes).map(|piece| Ok(piece.to_vec())))
}

fn args(key: &str) -> UploadArgs {
    UploadArgs { content_type: Some("a/b".into()), ..UploadArgs::unsized_new(key) }
}

async fn assert_stored(client: &Client<Network>, key: &str, content: &[u8]) {
    let mut sink = Vec::new();
    let downloaded = client.download(key, &mut sink, TransferOptions::default()).await.unwrap();
    assert!(sink == content, "{key} came back as another one");
    let sha256 = downloaded.info.sha256.unwrap();
    assert_eq!(
        (sha256.digest.as_slice(), sha256.state),
        (&Sha256::digest(content)[..], ChecksumState::Declared)
    );
    assert_eq!(downloaded.info.content_type.as_deref(), Some("a/b"));
    assert_eq!(client.list_uploads().await.unwrap(), []);
}

/// Content of lengths around a chunk and an extent is stored, in pieces of any length, with a bounded number of concurrent
/// calls and bytes.
#[tokio::test(start_paused = true)]
async fn streams_of_any_length_come_through() {
    let network = network();
    let client = patient(&network);
    let content = content(19, 1);
    let chunk = CHUNK_BYTES as usize;
    let lengths = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 8 * chunk + 1, 9 * chunk - 1, content.len()];
    for (number, length) in lengths.into_iter().enumerate() {
        let content = &content[..length];
        let key = format!("object {length}");
        let bytes = [chunk, 100_000, 3 * chunk + 1][number % 3];
        let (_, end) = client.upload_stream(pieces(content, bytes), &args(&key), options(3)).await.unwrap();
        assert_eq!(end.size, length as u64);
        assert_stored(&client, &key, content).await;
    }
    // Content that fits one call takes one call.
    assert_eq!((network.sent("put_with"), network.sent("create_upload")), (4, 5));
    let traffic = network.traffic();
    assert!(traffic.most_under_way <= 4 && traffic.most_bytes <= 4 * (chunk + 100), "{}", traffic.most_bytes);
}

/// Streams are stored over a network with random faults.
#[tokio::test(start_paused = true)]
async fn streams_come_through_a_bad_network() {
    let network = network().with_chance(7);
    let client = patient(&network);
    for number in 0..4 {
        let (content, key) = (content(2 + number, number), format!("object {number}"));
        let mut tries = 0;
        while client.upload_stream(pieces(&content, 999_999), &args(&key), options(3)).await.is_err() {
            tries += 1;
            assert!(tries < 50, "fifty uploads failed");
        }
        let mut sink = Vec::new();
        while client.download(&key, &mut sink, options(3)).await.is_err() {
            sink.clear();
        }
        assert!(sink == content);
    }
}

/// The outcome of a commit whose reply is lost is determined, as for an upload with a size.
#[tokio::test(start_paused = true)]
async fn outcome_of_a_lost_commit_is_determined() {
    let network = network();
    let content = content(2, 1);
    network.script("commit_upload", &[Fate::ReplyLost, Fate::Arrives]);
    let (written, _) =
        patient(&network).upload_stream(pieces(&content, 5_000), &args("key"), options(2)).await.unwrap();
    assert_eq!(written.revision, 1);
}

/// A stream that fails, that differs from the declared digest or length, or whose condition no longer holds, stores nothing
/// and leaves no open upload.
#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_leaves_nothing() {
    let client = Client::new(network());
    client.put("key", b"as it was").await.unwrap();
    let content = content(3, 1);
    let size = content.len() as u64;
    let broken = stream::iter([Ok(content.clone()), Err(io::Error::other("the pipe broke"))]);
    let error = client.upload_stream(broken, &args("key"), options(2)).await.unwrap_err();
    assert!(matches!(error, TransferError::Read { offset, .. } if offset == size), "{error}");

    let other = UploadArgs { sha256: Some([7; 32].to_vec().into()), ..args("key") };
    let error = client.upload_stream(pieces(&content, 9_999), &other, options(2)).await.unwrap_err();
    assert!(matches!(error, TransferError::WrongDigest { .. }), "{error}");
    for (declared, is_longer) in [(size - 1, true), (size + 1, false)] {
        let sized = UploadArgs { size: Some(declared), ..args("key") };
        let error = client.upload_stream(pieces(&content, 9_999), &sized, options(2)).await.unwrap_err();
        assert_eq!(matches!(error, TransferError::SourceIsLonger { .. }), is_longer, "{error}");
    }
    let absent = UploadArgs { condition: Some(Condition::Absent), ..args("key") };
    client.upload_stream(pieces(&content, 9_999), &absent, options(2)).await.unwrap_err();
    assert_eq!(client.get("key").await.unwrap(), b"as it was");
    assert_eq!(client.list_uploads().await.unwrap(), []);

    // Somebody else stores the object while the stream is sent: the commit is refused.
    let new = UploadArgs { condition: Some(Condition::Absent), ..args("new") };
    let last = size.saturating_sub(1) / CHUNK_BYTES;
    let chunks = stream::iter(content.chunks(CHUNK_BYTES as usize).zip(0..)).then(async |(chunk, index)| {
        if index == last {
            client.put("new", b"of somebody else").await.unwrap();
        }
        io::Result::Ok(chunk.to_vec())
    });
    let error = client.upload_stream(chunks, &new, options(1)).await.unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
    assert_eq!(client.list_uploads().await.unwrap(), []);

    // If a call has no reply, the upload is aborted as well.
    let network = crate::network();
    network.script("write_chunk", &[Fate::Arrives, Fate::RequestLost]);
    let client = Client::new(network.clone());
    client.upload_stream(pieces(&content, 9_999), &args("key"), options(1)).await.unwrap_err();
    assert_eq!(network.sent("abort_upload"), 1);
    assert_eq!(client.list_uploads().await.unwrap(), []);
}

/// An upload is completed from a stream of the whole object, of which only the missing chunks are sent. Other content than the
/// declared one is not committed.
#[tokio::test(start_paused = true)]
async fn a_stream_resumes_an_upload() {
    let network = network();
    let client = Client::new(network.clone());
    let content = content(5, 1);
    let args = UploadArgs {
        size: Some(content.len() as u64),
        sha256: Some(Sha256::digest(&content).to_vec().into()),
        ..args("key")
    };
    let id = client.create_upload(&args).await.unwrap().id;
    network.script("write_chunk", &[Fate::Arrives, Fate::Arrives, Fate::RequestLost]);
    client.resume_stream(id, pieces(&content, 9_999), &args, options(1)).await.unwrap_err();
    assert_eq!((client.find_upload(&args).await.unwrap(), network.sent("write_chunk")), (Some(id), 3));

    // The same number of bytes, with another one at the end.
    let mut other = content.clone();
    *other.last_mut().unwrap() ^= 1;
    let error = client.resume_stream(id, pieces(&other, 9_999), &args, options(1)).await.unwrap_err();
    assert!(matches!(error, TransferError::WrongDigest { .. }), "{error}");
    client.abort_upload(id).await.unwrap();

    let id = client.create_upload(&args).await.unwrap().id;
    for index in [1, 3] {
        let start = index as usize * CHUNK_BYTES as usize;
        client.write_chunk(id, index, &content[start..start + CHUNK_BYTES as usize]).await.unwrap();
    }
    let before = network.sent("write_chunk");
    client.resume_stream(id, pieces(&content, 9_999), &args, options(2)).await.unwrap();
    assert_eq!(network.sent("write_chunk") - before, 3);
    assert_stored(&client, "key", &content).await;
}
