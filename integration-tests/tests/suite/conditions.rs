//! Compare-and-set: a change is made only if its condition holds.

use integration_tests::{Harness, SuiteClient, expect};
use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};
use stable_storage_api::{Condition, CopyArgs, DeleteArgs, Error, PutArgs, UploadArgs, UploadCondition};
use storage_client::{ClientError, Transport as _};

/// Returns the error of a conditional put of one object.
async fn refused_put(client: &SuiteClient, key: &str, condition: Condition) -> Error {
    expect::storage_error(client.put_with(PutArgs::new(key, "new").when(condition)).await)
}

/// `Absent` accepts the first writer and rejects the second.
#[tokio::test]
async fn absent_means_that_there_is_no_object() {
    let client = Harness::start().await.client();
    client.put_with(PutArgs::new("key", "old").when(Condition::Absent)).await.unwrap();
    assert_eq!(refused_put(&client, "key", Condition::Absent).await, Error::AlreadyExists);
    assert_eq!(client.get("key").await.unwrap(), b"old");
    client.delete("key").await.unwrap();
    client.put_with(PutArgs::new("key", "new").when(Condition::Absent)).await.unwrap();
}

/// Of two writers with the same revision, one succeeds, and the other gets the current revision.
#[tokio::test]
async fn a_revision_can_be_replaced_once() {
    let client = Harness::start().await.client();
    let seen = client.put("key", b"old").await.unwrap().revision;
    let written =
        client.put_with(PutArgs::new("key", "first").when(Condition::Revision(seen))).await.unwrap().revision;
    assert!(written > seen);
    let error = refused_put(&client, "key", Condition::Revision(seen)).await;
    assert_eq!(error, Error::RevisionMismatch { current: Some(written) });
    assert_eq!(client.get("key").await.unwrap(), b"first");
}

/// The revision of a missing object does not match, and the error states that there is none.
#[tokio::test]
async fn a_revision_does_not_match_what_is_not_there() {
    let client = Harness::start().await.client();
    let revision = client.put("key", b"old").await.unwrap().revision;
    client.delete("key").await.unwrap();
    for condition in [Condition::Revision(revision), Condition::Revision(0), Condition::Revision(u64::MAX)] {
        let error = refused_put(&client, "key", condition).await;
        assert_eq!(error, Error::RevisionMismatch { current: None });
    }
    assert_eq!(client.status().await.unwrap().objects, 0);
}

/// A digest, declared or computed, matches in any store, whatever the revision. What has none, or another one, does not match.
#[tokio::test]
async fn a_digest_can_be_replaced_by_writers_that_do_not_know_the_revision() {
    let client = Harness::start().await.client();
    let digest_of = |bytes: &[u8]| ByteBuf::from(Sha256::digest(bytes).to_vec());
    let on = |bytes: &[u8]| Condition::Sha256(digest_of(bytes));
    let declared = PutArgs { sha256: Some(digest_of(b"one")), ..PutArgs::new("key", "one") };
    let first = client.put_with(declared).await.unwrap().revision;
    let plain = client.put("plain", b"one").await.unwrap().revision;

    let mismatch = |current| Error::RevisionMismatch { current };
    assert_eq!(refused_put(&client, "key", on(b"two")).await, mismatch(Some(first)));
    assert_eq!(refused_put(&client, "plain", on(b"one")).await, mismatch(Some(plain)));
    assert_eq!(refused_put(&client, "none", on(b"one")).await, mismatch(None));
    client.verify("plain").await.unwrap();
    for key in ["key", "plain"] {
        client.put_with(PutArgs::new(key, "two").when(on(b"one"))).await.unwrap();
        assert_eq!(client.get(key).await.unwrap(), b"two");
    }

    // A digest that verify has found to be wrong is none that the object has.
    let wrong = PutArgs { sha256: Some(digest_of(b"one")), ..PutArgs::new("key", "other") };
    let wrong = client.put_with(wrong).await.unwrap().revision;
    client.verify("key").await.unwrap();
    let refused = expect::storage_error(client.delete_when("key", on(b"one")).await);
    assert_eq!(refused, mismatch(Some(wrong)));
    let copy = CopyArgs { sha256: Some(digest_of(b"one")), ..CopyArgs::new("key", "copy") };
    assert_eq!(expect::storage_error(client.copy_small(&copy).await), mismatch(Some(wrong)));
}

