//! The client over a scripted transport.

use std::sync::Mutex;

use candid::{CandidType, Principal};
use serde_bytes::ByteBuf;
use stable_storage_api::{
    CertifiedLogPage, CertifiedObject, CertifiedPage, CertifyProgress, Condition, CopyArgs, Deleted, Error,
    ListArgs, ListPage, LogPage, MetadataPair, ObjectInfo, Proof, Role, Site, SiteStatus, Upload, UploadArgs,
    UploadCondition, UploadStatus,
};
use storage_client::{Client, ClientError, Transport, TransportError, VerifiedError};
use storage_testkit::object_info;
use storage_verify::Verifier;

/// Returns the next of these replies to each call, and records the calls.
struct Script {
    replies: Mutex<Vec<Result<Vec<u8>, TransportError>>>,
    calls: Mutex<Vec<(&'static str, String, Vec<u8>)>>,
}

impl Script {
    fn client(replies: impl IntoIterator<Item = Result<Vec<u8>, TransportError>>) -> Client<Self> {
        let mut replies: Vec<_> = replies.into_iter().collect();
        replies.reverse();
        Client::new(Self { replies: Mutex::new(replies), calls: Mutex::new(Vec::new()) })
    }

    fn answer(&self, kind: &'static str, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.calls.lock().expect("no test panics in a call").push((kind, method.to_owned(), arg));
        self.replies.lock().expect("no test panics in a call").pop().expect("the script is long enough")
    }
}

impl Transport for Script {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.answer("update", method, arg)
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.answer("query", method, arg)
    }
}

fn ok<T: CandidType>(value: T) -> Result<Vec<u8>, TransportError> {
    Ok(candid::encode_one(stable_storage_api::Result::<T>::Ok(value)).expect("replies can be encoded"))
}

fn info(key: &str) -> ObjectInfo {
    object_info(key, 1, 1)
}

fn page(keys: &[&str], next: Option<&str>) -> Result<Vec<u8>, TransportError> {
    let objects = keys.iter().map(|key| info(key)).collect();
    ok(ListPage { objects, prefixes: vec![], next: next.map(Into::into) })
}

/// An error of the contract names the method that returned it.
#[tokio::test]
async fn an_error_of_the_contract_names_its_method() {
    let reply = candid::encode_one(stable_storage_api::Result::<ObjectInfo>::Err(Error::NotFound)).unwrap();
    let error = Script::client([Ok(reply)]).stat("key").await.unwrap_err();
    assert_eq!(error.storage_error(), Some(&Error::NotFound));
    assert_eq!((error.method(), error.to_string().as_str()), ("stat", "stat: not found"));
}

/// A reject keeps its codes and its text; an unreachable replica is a different error.
#[tokio::test]
async fn rejects_and_silence_are_kept_apart() {
    let rejected =
        TransportError::Rejected { code: 5, error_code: Some("IC0503".into()), message: "no".into() };
    let silent = TransportError::Unavailable { message: "connection refused".into() };
    let client = Script::client([Err(rejected), Err(silent)]);
    let error = client.log("text").await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Rejected { method: "log", code: 5, error_code: Some(_), .. }),
        "{error:?}"
    );
    let error = client.read_last(1_u8).await.unwrap_err();
    assert_eq!(error.to_string(), "readLast: no reply: connection refused");
    assert_eq!(error.storage_error(), None);
}

/// A reply with other types is an error that names the method, not a panic.
#[tokio::test]
async fn a_reply_of_other_types_is_an_error() {
    for reply in [vec![], b"garbage".to_vec(), candid::encode_one("text").unwrap()] {
        let error = Script::client([Ok(reply)]).get("key").await.unwrap_err();
        assert!(matches!(error, ClientError::Decode { method: "get", .. }), "{error:?}");
    }
    let error = Script::client([ok(Vec::<ObjectInfo>::new())]);
    let error = error.put_with(stable_storage_api::PutArgs::new("key", "value")).await.unwrap_err();
    assert!(matches!(error, ClientError::Decode { method: "put_with", .. }), "{error:?}");
}

/// `list_all` requests pages until one is the last, each after the one before.
#[tokio::test]
async fn list_all_follows_the_pages() {
    let client = Script::client([page(&["a", "b"], Some("b")), page(&[], Some("c")), page(&["d"], None)]);
    let keys: Vec<_> = client.list_all("p").await.unwrap().into_iter().map(|info| info.key).collect();
    assert_eq!(keys, ["a", "b", "d"]);
    let calls = client.transport().calls.lock().unwrap();
    let cursors = calls.iter().map(|(kind, method, arg)| {
        assert_eq!((*kind, method.as_str()), ("query", "list"));
        let args: ListArgs = candid::decode_one(arg).unwrap();
        assert_eq!((args.prefix.as_str(), args.limit), ("p", None));
        args.start_after
    });
    assert_eq!(cursors.collect::<Vec<_>>(), [None, Some("b".into()), Some("c".into())]);
}

