//! Several objects or entries in one call: all of them or none.

use integration_tests::{Harness, data, expect};
use stable_storage_api::{
    Condition, Entry, Error, PutArgs,
    limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES},
};

/// Limit on the heap after batches, which docs/SECURITY.md states.
const MAX_BATCH_HEAP_BYTES: u64 = 20 << 20;

/// The values of a batch are returned in the order of the keys, with null for a missing object.
#[tokio::test]
async fn a_batch_is_put_and_got_in_order() {
    let client = Harness::start().await.client();
    let sizes = [0, 10, 5_000, 70_000];
    let objects = sizes.map(|size| PutArgs::new(size.to_string(), data::bytes(size as u64, size)));
    let written = client.put_many(&objects).await.unwrap();
    for (size, written) in sizes.into_iter().zip(written) {
        let info = client.stat(&size.to_string()).await.unwrap();
        assert_eq!((info.size, info.revision), (size as u64, written.revision));
    }

    let values = client.get_many(&["5000", "nothing", "0", "70000", "10"]).await.unwrap();
    let expected = [Some(5_000), None, Some(0), Some(70_000), Some(10)];
    assert_eq!(values, expected.map(|size| size.map(|size| data::bytes(size as u64, size))));
}

/// An empty batch changes nothing and returns nothing.
#[tokio::test]
async fn an_empty_batch_changes_nothing() {
    let harness = Harness::start().await;
    let client = harness.client();
    let before = harness.stable_memory().await;
    assert_eq!(client.put_many(&[]).await.unwrap(), []);
    assert_eq!(client.get_many(&[] as &[&str]).await.unwrap(), Vec::<Option<Vec<u8>>>::new());
    assert!(!client.delete("nothing").await.unwrap());
    assert_eq!(client.delete_all("nothing").await.unwrap(), 0);
    assert_eq!(client.take_first("nothing").await.unwrap(), None);
    assert!(harness.stable_memory().await == before, "nothing was to be done, and stable memory changed");
}

/// An empty append before the first entry leaves a valid log.
#[tokio::test]
async fn an_empty_append_changes_nothing() {
    let harness = Harness::start().await;
    let client = harness.client();
    let before = harness.stable_memory().await;
    let appended = client.append(&[] as &[&[u8]]).await.unwrap();
    assert_eq!((appended.first, appended.next), (0, 0));
    harness.upgrade().await;
    harness.upgrade_skipping_pre_upgrade().await;
    assert_eq!(
        harness.stable_memory().await.len(),
        before.len(),
        "nothing was to be appended, and memory grew"
    );
    client.log("first").await.unwrap();
    assert_eq!(client.read_last(2_u8).await.unwrap(), ["first"]);
}

/// One invalid object of a batch rejects the whole batch, at any position.
#[tokio::test]
async fn one_bad_object_keeps_the_whole_batch_out() {
    let client = Harness::start().await.client();
    client.put("there", b"old").await.unwrap();
    let before = client.status().await.unwrap();
    let bad = [
        PutArgs::new("", "empty key"),
        PutArgs::new(data::key_of_length(1_025), "long key"),
        PutArgs::new("there", "exists").when(Condition::Absent),
        PutArgs::new("not there", "no revision").when(Condition::Revision(before.revision)),
        PutArgs { content_type: Some("t".repeat(256)), ..PutArgs::new("type", "long type") },
        PutArgs::new("good 1", "the same key twice"),
    ];
    for bad in bad {
        for position in 0..3 {
            let mut batch = vec![PutArgs::new("good 1", "1"), PutArgs::new("good 2", data::bytes(2, 50_000))];
            batch.insert(position, bad.clone());
            expect::refused(client.put_many(&batch).await);
        }
    }
    let after = client.status().await.unwrap();
    assert_eq!((after.objects, after.revision), (before.objects, before.revision));
    assert_eq!(after.arena, before.arena);
    assert_eq!(client.get("there").await.unwrap(), b"old");
}

/// A batch of 1,000 is accepted, and a larger one is rejected with the limit.
#[tokio::test]
async fn a_batch_has_at_most_a_thousand_items() {
    let client = Harness::start().await.client();
    let most = MAX_BATCH_ITEMS as usize;
    let mut objects: Vec<_> = (0..=most).map(|number| PutArgs::new(format!("{number:04}"), "v")).collect();
    let mut keys: Vec<_> = objects.iter().map(|object| object.key.clone()).collect();
    let mut entries = vec![b"entry"; most + 1];

    for error in [
        expect::refused(client.put_many(&objects).await),
        expect::refused(client.get_many(&keys).await),
        expect::refused(client.append(&entries).await),
    ] {
        assert!(error.contains("limit exceeded: at most 1000"), "{error}");
    }
    let status = client.status().await.unwrap();
    assert_eq!((status.objects, status.log_entries), (0, 0));

    objects.pop();
    keys.pop();
    entries.pop();
    assert_eq!(client.put_many(&objects).await.unwrap().len(), most);
    assert_eq!(client.get_many(&keys).await.unwrap(), vec![Some(b"v".to_vec()); most]);
    assert_eq!(client.append(&entries).await.unwrap().next, MAX_BATCH_ITEMS);
}