/// Deletes, renames and copies accept a digest as well, and one of another length is named with its length.
#[tokio::test]
async fn every_change_accepts_a_digest() {
    let client = Harness::start().await.client();
    let put = |key: &str| PutArgs { sha256: Some(ByteBuf::from([9; 32])), ..PutArgs::new(key, "value") };
    let on = |byte: u8| Condition::Sha256(ByteBuf::from([byte; 32]));
    client.put_many(&["a", "b", "c", "d"].map(put)).await.unwrap();
    client.put("from", b"new").await.unwrap();

    let delete = |key: &str, byte| DeleteArgs { condition: Some(on(byte)), ..DeleteArgs::new(key) };
    let one_is_stale = [delete("a", 9), delete("b", 8)];
    assert!(matches!(
        expect::storage_error(client.delete_many(&one_is_stale).await),
        Error::RevisionMismatch { current: Some(_) }
    ));
    assert!(client.delete_when("a", on(9)).await.unwrap());
    assert_eq!(client.delete_many(&[delete("b", 9)]).await.unwrap(), [true]);
    client.copy_small(&CopyArgs::new("from", "c").when(on(9))).await.unwrap();
    client.rename_when("from", "d", on(9)).await.unwrap();
    assert_eq!(
        (client.get("c").await.unwrap(), client.get("d").await.unwrap()),
        (b"new".into(), b"new".into())
    );

    for bytes in [0, 31, 33] {
        let short = Condition::Sha256(ByteBuf::from(vec![9; bytes]));
        let what = format!("the SHA-256 has {bytes} bytes; a SHA-256 has 32");
        // The client does not even send it.
        let args = candid::encode_args(("c", Some(short.clone()))).unwrap();
        let reply = client.transport().update("delete", args).await.unwrap();
        let refused: Result<bool, Error> = candid::decode_one(&reply).unwrap();
        assert_eq!(refused, Err(Error::InvalidArgument { what: what.clone() }));
        assert_eq!(refused_put(&client, "c", short).await, Error::InvalidArgument { what });
    }
}

/// An upload opened on a digest is committed only if that very object is still there.
#[tokio::test]
async fn an_upload_on_a_digest_keeps_the_revision() {
    let client = Harness::start().await.client();
    let digest = ByteBuf::from([9; 32]);
    let put = || PutArgs { sha256: Some(digest.clone()), ..PutArgs::new("key", "value") };
    let args = UploadArgs { condition: Some(Condition::Sha256(digest.clone())), ..UploadArgs::new("key", 5) };
    let absent = expect::storage_error(client.create_upload(&args).await);
    assert_eq!(absent, Error::RevisionMismatch { current: None });
    let revision = client.put_with(put()).await.unwrap().revision;
    let (first, second) =
        (client.create_upload(&args).await.unwrap().id, client.create_upload(&args).await.unwrap().id);
    let status = client.upload_status(first).await.unwrap();
    assert_eq!(status.condition, UploadCondition::Revision(revision));

    for id in [first, second] {
        client.write_chunk(id, 0, b"bytes").await.unwrap();
    }
    let stored = client.commit_upload(first).await.unwrap().revision;
    let refused = expect::storage_error(client.commit_upload(second).await);
    assert_eq!(refused, Error::RevisionMismatch { current: Some(stored) });
    // The same bytes again are another object.
    let again = client.put_with(put()).await.unwrap().revision;
    let refused = expect::storage_error(client.commit_upload(second).await);
    assert_eq!(refused, Error::RevisionMismatch { current: Some(again) });
    assert_eq!(client.get("key").await.unwrap(), b"value");
}

/// `Any` and no condition replace any object.
#[tokio::test]
async fn any_always_holds() {
    let client = Harness::start().await.client();
    for value in ["one", "two"] {
        client.put_with(PutArgs::new("key", value).when(Condition::Any)).await.unwrap();
        assert_eq!(client.get("key").await.unwrap(), value.as_bytes());
    }
    client.put_with(PutArgs::new("key", "three")).await.unwrap();
    assert_eq!(client.get("key").await.unwrap(), b"three");
}

