//! Which calls are repeated.

use stable_storage_api::{Condition, CopyArgs, CopySource, ListArgs, PutArgs, UploadArgs};
use storage_client::{Client, ClientError, Transport};

use crate::network::{Fate, Network};
use crate::{network, patient};

/// Number of attempts of the default policy.
const ATTEMPTS: usize = 6;

/// Calls every method of a client, and returns the outcomes.
async fn call_everything(client: &Client<Network>) -> Vec<(&'static str, Result<(), ClientError>)> {
    macro_rules! calls {
        ($($method:literal: $call:expr,)*) => { vec![$(($method, $call.await.map(drop))),*] };
    }
    let upload = UploadArgs::new("k", 1);
    calls! {
        "put": client.put("k", b"v"),
        "put_with": client.put_with(PutArgs::new("k", "v")),
        "put_many": client.put_many(&[PutArgs::new("k", "v")]),
        "delete": client.delete("k"),
        "delete_prefix": client.delete_prefix("k", 1),
        "take_first": client.take_first("k"),
        "rename": client.rename_when("k", "l", Condition::Any),
        "copy": client.copy_small(&CopyArgs::new("k", "l")),
        "create_upload": client.create_upload(&upload),
        "commit_upload": client.commit_upload(1),
        "abort_upload": client.abort_upload(1),
        "log": client.log("text"),
        "append": client.append(&["entry"]),
        "write_chunk": client.write_chunk(1, 0, b"v"),
        "copy_chunks": client.copy_chunks(1, 0, &[CopySource::whole("k", 1)]),
        "verify": client.verify("k"),
        "get": client.get("k"),
        "stat": client.stat("k"),
        "list": client.list(&ListArgs::prefix("")),
        "scan": client.scan(&ListArgs::prefix("")),
        "upload_status": client.upload_status(1),
        "list_uploads": client.list_uploads(),
        "readLast": client.read_last(1_u8),
        "read_log": client.read_log(0, 1),
        "log_info": client.log_info(),
        "status": client.status(),
    }
}

fn may_come_again(method: &str, index: usize) -> bool {
    // The first thirteen are the updates whose every execution changes something.
    index >= 13 || matches!(method, "write_chunk" | "copy_chunks" | "verify")
}

/// Only queries and repeatable updates are sent again after a call without a reply.
#[tokio::test(start_paused = true)]
async fn only_repeatable_calls_are_sent_again() {
    for fate in [Fate::RequestLost, Fate::ReplyLost, Fate::Busy] {
        let network = network();
        network.canister().update("put", put("k")).await.unwrap();
        for method in ALL {
            network.always(method, fate);
        }
        let answers = call_everything(&patient(&network)).await;
        assert_eq!(answers.len(), ALL.len());
        for (index, (method, answer)) in answers.into_iter().enumerate() {
            assert!(answer.is_err_and(|error| error.storage_error().is_none()), "{method} was answered");
            let expected = if may_come_again(method, index) { ATTEMPTS } else { 1 };
            assert_eq!(network.sent(method), expected, "{method} when {fate:?}");
        }
    }
}

const ALL: [&str; 26] = [
    "put",
    "put_with",
    "put_many",
    "delete",
    "delete_prefix",
    "take_first",
    "rename",
    "copy",
    "create_upload",
    "commit_upload",
    "abort_upload",
    "log",
    "append",
    "write_chunk",
    "copy_chunks",
    "verify",
    "get",
    "stat",
    "list",
    "scan",
    "upload_status",
    "list_uploads",
    "readLast",
    "read_log",
    "log_info",
    "status",
];

fn put(key: &str) -> Vec<u8> {
    candid::encode_args((key, serde_bytes::Bytes::new(b"v"))).unwrap()
}

/// An error of the canister, a trap, a permanent reject and an undecodable reply are replies, so the call is not repeated.
#[tokio::test(start_paused = true)]
async fn calls_with_a_reply_are_not_repeated() {
    let network = network();
    let client = patient(&network);
    assert!(client.get("nothing").await.unwrap_err().storage_error().is_some());
    assert_eq!(network.sent("get"), 1);
    network.canister().with_host(|host| host.set_running(false)).unwrap();
    let error = client.status().await.unwrap_err();
    assert!(matches!(&error, ClientError::Rejected { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("stopped"), "{error:?}");
    assert_eq!(network.sent("status"), 1);
}

/// Entries are appended at most once, whatever happens to the calls.
#[tokio::test(start_paused = true)]
async fn a_log_has_no_entry_twice() {
    let network = network();
    let client = patient(&network);
    let fates = [Fate::Arrives, Fate::RequestLost, Fate::ReplyLost, Fate::Late, Fate::Busy, Fate::Arrives];
    network.script("append", &fates);
    for (number, fate) in fates.into_iter().enumerate() {
        let answer = client.append(&[number.to_string()]).await;
        assert_eq!(answer.is_ok(), fate == Fate::Arrives, "{answer:?}");
    }
    // Delayed calls have been executed by now.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let entries = client.read_log_all(0).await.unwrap();
    let mut entries: Vec<_> = entries.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect();
    entries.sort_unstable();
    assert_eq!(entries, ["0", "2", "3", "5"]);
    assert_eq!(network.sent("append"), fates.len());
}