/// Values that do not fit one reply together are rejected with their size, but fit one by one.
#[tokio::test]
async fn values_that_do_not_fit_one_reply_are_refused() {
    let client = Harness::start().await.client();
    for key in ["a", "b", "c"] {
        client.put(key, &data::bytes(1, 900_000)).await.unwrap();
    }
    assert_eq!(client.get_many(&["a", "b"]).await.unwrap().len(), 2);
    let error = expect::storage_error(client.get_many(&["a", "b", "c"]).await);
    assert!(
        matches!(error, Error::TooLarge { size, limit: MAX_PAYLOAD_BYTES } if size >= 2_700_000),
        "{error:?}"
    );
    let error = expect::storage_error(client.get_many(&["a", "a", "a"]).await);
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

/// `delete_prefix` removes the first objects of a prefix, step by step, and leaves the others alone.
#[tokio::test]
async fn a_prefix_is_deleted_in_steps() {
    let client = Harness::start().await.client();
    let keys = ["a", "a/1", "a/2", "a/3", "ab", "b"];
    client.put_many(&keys.map(|key| PutArgs::new(key, data::bytes(1, 20_000)))).await.unwrap();

    let step = client.delete_prefix("a/", 2).await.unwrap();
    assert_eq!((step.deleted, step.more), (2, true));
    assert_eq!(expect::storage_error(client.stat("a/2").await), Error::NotFound);
    client.stat("a/3").await.unwrap();
    let step = client.delete_prefix("a/", 2).await.unwrap();
    assert_eq!((step.deleted, step.more), (1, false));
    let step = client.delete_prefix("a/", u32::MAX).await.unwrap();
    assert_eq!((step.deleted, step.more), (0, false));

    let left: Vec<_> = client.list_all("").await.unwrap().into_iter().map(|info| info.key).collect();
    assert_eq!(left, ["a", "ab", "b"]);
    assert_eq!(client.delete_all("").await.unwrap(), 3);
    assert_eq!(client.status().await.unwrap().objects, 0);
}

/// The last step of a delete reports that no more objects remain; a limit of 0 is rejected.
#[tokio::test]
async fn the_last_step_of_a_delete_says_so() {
    let client = Harness::start().await.client();
    client.put_many(&["a", "b"].map(|key| PutArgs::new(key, ""))).await.unwrap();
    let error = expect::storage_error(client.delete_prefix("", 0).await);
    assert!(matches!(error, Error::InvalidArgument { .. }), "{error:?}");
    assert_eq!(client.status().await.unwrap().objects, 2);
    let step = client.delete_prefix("", 2).await.unwrap();
    assert_eq!((step.deleted, step.more), (2, false));
}

/// `take_first` removes the objects of a prefix in byte order, each once: the keys make it a priority queue.
#[tokio::test]
async fn take_first_is_a_priority_queue() {
    let client = Harness::start().await.client();
    let jobs = ["queue/5-low", "queue/1-urgent", "queue/3-normal"];
    client.put_many(&jobs.map(|key| PutArgs::new(key, data::bytes(key.len() as u64, 9_000)))).await.unwrap();
    client.put("other", b"not a job").await.unwrap();
    for key in ["queue/1-urgent", "queue/3-normal", "queue/5-low"] {
        let Entry { key: taken, value } = client.take_first("queue/").await.unwrap().unwrap();
        assert_eq!((taken.as_str(), value.into_vec()), (key, data::bytes(key.len() as u64, 9_000)));
    }
    assert_eq!(client.take_first("queue/").await.unwrap(), None);
    assert_eq!(client.list_all("").await.unwrap().len(), 1);
}

/// The largest value with the longest key fits the reply of an update call.
#[tokio::test]
async fn the_largest_value_can_be_taken() {
    let client = Harness::start().await.client();
    let (key, value) = (data::key_of_length(1_024), data::bytes(1, MAX_PAYLOAD_BYTES as usize));
    client.put(&key, &value).await.unwrap();
    let taken = client.take_first("").await.unwrap().unwrap();
    assert!(taken.key == key && taken.value == value);
    assert_eq!(client.take_first("").await.unwrap(), None);
}

/// A batch whose objects are all on different pages of the index, with the longest keys, takes the most heap.
#[tokio::test]
async fn the_worst_batch_takes_a_bounded_heap() {
    const BATCHES: u64 = 8;
    let client = Harness::start().await.client();
    let key =
        |number: u64| format!("{:016x}{}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15), "k".repeat(1_000));
    for batch in 0..BATCHES {
        let numbers = batch * MAX_BATCH_ITEMS..(batch + 1) * MAX_BATCH_ITEMS;
        let objects: Vec<_> = numbers.map(|number| PutArgs::new(key(number), vec![7; 128])).collect();
        client.put_many(&objects).await.unwrap();
    }
    let status = client.status().await.unwrap();
    assert_eq!(status.objects, BATCHES * MAX_BATCH_ITEMS);
    println!("the heap has {} bytes", status.heap_bytes);
    assert!(status.heap_bytes < MAX_BATCH_HEAP_BYTES, "the heap has {} bytes", status.heap_bytes);
}
