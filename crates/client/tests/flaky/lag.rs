//! Queries executed by a node that lags: it has not executed the last update yet.

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use candid::Principal;
use embedded_ic::EmbeddedIc;
use stable_storage_api::{Condition, PutArgs, UploadArgs};
use storage_client::{Client, EmbeddedTransport, RetryPolicy, TransferOptions, Transport, TransportError};

use crate::{config, content, declared, install};

/// A method and its encoded arguments.
type Call = (String, Vec<u8>);

/// A canister, and a node that has not executed the last update.
#[derive(Clone)]
struct Lagging {
    canister: EmbeddedTransport,
    lagging: EmbeddedTransport,
    last: Arc<Mutex<Option<Call>>>,
}

impl Lagging {
    fn new() -> Self {
        let canister = || install(EmbeddedIc::new(config()).unwrap());
        Self { canister: canister(), lagging: canister(), last: Arc::default() }
    }
}

impl Transport for Lagging {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let before = self.last.lock().unwrap().replace((method.to_owned(), arg.clone()));
        if let Some((method, arg)) = before {
            // A query that is called as an update is executed by the canister that has all updates.
            let _ = self.lagging.update(&method, arg).await;
        }
        self.canister.update(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.lagging.query(method, arg).await
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

/// An upload relies on the replies of its updates, and its object can be read right after it, for a new key and an old one.
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

/// An upload that was just opened is found and resumed.
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

/// A deleted object is not found, by whichever node executes the query.
#[tokio::test(start_paused = true)]
async fn deleted_object_is_not_found() {
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
