//! Metadata of objects, and conditional changes.

use candid::Principal;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::*;
use stable_storage_api::{ChecksumState, Condition, DeleteArgs, Error, MetadataPair, RenameArgs};

use super::{INLINE_LIMIT, Put, pattern, put, refused, sound, store};

fn owned(pairs: &[(&str, &str)]) -> Option<Vec<MetadataPair>> {
    Some(pairs.iter().map(|(name, value)| MetadataPair::new(*name, *value)).collect())
}

/// The result of a put, `stat`, `list` and `get_with_info` return everything that the put declared. A rename
/// and a verification keep it; the next put removes all of it.
#[test]
fn metadata_is_kept_until_the_next_put() {
    for size in [3, INLINE_LIMIT + 1] {
        let (mut store, value) = (store(), pattern(size));
        let (digest, owner) = (Sha256::digest(&value), Principal::from_slice(&[5; 29]));
        let pairs = [("name", "value"), ("é", "")];
        let full = Put {
            content_type: Some("a/b"),
            content_encoding: Some("gzip"),
            metadata: &pairs,
            sha256: Some(&digest),
            owner: Some(owner),
            ..Put::new("k", &value)
        };
        let revision = store.put(full, 1).unwrap().revision;
        let info = store.stat("k").unwrap();
        assert_eq!(info.revision, revision);
        assert_eq!(
            (info.content_type.as_deref(), info.content_encoding.as_deref()),
            (Some("a/b"), Some("gzip"))
        );
        assert_eq!((&info.metadata, info.owner), (&owned(&pairs), Some(owner)));
        let sha256 = info.sha256.clone().unwrap();
        assert_eq!((sha256.digest.as_slice(), sha256.state), (digest.as_slice(), ChecksumState::Declared));
        assert_eq!(
            store.list(&stable_storage_api::ListArgs::prefix("")).unwrap().objects,
            std::slice::from_ref(&info)
        );
        let object = store.get_with_info("k").unwrap();
        assert_eq!((object.info, object.value.into_vec()), (info.clone(), value.clone()));
        sound(&store);

        let args = RenameArgs { from: "k".into(), to: "l".into(), condition: None };
        store.rename(&args, 2).unwrap();
        let renamed = store.stat("l").unwrap();
        assert_eq!((&renamed.metadata, renamed.owner), (&info.metadata, info.owner));
        assert_eq!(renamed.content_encoding, info.content_encoding);
        assert_eq!(store.verify("l").unwrap().verdict, Some(ChecksumState::Verified));
        assert_eq!(store.stat("l").unwrap().metadata, owned(&pairs));

        store.put(Put::new("l", b""), 3).unwrap();
        let plain = store.stat("l").unwrap();
        assert_eq!(
            (plain.content_encoding, plain.metadata, plain.owner, plain.sha256),
            (None, None, None, None)
        );
        sound(&store);
    }
}

