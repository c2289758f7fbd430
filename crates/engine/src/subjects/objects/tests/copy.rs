//! Copying objects in one call.

use candid::Principal;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::*;
use stable_storage_api::{ChecksumState, Condition, CopyArgs, CopyMetadata, Error, MetadataPair};

use super::{INLINE_LIMIT, Put, pattern, put, refused, sound, store};
use crate::base::caller::Caller;

const WRITER: Caller = Caller { principal: Principal::from_slice(&[1]), is_admin: false };
const ADMIN: Caller = Caller { principal: Principal::from_slice(&[3]), is_admin: true };

const SIZES: [u64; 6] = [0, 3, INLINE_LIMIT, INLINE_LIMIT + 1, 70_000, MAX_PAYLOAD_BYTES];

fn described(content_type: &str, pairs: &[(&str, &str)]) -> CopyMetadata {
    let pairs = pairs.iter().map(|(name, value)| MetadataPair::new(*name, *value));
    CopyMetadata {
        content_type: Some(content_type.into()),
        content_encoding: None,
        metadata: Some(pairs.collect()),
    }
}

/// The copy is a separate object: it stays when the source is removed.
#[test]
fn a_copy_has_the_bytes_the_metadata_and_the_digest_of_its_source() {
    for size in SIZES {
        let (mut store, value) = (store(), pattern(size));
        let pairs = [("name", "value")];
        let source = Put {
            content_type: Some("a/b"),
            content_encoding: Some("gzip"),
            metadata: &pairs,
            owner: Some(Principal::from_slice(&[9])),
            ..Put::new("from", &value)
        };
        store.put(source, 1).unwrap();
        store.verify("from").unwrap();
        let before = store.stat("from").unwrap();
        let copied = store.copy(&CopyArgs::new("from", "to"), &WRITER, 2).unwrap();
        sound(&store);
        assert_eq!(store.stat("from").unwrap(), before);
        let copy = store.stat("to").unwrap();
        assert_eq!(copy.revision, copied.revision);
        assert!(copy.revision > before.revision);
        assert_eq!((copy.created_ns, copy.modified_ns, copy.owner), (2, 2, Some(WRITER.principal)));
        assert_eq!(
            (&copy.content_type, &copy.content_encoding),
            (&before.content_type, &before.content_encoding)
        );
        assert_eq!((&copy.metadata, &copy.sha256), (&before.metadata, &before.sha256));
        assert_eq!(copy.sha256.unwrap().state, ChecksumState::Verified);
        assert!(store.delete("from").unwrap());
        sound(&store);
        assert_eq!(store.get("to").unwrap(), value);
    }
}

#[test]
fn a_copy_replaces_an_object_of_any_size_and_keeps_its_creation_time() {
    for from in SIZES {
        for to in SIZES {
            let mut store = store();
            put(&mut store, "from", &pattern(from));
            put(&mut store, "to", &pattern(to));
            store.copy(&CopyArgs::new("from", "to"), &ADMIN, 5).unwrap();
            sound(&store);
            assert_eq!(
                (store.get("to").unwrap(), store.get("from").unwrap()),
                (pattern(from), pattern(from))
            );
            let info = store.stat("to").unwrap();
            assert_eq!((info.created_ns, info.modified_ns, info.owner), (1, 5, None));
        }
    }
}

#[test]
fn other_metadata_replaces_all_of_the_sources_but_the_digest() {
    let (mut store, value) = (store(), pattern(70_000));
    let digest = Sha256::digest(&value);
    let pairs = [("old", "value")];
    let source = Put {
        content_encoding: Some("gzip"),
        metadata: &pairs,
        sha256: Some(&digest),
        ..Put::new("from", &value)
    };
    store.put(source, 1).unwrap();
    let args = CopyArgs { metadata: Some(described("c/d", &[("new", "")])), ..CopyArgs::new("from", "to") };
    store.copy(&args, &ADMIN, 2).unwrap();
    let info = store.stat("to").unwrap();
    assert_eq!((info.content_type.as_deref(), info.content_encoding), (Some("c/d"), None));
    assert_eq!(info.metadata, Some(vec![MetadataPair::new("new", "")]));
    let sha256 = info.sha256.unwrap();
    assert_eq!((sha256.digest.as_slice(), sha256.state), (&digest[..], ChecksumState::Declared));
    let bare = CopyArgs { metadata: Some(CopyMetadata::default()), ..CopyArgs::new("to", "bare") };
    store.copy(&bare, &ADMIN, 3).unwrap();
    let info = store.stat("bare").unwrap();
    assert_eq!((info.content_type, info.metadata), (None, None));
    sound(&store);
}

/// The bytes stay where they are, so this needs no space.
#[test]
fn an_object_copied_to_itself_gets_other_metadata_and_the_next_revision() {
    for size in SIZES {
        let (mut store, value) = (store(), pattern(size));
        let first = put(&mut store, "k", &value);
        store.verify("k").unwrap();
        let used = store.core.arena.stats().unwrap();
        let args = CopyArgs { metadata: Some(described("c/d", &[])), ..CopyArgs::new("k", "k") };
        let second = store.copy(&args, &WRITER, 9).unwrap().revision;
        assert!(second > first);
        sound(&store);
        let info = store.stat("k").unwrap();
        assert_eq!((info.created_ns, info.modified_ns, info.revision), (1, 9, second));
        assert_eq!((info.content_type.as_deref(), info.owner), (Some("c/d"), Some(WRITER.principal)));
        assert_eq!(info.sha256.unwrap().state, ChecksumState::Verified);
        assert_eq!(store.get("k").unwrap(), value);
        assert_eq!(store.core.arena.stats().unwrap(), used);
        store.copy(&CopyArgs::new("k", "k"), &WRITER, 10).unwrap();
        assert_eq!(store.stat("k").unwrap().content_type.as_deref(), Some("c/d"));
        assert_eq!(store.core.ledger().object_bytes, size);
    }
}

