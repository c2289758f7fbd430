//! Lists with a witness.

use super::*;

#[test]
fn a_page_proves_that_no_object_is_missing() {
    let mut store = store();
    certify(&mut store, "");
    for number in 0..40 {
        put(&mut store, &format!("k{number:02}"), b"value");
    }
    put(&mut store, "l", b"after");
    let pages = [
        (ListArgs::prefix("k").limited(7), 7, true),
        (ListArgs { start_after: Some("k06".into()), ..ListArgs::prefix("k").limited(40) }, 33, false),
        (ListArgs { start_after: Some("k065".into()), ..ListArgs::prefix("k").limited(3) }, 3, true),
        (ListArgs { start_after: Some("k99".into()), ..ListArgs::prefix("k") }, 0, false),
        (ListArgs::prefix(""), 41, false),
        (ListArgs::prefix("m"), 0, false),
        (ListArgs::prefix("k").limited(40), 40, false),
    ];
    for (args, count, has_next) in pages {
        let reply = store.list_certified(&args).unwrap();
        let crate::InfoPage { objects, next } = reply.contents;
        assert_eq!((objects.len(), next.is_some()), (count, has_next), "{args:?}");
        assert_eq!(next, objects.last().filter(|_| has_next).map(|last| last.key.clone()));
        let (root, leaves) = shown(&reply.witness);
        assert_eq!(Some(root), store.certified_digest());
        let expected = objects.iter().map(|info| (info.key.clone().into_bytes(), expected_record(info)));
        assert_eq!(leaves, expected.collect());
    }
    for bad in
        [ListArgs::level("k", "/"), ListArgs::prefix("k").descending(), ListArgs::prefix("k").limited(0)]
    {
        assert!(matches!(store.list_certified(&bad), Err(Error::InvalidArgument { .. })), "{bad:?}");
    }
}

/// A page of objects with much metadata ends before it would not fit a reply together with its witness.
#[test]
fn a_page_and_its_witness_fit_one_reply() {
    let mut store = store();
    certify(&mut store, "");
    let value = "v".repeat(1_000);
    for number in 0..1_200 {
        let key = format!("{number:04}{}", "k".repeat(900));
        store.put(Put { metadata: &[("a", &value), ("b", &value)], ..Put::new(&key, b"") }, 7).unwrap();
    }
    let mut after = None;
    let mut count = 0;
    loop {
        let reply = store.list_certified(&ListArgs { start_after: after, ..ListArgs::prefix("") }).unwrap();
        let bytes: usize = reply
            .contents
            .objects
            .iter()
            .map(|info| expected_record(info).len() + info.key.len() + 100)
            .sum();
        assert!(
            (bytes + reply.witness.len()) as u64 <= MAX_PAYLOAD_BYTES - 20_000,
            "{bytes} and {}",
            reply.witness.len()
        );
        count += reply.contents.objects.len();
        after = reply.contents.next;
        if after.is_none() {
            break;
        }
        // A key of 904 bytes, two pairs of 1,001 with their lengths, and 200 for the rest.
        assert_eq!(reply.contents.objects.len(), 222, "as many as fit 700,000 bytes");
    }
    assert_eq!(count, 1_200);
}
