//! Objects of many chunks over a network with random faults.

use std::io::Cursor;
use std::num::NonZeroUsize;

use stable_storage_api::{ChecksumState, ObjectInfo, UploadArgs, limits::CHUNK_BYTES};
use storage_client::{Client, ClientError, TransferError, TransferOptions};

use crate::network::Network;
use crate::{content, declared, network, patient};

const CONCURRENCY: usize = 3;

/// Returns a new seed for each run, printed so that a failure can be reproduced.
fn seed() -> u64 {
    let given = std::env::var("STORAGE_CLIENT_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("STORAGE_CLIENT_SEED={seed}");
    // The client's own delays are random as well.
    fastrand::seed(seed);
    seed
}

fn options() -> TransferOptions<'static> {
    TransferOptions { concurrency: NonZeroUsize::new(CONCURRENCY).unwrap(), ..TransferOptions::default() }
}

/// Uploads as a person would: starts again after a failure, and resumes the open upload if there is one.
async fn upload(client: &Client<Network>, content: &[u8], args: &UploadArgs) -> ObjectInfo {
    for _ in 0..100 {
        let Ok(resume) = client.find_upload(args).await else { continue };
        let options = TransferOptions { resume, ..options() };
        match client.upload(&mut Cursor::new(content), args, options).await {
            Ok(written) => return stat(client, &args.key, written.revision).await,
            Err(TransferError::Client(ClientError::Transport { .. } | ClientError::Rejected { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("a hundred uploads failed");
}

/// Returns the metadata of an object, and repeats the call until there is a reply.
async fn stat(client: &Client<Network>, key: &str, revision: u64) -> ObjectInfo {
    for _ in 0..100 {
        match client.stat_since(key, revision).await {
            Ok(info) => return info,
            Err(ClientError::Transport { .. } | ClientError::Rejected { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("a hundred calls failed");
}

/// Uploads and downloads preserve every byte, with no more concurrent calls than requested.
#[tokio::test(start_paused = true)]
async fn transfers_come_through() {
    let network = network().with_chance(seed());
    let client = patient(&network);
    for number in 0..6 {
        let content = content(1 + 2 * number, number);
        let key = format!("object {number}");
        // With and without a digest, under a new key and under an existing one.
        let args = if number % 2 == 0 {
            declared(&key, &content)
        } else {
            UploadArgs::new("the same", content.len() as u64)
        };
        let info = upload(&client, &content, &args).await;
        assert_eq!((info.key.as_str(), Some(info.size)), (args.key.as_str(), args.size));

        let mut sink = Vec::new();
        let mut downloaded = client.download(&args.key, &mut sink, options()).await;
        while let Err(TransferError::Client(ClientError::Transport { .. } | ClientError::Rejected { .. })) =
            downloaded
        {
            sink.clear();
            downloaded = client.download(&args.key, &mut sink, options()).await;
        }
        assert_eq!(downloaded.unwrap().info, info);
        assert!(sink == content, "object {number} came back as another one");
        if number % 2 == 0 {
            let verdict = client.verify_all(&args.key, &storage_client::transfer::Unobserved).await;
            assert_eq!(verdict.unwrap(), ChecksumState::Verified);
        }
    }
    let traffic = network.traffic();
    assert_eq!(traffic.most_under_way, CONCURRENCY);
    // The arguments of a chunk are the chunk and a few bytes of Candid.
    assert!(traffic.most_bytes <= CONCURRENCY * (CHUNK_BYTES as usize + 100), "{} bytes", traffic.most_bytes);
}

/// Without a retry policy, the first lost call ends a transfer.
#[tokio::test(start_paused = true)]
async fn client_without_policy_tries_once() {
    let network = network();
    let client = Client::new(network.clone());
    let content = content(3, 9);
    for method in ["create_upload", "write_chunk", "commit_upload"] {
        network.script(method, &[crate::network::Fate::RequestLost]);
        let args = UploadArgs::new("key", content.len() as u64);
        let error = client.upload(&mut Cursor::new(&content), &args, options()).await.unwrap_err();
        assert!(matches!(&error, TransferError::Client(error) if error.method() == method), "{error}");
    }
    assert_eq!((network.sent("create_upload"), network.sent("commit_upload")), (3, 1));
}