#[test]
fn conditions_on_both_objects_are_checked() {
    let mut store = store();
    let value = pattern(5_000);
    let digest: [u8; 32] = Sha256::digest(&value).into();
    let from = store.put(Put { sha256: Some(&digest), ..Put::new("from", &value) }, 1).unwrap().revision;
    let to = put(&mut store, "to", b"old");
    let stale = from + 100;
    let args = || CopyArgs::new("from", "to");
    let mismatch = |current| Error::RevisionMismatch { current: Some(current) };
    let with_digest = |digest: [u8; 32]| CopyArgs { sha256: Some(ByteBuf::from(digest)), ..args() };
    for (bad, expected) in [
        (args().when(Condition::Absent), Error::AlreadyExists),
        (args().when(Condition::Revision(stale)), mismatch(to)),
        (
            CopyArgs::new("from", "none").when(Condition::Revision(to)),
            Error::RevisionMismatch { current: None },
        ),
        (CopyArgs { revision: Some(stale), ..args() }, mismatch(from)),
        (with_digest([7; 32]), mismatch(from)),
        (CopyArgs { revision: Some(stale), ..with_digest(digest) }, mismatch(from)),
        (CopyArgs { from: "to".into(), to: "new".into(), ..with_digest(digest) }, mismatch(to)),
        (CopyArgs::new("none", "to"), Error::NotFound),
        (CopyArgs::new("none", "none"), Error::NotFound),
    ] {
        assert_eq!(refused(&mut store, |store| store.copy(&bad, &ADMIN, 2)), expected, "{bad:?}");
    }
    let good = CopyArgs { revision: Some(from), ..with_digest(digest) };
    store.copy(&good.when(Condition::Revision(to)), &ADMIN, 2).unwrap();
    store.copy(&CopyArgs::new("from", "new").when(Condition::Absent), &ADMIN, 2).unwrap();
    assert_eq!((store.get("to").unwrap(), store.get("new").unwrap()), (value.clone(), value));
    sound(&store);
}

#[test]
fn keys_and_metadata_are_checked_at_their_limits() {
    let mut store = store();
    put(&mut store, "k", &pattern(INLINE_LIMIT));
    let longest = "k".repeat(MAX_KEY_BYTES as usize);
    let most = CopyMetadata {
        content_type: Some("t".repeat(MAX_CONTENT_TYPE_BYTES as usize)),
        content_encoding: Some("e".repeat(MAX_CONTENT_ENCODING_BYTES as usize)),
        metadata: Some((0..16).map(|n| MetadataPair::new(format!("{n:02}"), "v".repeat(126))).collect()),
    };
    let args = CopyArgs { metadata: Some(most.clone()), ..CopyArgs::new("k", &*longest) };
    store.copy(&args, &WRITER, 1).unwrap();
    store.copy(&CopyArgs::new(&*longest, &*longest), &WRITER, 1).unwrap();
    store.copy(&CopyArgs::new(&*longest, "back"), &WRITER, 1).unwrap();
    sound(&store);
    let info = store.stat("back").unwrap();
    assert_eq!(
        (info.content_type, info.content_encoding, info.metadata),
        (most.content_type.clone(), most.content_encoding.clone(), most.metadata.clone())
    );
    let long = format!("{longest}k");
    let more = CopyMetadata { content_encoding: Some("e".repeat(65)), ..most };
    for bad in [
        CopyArgs::new("k", ""),
        CopyArgs::new("", "k"),
        CopyArgs::new("k", &*long),
        CopyArgs::new(&*long, "k"),
        CopyArgs { metadata: Some(more), ..CopyArgs::new("k", "l") },
        CopyArgs { sha256: Some(ByteBuf::from([1; 31])), ..CopyArgs::new("k", "l") },
    ] {
        let error = refused(&mut store, |store| store.copy(&bad, &ADMIN, 2));
        assert!(matches!(error, Error::InvalidArgument { .. }), "{bad:?}: {error}");
    }
}

/// A hash of the first half is valid for the copy, which has the same bytes.
#[test]
fn a_verification_in_progress_continues_with_the_copy() {
    let (mut store, value) = (store(), pattern(200_003));
    put(&mut store, "from", &value);
    store.verify_in_steps("from", 65_536).unwrap();
    store.copy(&CopyArgs::new("from", "to"), &ADMIN, 2).unwrap();
    let progress = store.verify_in_steps("to", 65_536).unwrap();
    assert_eq!((progress.hashed, progress.verdict), (2 * 65_536, None));
    assert_eq!(store.verify("to").unwrap().verdict, Some(ChecksumState::Verified));
    assert_eq!(store.stat("to").unwrap().sha256.unwrap().digest.as_slice(), &Sha256::digest(&value)[..]);
}