/// The condition of a rename applies to the object that would be replaced, and a rejected rename moves nothing.
#[tokio::test]
async fn the_condition_of_a_rename_is_on_its_target() {
    let client = Harness::start().await.client();
    client.put("from", b"moved").await.unwrap();
    let target = client.put("to", b"there").await.unwrap().revision;

    let refused = |result: Result<_, ClientError>| expect::storage_error(result);
    assert_eq!(refused(client.rename_when("from", "to", Condition::Absent).await), Error::AlreadyExists);
    let mismatch = refused(client.rename_when("from", "to", Condition::Revision(target + 1)).await);
    assert_eq!(mismatch, Error::RevisionMismatch { current: Some(target) });
    let missing = refused(client.rename_when("from", "free", Condition::Revision(target)).await);
    assert_eq!(missing, Error::RevisionMismatch { current: None });
    assert_eq!(client.get("from").await.unwrap(), b"moved");
    assert_eq!(client.get("to").await.unwrap(), b"there");

    client.rename_when("from", "to", Condition::Revision(target)).await.unwrap();
    assert_eq!(client.get("to").await.unwrap(), b"moved");
    client.rename_when("to", "free", Condition::Absent).await.unwrap();
    assert_eq!(client.get("free").await.unwrap(), b"moved");
}

/// Every change gets a higher revision than all earlier ones, of any object.
#[tokio::test]
async fn revisions_always_increase() {
    let client = Harness::start().await.client();
    let mut revisions = vec![client.status().await.unwrap().revision];
    revisions.push(client.put("a", b"1").await.unwrap().revision);
    revisions.push(client.put("b", b"1").await.unwrap().revision);
    revisions.push(client.put("a", b"2").await.unwrap().revision);
    client.delete("a").await.unwrap();
    revisions.push(client.put("a", b"3").await.unwrap().revision);
    revisions.push(client.rename("a", "c").await.unwrap().revision);
    for info in client.put_many(&[PutArgs::new("x", "1"), PutArgs::new("y", "1")]).await.unwrap() {
        revisions.push(info.revision);
    }
    assert!(revisions.is_sorted_by(|earlier, later| earlier < later), "{revisions:?}");
    assert_eq!(client.status().await.unwrap().revision, *revisions.last().unwrap());
}

/// A delete obeys its condition, alone and in a batch, which is all or nothing.
#[tokio::test]
async fn a_delete_on_a_condition() {
    let client = Harness::start().await.client();
    let first = client.put("a", b"1").await.unwrap().revision;
    let second = client.put("b", b"2").await.unwrap().revision;
    let stale = expect::storage_error(client.delete_when("a", Condition::Revision(second)).await);
    assert_eq!(stale, Error::RevisionMismatch { current: Some(first) });
    let there = expect::storage_error(client.delete_when("a", Condition::Absent).await);
    assert_eq!(there, Error::AlreadyExists);
    assert!(!client.delete_when("c", Condition::Absent).await.unwrap());

    let on = |key: &str, revision| DeleteArgs {
        condition: Some(Condition::Revision(revision)),
        ..DeleteArgs::new(key)
    };
    let refused = expect::storage_error(client.delete_many(&[on("a", first), on("b", first)]).await);
    assert_eq!(refused, Error::RevisionMismatch { current: Some(second) });
    assert_eq!(client.list_all("").await.unwrap().len(), 2);
    let batch = [on("a", first), DeleteArgs::new("c"), on("b", second)];
    assert_eq!(client.delete_many(&batch).await.unwrap(), [true, false, true]);
    assert_eq!(client.list_all("").await.unwrap(), []);
}

/// A compare-and-set loop needs one read per attempt, and neither of two writers loses the other's change.
#[tokio::test]
async fn a_counter_is_counted_with_one_read_each() {
    let client = Harness::start().await.client();
    client.put("counter", b"0").await.unwrap();
    let stale = client.get_with_info("counter").await.unwrap();
    for expected in 1..=5_u32 {
        let object = client.get_with_info("counter").await.unwrap();
        let next = std::str::from_utf8(&object.value).unwrap().parse::<u32>().unwrap() + 1;
        let put = PutArgs::new("counter", next.to_string()).when(Condition::Revision(object.info.revision));
        client.put_with(put).await.unwrap();
        assert_eq!(next, expected);
    }
    let late = PutArgs::new("counter", "1").when(Condition::Revision(stale.info.revision));
    assert!(matches!(expect::storage_error(client.put_with(late).await), Error::RevisionMismatch { .. }));
    assert_eq!(client.get("counter").await.unwrap(), b"5");
}