/// The methods of sites are called with their arguments; a site that cannot be is refused before the call.
#[tokio::test]
async fn sites_are_set_listed_and_removed() {
    let site = Site::new("www/");
    let status = SiteStatus { site: site.clone(), pending: 2, complete: false };
    let client = Script::client([ok(()), ok(vec![status.clone()]), ok(true)]);
    client.set_site(&site).await.unwrap();
    assert_eq!(client.list_sites().await.unwrap(), [status]);
    assert!(client.remove_site("www/").await.unwrap());
    let refused = client.set_site(&Site::new("")).await.unwrap_err();
    assert!(matches!(refused.storage_error(), Some(Error::InvalidArgument { .. })), "{refused}");
    let calls = client.transport().calls.lock().unwrap();
    let made: Vec<_> = calls.iter().map(|(kind, method, _)| (*kind, method.as_str())).collect();
    assert_eq!(made, [("update", "set_site"), ("query", "list_sites"), ("update", "remove_site")]);
    assert_eq!(candid::decode_one::<Site>(&calls[0].2).unwrap(), site);
}

/// `certify_all` calls until it is done, and reports the sum of the steps.
#[tokio::test]
async fn certify_all_adds_its_steps_up() {
    let step = |items, hashed, done| ok(CertifyProgress { items, hashed, done });
    let client = Script::client([step(200, 7, false), step(0, 64, false), step(3, 1, true)]);
    let mut reported = Vec::new();
    let sum = client.certify_all("p/", |sum| reported.push((sum.items, sum.hashed, sum.done))).await.unwrap();
    assert_eq!(reported, [(200, 7, false), (200, 71, false), (203, 72, true)]);
    assert_eq!(sum, CertifyProgress { items: 203, hashed: 72, done: true });
    let calls = client.transport().calls.lock().unwrap();
    assert!(calls.iter().all(|(kind, method, _)| (*kind, method.as_str()) == ("update", "certify")));
    assert_eq!(candid::decode_one::<String>(&calls[0].2).unwrap(), "p/");
}

/// Certified reads are queries, because an update has no certificate to return. An unproven reply is an error of its method.
#[tokio::test]
async fn an_unproven_reply_is_an_error() {
    let proof = Proof::default();
    let object = CertifiedObject { object: None, proof: proof.clone() };
    let page = CertifiedPage { objects: vec![], next: None, proof: proof.clone() };
    let log = CertifiedLogPage { entries: vec![], length: 0, paths: vec![], proof };
    let client = Script::client([ok(object), ok(page), ok(log)]);
    let verifier = Verifier::mainnet(Principal::anonymous());
    let reads = client.verified(&verifier);
    let unproven = [
        reads.get("k").await.unwrap_err(),
        reads.list_all("p").await.unwrap_err(),
        reads.log(0, None).await.unwrap_err(),
    ];
    for (error, expected) in unproven.iter().zip(["get_certified", "list_certified", "log_certified"]) {
        assert!(matches!(error, VerifiedError::Unproven { method, .. } if *method == expected), "{error}");
        assert!(error.hint().unwrap().contains("Do not use the reply"), "{error}");
    }
    assert!(client.transport().calls.lock().unwrap().iter().all(|(kind, ..)| *kind == "query"));
}

/// `list_level` follows the pages as well, and separates objects and common prefixes.
#[tokio::test]
async fn list_level_follows_the_pages() {
    let page = |objects: &[&str], prefixes: &[&str], next: Option<&str>| {
        let objects = objects.iter().map(|key| info(key)).collect();
        let prefixes = prefixes.iter().map(|text| (*text).into()).collect();
        ok(ListPage { objects, prefixes, next: next.map(Into::into) })
    };
    let client = Script::client([page(&["a"], &["b/"], Some("b/")), page(&["c"], &["d/"], None)]);
    let level = client.list_level("", "/").await.unwrap();
    assert_eq!(level.prefixes, ["b/", "d/"]);
    assert_eq!(level.objects.len(), 2);
    let calls = client.transport().calls.lock().unwrap();
    let args: ListArgs = candid::decode_one(&calls[1].2).unwrap();
    assert_eq!((args.delimiter.as_deref(), args.start_after.as_deref()), (Some("/"), Some("b/")));
}