#[test]
fn put_rejects_metadata_outside_its_limits() {
    let mut store = store();
    let (most, name) = ("v".repeat(MAX_METADATA_BYTES as usize - 1), "n".to_owned());
    let encoding = "e".repeat(MAX_CONTENT_ENCODING_BYTES as usize);
    let good = Put { content_encoding: Some(&encoding), metadata: &[(&name, &most)], ..Put::new("k", b"v") };
    store.put(good, 0).unwrap();
    let names: Vec<_> = (0..=MAX_METADATA_PAIRS).map(|index| index.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    store.put(Put { metadata: &many[1..], ..Put::new("k", b"v") }, 0).unwrap();
    let (long, too_much) = (encoding + "e", most + "v");
    for bad in [
        Put { content_encoding: Some(&long), ..Put::new("k", b"v") },
        Put { metadata: &[(&name, &too_much)], ..Put::new("k", b"v") },
        Put { metadata: &many, ..Put::new("k", b"v") },
        Put { metadata: &[("", "v")], ..Put::new("k", b"v") },
        Put { metadata: &[("n", "1"), ("n", "2")], ..Put::new("k", b"v") },
        Put { sha256: Some(&[0; 31]), ..Put::new("k", b"v") },
    ] {
        let error = refused(&mut store, |store| store.put(bad, 0));
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    }
    // Empty texts are the same as `None`.
    let empty = Put { content_encoding: Some(""), ..Put::new("k", b"v") };
    store.put(empty, 0).unwrap();
    assert_eq!(store.stat("k").unwrap().content_encoding, None);
}

/// The page's limit counts the actual size of each object in the reply.
#[test]
fn a_page_of_objects_with_large_metadata_fits_in_one_reply() {
    let mut store = store();
    let value = "v".repeat(2_000);
    for index in 0..1_000 {
        let key = format!("{index:04}");
        store.put(Put { metadata: &[("name", &value)], ..Put::new(&key, b"") }, 0).unwrap();
    }
    let page = store.list(&stable_storage_api::ListArgs::prefix("")).unwrap();
    assert!(page.objects.len() < 1_000 && page.objects.len() > 900, "{} objects", page.objects.len());
    let encoded = candid::encode_one(&page).unwrap().len() as u64;
    assert!(encoded <= MAX_REPLY_BYTES, "{encoded} bytes");
    assert_eq!(page.next, page.objects.last().map(|info| info.key.clone()));
}

#[test]
fn a_condition_on_a_digest_holds_while_the_object_has_it() {
    let mut store = store();
    let on = |byte: u8| Condition::Sha256(ByteBuf::from([byte; 32]));
    let declared = |byte: &'static [u8; 32]| Put { sha256: Some(byte), ..Put::new("k", b"v") };
    let revision = store.put(declared(&[9; 32]), 0).unwrap().revision;
    put(&mut store, "bare", b"v");
    let mismatch = |current| Error::RevisionMismatch { current };
    let replace = |key: &'static str, condition| {
        move |store: &mut super::TestStore| store.put(Put { condition, ..Put::new(key, b"new") }, 0)
    };
    assert_eq!(refused(&mut store, replace("k", on(8))), mismatch(Some(revision)));
    assert_eq!(refused(&mut store, replace("bare", on(9))), mismatch(Some(revision + 1)));
    assert_eq!(refused(&mut store, replace("none", on(9))), mismatch(None));
    let short = Condition::Sha256(ByteBuf::from([9; 31]));
    assert!(matches!(refused(&mut store, replace("k", short)), Error::InvalidArgument { .. }));
    let to =
        |key: &str, condition| RenameArgs { from: "bare".into(), to: key.into(), condition: Some(condition) };
    let error = refused(&mut store, |store| store.rename(&to("k", on(8)), 0));
    assert_eq!(error, mismatch(Some(revision)));
    assert!(store.rename(&to("k", on(9)), 0).is_ok());

    // Verification finds that the bytes have another one.
    store.put(declared(&[9; 32]), 0).unwrap();
    assert_eq!(store.verify("k").unwrap().verdict, Some(ChecksumState::Mismatch));
    assert!(matches!(
        refused(&mut store, |store| store.delete_when("k", on(9))),
        Error::RevisionMismatch { current: Some(_) }
    ));
    store.put(declared(&[9; 32]), 0).unwrap();
    assert!(store.delete_when("k", on(9)).unwrap());
    sound(&store);
}

#[test]
fn delete_checks_its_condition() {
    let mut store = store();
    let revision = put(&mut store, "k", b"v");
    let when = |condition| move |store: &mut super::TestStore| store.delete_when("k", condition);
    assert_eq!(refused(&mut store, when(Condition::Absent)), Error::AlreadyExists);
    let other = Condition::Revision(revision + 1);
    assert_eq!(refused(&mut store, when(other)), Error::RevisionMismatch { current: Some(revision) });
    assert!(store.delete_when("k", Condition::Revision(revision)).unwrap());
    let gone = Condition::Revision(revision);
    assert_eq!(refused(&mut store, when(gone)), Error::RevisionMismatch { current: None });
    assert!(!store.delete_when("k", Condition::Absent).unwrap());
    sound(&store);
}

#[test]
fn delete_many_is_all_or_nothing_and_returns_which_existed() {
    let mut store = store();
    for (key, size) in [("a", 10), ("b", 5_000), ("c", 0)] {
        put(&mut store, key, &pattern(size));
    }
    let delete = |key: &str, condition| DeleteArgs { key: key.into(), condition };
    let stale = [delete("a", None), delete("b", Some(Condition::Revision(9)))];
    let error = refused(&mut store, |store| store.delete_many(&stale));
    assert_eq!(error, Error::RevisionMismatch { current: Some(2) });
    let twice = [DeleteArgs::new("a"), DeleteArgs::new("a")];
    assert!(matches!(refused(&mut store, |store| store.delete_many(&twice)), Error::InvalidArgument { .. }));
    let bad = [DeleteArgs::new("a"), DeleteArgs::new("")];
    assert!(matches!(refused(&mut store, |store| store.delete_many(&bad)), Error::InvalidArgument { .. }));
    let many: Vec<_> = (0..=MAX_BATCH_ITEMS).map(|index| DeleteArgs::new(index.to_string())).collect();
    assert!(matches!(refused(&mut store, |store| store.delete_many(&many)), Error::LimitExceeded { .. }));

    let batch = [delete("a", Some(Condition::Revision(1))), DeleteArgs::new("x"), DeleteArgs::new("b")];
    assert_eq!(store.delete_many(&batch), Ok(vec![true, false, true]));
    assert_eq!(store.delete_many(&many[1..]), Ok(vec![false; MAX_BATCH_ITEMS as usize]));
    assert_eq!(store.delete_many(&[]), Ok(vec![]));
    assert_eq!((store.core.index.len(), store.core.ledger().object_bytes), (1, 0));
    sound(&store);
}
