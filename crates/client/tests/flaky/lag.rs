//! Queries that are answered by a node which is behind: it has not seen yet what the last update did.

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use candid::Principal;
use embedded_ic::EmbeddedIc;
use stable_storage_api::{Condition, PutArgs, UploadArgs};
use storage_client::{Client, EmbeddedTransport, RetryPolicy, TransferOptions, Transport, TransportError};

use crate::{config, content, declared, install};

/// A method and its encoded arguments.
type Call = (String, Vec<u8>);

/// A canister, and a node on which the last update has not been executed.
#[derive(Clone)]
struct Lagging {
    canister: EmbeddedTransport,
    behind: EmbeddedTransport,
    last: Arc<Mutex<Option<Call>>>,
}

impl Lagging {
    fn new() -> Self {
        let canister = || install(EmbeddedIc::new(config()).unwrap());
        Self { canister: canister(), behind: canister(), last: Arc::default() }
    }
}

impl Transport for Lagging {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let before = self.last.lock().unwrap().replace((method.to_owned(), arg.clone()));
        if let Some((method, arg)) = before {
            // What it answers was answered before, by the canister.
            let _ = self.behind.update(&method, arg).await;
        }
        self.canister.update(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.behind.query(method, arg).await
    }

    fn caller(&self) -> Option<Principal> {
        self.canister.caller()
    }
}

async fn downloaded(client: &Client<Lagging>, key: &str) -> Vec<u8> {
    let mut sink = Vec::new();
    client.download(key, &mut sink, TransferOptions::default()).await.unwrap();
    sink
}

/// An upload goes by what its updates answered, and its object can be fetched right after it, whether the key is new or not.
#[tokio::test(start_paused = true)]
async fn a_transfer_sees_its_own_updates() {
    let client = Client::new(Lagging::new()).with_retry(RetryPolicy::default());
    for number in 0..2 {
        let content = content(3, number);
        let args = declared("key", &content);
        let written =
            client.upload(&mut Cursor::new(&content), &args, TransferOptions::default()).await.unwrap();
        let info = client.stat_since("key", written.revision).await.unwrap();
        assert_eq!(info.revision, written.revision);
        let mut sink = Vec::new();
        client.download_object(info, &mut sink, TransferOptions::default()).await.unwrap();
        assert!(sink == content, "version {number}");
    }
    client.put("new", b"value").await.unwrap();
    assert_eq!(downloaded(&client, "new").await, b"value");
}

/// An upload that was opened a moment ago is found and resumed.
#[tokio::test(start_paused = true)]
async fn an_upload_is_found_right_after_it_was_opened() {
    let client = Client::new(Lagging::new());
    let content = content(2, 1);
    let args = declared("key", &content);
    let id = client.create_upload(&args).await.unwrap().id;
    assert_eq!(client.find_upload(&args).await.unwrap(), Some(id));
    let options = TransferOptions { resume: Some(id), ..TransferOptions::default() };
    client.upload(&mut Cursor::new(&content), &args, options).await.unwrap();
    assert!(downloaded(&client, "key").await == content);
}

/// What is gone is gone, however the nodes are asked.
#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_found() {
    let client = Client::new(Lagging::new());
    let error = client.download("nothing", &mut Vec::new(), TransferOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("not found"), "{error}");

    let absent = PutArgs::new("key", "one").when(Condition::Absent);
    let written = client.put_with(absent).await.unwrap();
    let info = client.stat_since("key", written.revision).await.unwrap();
    client.put("key", b"two").await.unwrap();
    client.put("other", b"").await.unwrap();
    let error = client.download_object(info, &mut Vec::new(), TransferOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("revision mismatch: the object is at revision 2"), "{error}");

    let args = UploadArgs::new("key", 5);
    assert_eq!(client.find_upload(&args).await.unwrap(), None);
}