/// A failure in the middle of a list is an error, not a short list.
#[tokio::test]
async fn a_list_that_breaks_off_is_an_error() {
    let lost = TransportError::Unavailable { message: "lost".into() };
    let client = Script::client([page(&["a"], Some("a")), Err(lost)]);
    assert!(matches!(client.list_all("").await, Err(ClientError::Transport { method: "list", .. })));
}

/// `delete_all` repeats the call while more objects remain, and returns the sum.
#[tokio::test]
async fn delete_all_repeats_until_nothing_remains() {
    let steps = [(1_000, true), (1_000, true), (7, false)];
    let client = Script::client(steps.map(|(deleted, more)| ok(Deleted { deleted, more })));
    assert_eq!(client.delete_all("p").await.unwrap(), 2_007);
}

/// `read_log_all` stops at the end of the log, also after a full last page, without an empty extra call.
#[tokio::test]
async fn read_log_all_ends_with_the_log() {
    let entries = |count: usize| vec![serde_bytes::ByteBuf::from(*b"entry"); count];
    let pages =
        [(3, 3, 5), (2, 5, 5)].map(|(count, next, length)| LogPage { entries: entries(count), next, length });
    let client = Script::client(pages.map(ok));
    assert_eq!(client.read_log_all(0).await.unwrap().len(), 5);
    let client = Script::client([ok(LogPage { entries: vec![], next: 9, length: 9 })]);
    assert_eq!(client.read_log_all(9).await.unwrap().len(), 0);
}

fn open_upload(id: u64, args: &UploadArgs, sha256: Option<ByteBuf>) -> UploadStatus {
    let UploadArgs { key, size, .. } = args.clone();
    UploadStatus {
        upload: Upload { id, key, size, chunk_size: 9, chunks: Some(1), expires_ns: 0 },
        creator: Principal::anonymous(),
        content_type: None,
        content_encoding: None,
        metadata: None,
        sha256,
        condition: UploadCondition::Any,
        received: 0,
        missing: Vec::new(),
        more_missing: false,
    }
}

/// An upload is found by its declared digest, and one without a digest only without one. Its own status shows whether the
/// metadata matches.
#[tokio::test]
async fn an_upload_is_found_by_its_digest() {
    let digest = |byte| Some(ByteBuf::from([byte; 32]));
    let plain = UploadArgs::new("key", 5);
    let uploads = [(1, digest(1)), (2, digest(2)), (3, digest(1)), (4, None), (5, digest(3))];
    let open = |id: u64| {
        let (id, digest) = uploads[id as usize - 1].clone();
        open_upload(id, &plain, digest)
    };
    let reported = || ok((1..=5).map(open).collect::<Vec<_>>());
    for (sha256, expected) in [(digest(1), Some(3)), (digest(2), Some(2)), (digest(9), None), (None, Some(4))]
    {
        let args = UploadArgs { sha256, ..plain.clone() };
        let replies = [reported()].into_iter().chain(expected.map(|id| ok(open(id))));
        assert_eq!(Script::client(replies).find_upload(&args).await.unwrap(), expected, "{args:?}");
    }
    let pairs = || Some(vec![MetadataPair::new("name", "value")]);
    let args = UploadArgs { sha256: digest(1), metadata: pairs(), ..plain.clone() };
    let with = UploadStatus { metadata: pairs(), ..open(1) };
    let replies = [reported(), ok(open(3)), ok(with)];
    assert_eq!(Script::client(replies).find_upload(&args).await.unwrap(), Some(1));
}

/// Errors have a hint; that of a reject depends on the replica's error code.
#[tokio::test]
async fn errors_say_what_to_do() {
    let rejects = [
        (5, "IC0508", "stopped"),
        (2, "IC0207", "out of cycles"),
        (3, "IC0301", "no such canister"),
        (5, "IC0536", "no such method"),
        (5, "IC0537", "No code is installed"),
        (4, "IC0406", "ask an admin to grant the role"),
        (5, "IC0503", "report"),
        (2, "IC0204", "try again later"),
    ];
    for (code, error_code, expected) in rejects {
        let error_code = Some(error_code.to_owned());
        let error = TransportError::Rejected { code, error_code, message: "no".into() };
        let hint = Script::client([Err(error)]).status().await.unwrap_err().hint().unwrap();
        assert!(hint.contains(expected), "{code} {hint}");
    }
    let answered =
        |error| Ok(candid::encode_one(stable_storage_api::Result::<ObjectInfo>::Err(error)).unwrap());
    let error = Script::client([answered(Error::Unauthorized { needed: Role::Writer })]);
    assert!(error.put("key", b"").await.unwrap_err().hint().unwrap().contains("the role Writer"));
    let error = Script::client([answered(Error::NotFound)]).stat("key").await.unwrap_err();
    assert_eq!(error.hint(), None);
}

