//! Compare-and-set: a change is made only if its condition holds.

use integration_tests::{Harness, SuiteClient, expect};
use stable_storage_api::{Condition, DeleteArgs, Error, PutArgs};
use storage_client::ClientError;

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