/// The hint for a call without a reply depends on the method.
#[tokio::test]
async fn silence_is_explained_by_what_was_asked() {
    let lost = || Err(TransportError::Unavailable { message: "lost".into() });
    let put = Script::client([lost()]).put("key", b"").await.unwrap_err();
    let get = Script::client([lost()]).get("key").await.unwrap_err();
    assert!(put.hint().unwrap().contains("may have been made"), "{put}");
    assert!(get.hint().unwrap().starts_with("Try again"), "{get}");
}

/// Invalid arguments are rejected before the call, with the error of the canister, for every method.
#[tokio::test]
async fn mistakes_are_found_before_the_call() {
    use stable_storage_api::{PutArgs, RegionLoad, RegionStore, RegionType, RegionValue, Settings};
    macro_rules! refused {
        ($($method:literal: $call:expr,)*) => { $(
            let error = $call.await.map(drop).unwrap_err();
            assert_eq!(error.method(), $method);
            assert!(error.storage_error().is_some(), "{error:?}");
        )* };
    }
    let client = Script::client([]);
    let (long, huge) = ("k".repeat(1_025), vec![0; 2_031_617]);
    let typed = PutArgs { content_type: Some("t".repeat(300)), ..PutArgs::new("k", "") };
    let many = vec![String::from("k"); 1_001];
    let loads = [RegionLoad { offset: 0, kind: RegionType::Blob(1_100_000) }; 2];
    let value = RegionValue::Blob(ByteBuf::from(vec![0; 1_100_000]));
    let stores = [0, 1].map(|offset| RegionStore { offset, value: value.clone() });
    let puts = ["a", "b"].map(|key| PutArgs::new(key, vec![0; 1_100_000]));
    refused! {
        "put": client.put(&long, b""),
        "put": client.put("", b""),
        "put": client.put("k", &huge),
        "put_with": client.put_with(typed),
        "put_with": client.put_with(PutArgs::new(&*long, "")),
        "get": client.get(""),
        "get_many": client.get_many(&many),
        "get_many": client.get_many(&[&long]),
        "stat": client.stat(&long),
        "delete": client.delete(""),
        "delete": client.delete_when("", Condition::Any),
        "delete_many": client.delete_many(&[stable_storage_api::DeleteArgs::new("")]),
        "delete_prefix": client.delete_prefix("", 0),
        "get_with_info": client.get_with_info(&long),
        "list": client.list_level("", ""),
        "rename": client.rename("k", ""),
        "copy": client.copy_small(&CopyArgs::new("k", &*long)),
        "copy_chunks": client.copy_chunks(1, 0, &[]),
        "list": client.list(&ListArgs { limit: Some(0), ..ListArgs::prefix("") }),
        "scan": client.scan(&ListArgs { limit: Some(0), ..ListArgs::prefix("") }),
        "create_upload": client.create_upload(&UploadArgs::new("k", 0)),
        "write_chunk": client.write_chunk(1, 0, &huge),
        "verify": client.verify(""),
        "log": client.log(&"x".repeat(huge.len())),
        "append": client.append(&many),
        "append": client.append(&[&huge]),
        "read_log": client.read_log(0, 0),
        "region_store_blob": client.region_store_blob(16, 0, &huge),
        "region_load_blob": client.region_load_blob(16, 0, u64::MAX),
        "region_load": client.region_load(16, &loads),
        "region_store": client.region_store(16, &stores),
        "region_set_owner": client.region_set_owner(16, Principal::anonymous()),
        "set_role": client.set_role(Principal::anonymous(), Some(Role::Reader)),
        "configure": client.configure(&Settings::capacity(1)),
        "configure": client.configure(&Settings { max_uploads: Some(0), ..Settings::default() }),
        // Each of these is within its limit, but all of them together are not.
        "put_many": client.put_many(&puts),
    }
    assert!(client.transport().calls.lock().unwrap().is_empty());

    // A client without checks calls the canister, which rejects with the text of its error.
    let message = "Error from Canister a: Canister called `ic0.trap` with message: \
                   'invalid argument: the key has 1025 bytes; a key has 1 to 1024 bytes'.";
    let code = Some("IC0503".to_owned());
    let rejected = TransportError::Rejected { code: 5, error_code: code, message: message.into() };
    let client = Script::client([Err(rejected)]).without_checks();
    let error = client.put(&long, b"").await.unwrap_err();
    assert!(matches!(error.storage_error(), Some(Error::InvalidArgument { .. })), "{error:?}");
}
