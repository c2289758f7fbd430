use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use stable_storage_api::limits::{CHUNK_BYTES, MAX_CERTIFIED_PREFIXES, MAX_PAYLOAD_BYTES};
use stable_storage_api::{
    CertifiedPrefix, ChecksumState, CopyArgs, DeleteArgs, DeletePrefixArgs, Error, ListArgs, ObjectInfo,
    RenameArgs, UploadArgs,
};
use storage_testkit::SparseMemory;

use crate::base::caller::Caller;
use crate::store::Store;
use crate::structures::hash_tree::Digest;
use crate::subjects::objects::Put;

type TestStore = Store<SparseMemory>;

fn store() -> TestStore {
    Store::open(SparseMemory::default()).unwrap()
}

fn put(store: &mut TestStore, key: &str, value: &[u8]) {
    store.put(Put::new(key, value), 7).unwrap();
}

fn upload(store: &mut TestStore, key: &str, value: &[u8]) {
    let caller = Caller { principal: candid::Principal::anonymous(), is_admin: true };
    let upload = store.create_upload(&UploadArgs::new(key, value.len() as u64), &caller, 7).unwrap();
    for (index, chunk) in value.chunks(CHUNK_BYTES as usize).enumerate() {
        store.write_chunk(upload.id, index as u64, chunk, &caller, 7).unwrap();
    }
    store.commit_upload(upload.id, &caller, 7).unwrap();
}

/// Declares a prefix and certifies what is under it.
fn certify(store: &mut TestStore, prefix: &str) {
    store.set_certified(prefix, true).unwrap();
    while !store.certify(prefix).unwrap().done {}
    sound(store);
}

fn sound(store: &TestStore) {
    assert_eq!(store.check().problems, []);
}

/// What a witness shows: the root that it has, and the leaves, except those of certified prefixes.
fn shown(witness: &[u8]) -> (Digest, BTreeMap<Vec<u8>, Vec<u8>>) {
    let tree: ic_certified_map::HashTree<'_> = serde_cbor::from_slice(witness).unwrap();
    (tree.reconstruct(), leaves_that(&tree, |path| path[0] != b"prefixes"))
}

/// The certified prefixes that a witness shows.
fn shown_prefixes(witness: &[u8]) -> Vec<String> {
    let tree: ic_certified_map::HashTree<'_> = serde_cbor::from_slice(witness).unwrap();
    let leaves = leaves_that(&tree, |path| path[0] == b"prefixes");
    assert!(leaves.values().all(Vec::is_empty));
    leaves.into_keys().map(|prefix| String::from_utf8(prefix).unwrap()).collect()
}

fn leaves_that(
    tree: &ic_certified_map::HashTree<'_>,
    is_of: fn(&[Vec<u8>]) -> bool,
) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut leaves = BTreeMap::new();
    collect(tree, &mut Vec::new(), &mut leaves);
    leaves.retain(|path, _| is_of(path));
    leaves.into_iter().map(|(path, contents)| (path.last().unwrap().clone(), contents)).collect()
}

fn collect(
    tree: &ic_certified_map::HashTree<'_>,
    path: &mut Vec<Vec<u8>>,
    leaves: &mut BTreeMap<Vec<Vec<u8>>, Vec<u8>>,
) {
    use ic_certified_map::HashTree;
    match tree {
        HashTree::Fork(pair) => {
            collect(&pair.0, path, leaves);
            collect(&pair.1, path, leaves);
        }
        HashTree::Labeled(label, tree) => {
            path.push(label.to_vec());
            collect(tree, path, leaves);
            path.pop();
        }
        HashTree::Leaf(contents) => {
            leaves.insert(path.clone(), contents.to_vec());
        }
        HashTree::Empty | HashTree::Pruned(_) => {}
    }
}

/// The record of an object, written down a second time.
fn expected_record(info: &ObjectInfo) -> Vec<u8> {
    let text = |text: &Option<String>| match text {
        None => vec![0],
        Some(text) => [&[1], &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat(),
    };
    let mut bytes = vec![1];
    for number in [info.size, info.revision, info.created_ns, info.modified_ns] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(text(&info.content_type));
    bytes.extend(text(&info.content_encoding));
    match &info.owner {
        None => bytes.push(0),
        Some(owner) => {
            bytes.push(1);
            bytes.extend((owner.as_slice().len() as u16).to_le_bytes());
            bytes.extend(owner.as_slice());
        }
    }
    let pairs = info.metadata.clone().unwrap_or_default();
    bytes.extend((pairs.len() as u16).to_le_bytes());
    for pair in pairs {
        for text in [pair.name, pair.value] {
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
    }
    match &info.sha256 {
        None => bytes.push(0),
        Some(checksum) => {
            bytes.push(1 + checksum.state as u8);
            bytes.extend(checksum.digest.as_slice());
        }
    }
    bytes
}

/// Without the prefix, a proof of absence would prove nothing: an object that is not certified is not in the tree either.
#[test]
fn absence_is_proven_with_the_certified_prefix() {
    let mut store = store();
    put(&mut store, "b/1", b"one");
    certify(&mut store, "");
    let absent = store.stat_certified("c").unwrap();
    assert_eq!((absent.contents, shown_prefixes(&absent.witness)), (None, vec![String::new()]));
    store.set_certified("", false).unwrap();
    while !store.certify("").unwrap().done {}
    for prefix in ["a/", "b/"] {
        certify(&mut store, prefix);
    }
    let absent = store.get_certified("b/2").unwrap();
    assert_eq!(shown_prefixes(&absent.witness), ["b/"]);
    assert_eq!(shown(&absent.witness).0, store.certified_digest().unwrap());
    let page = store.list_certified(&ListArgs::prefix("b/")).unwrap();
    assert_eq!(shown_prefixes(&page.witness), ["b/"]);
    assert_eq!(shown(&page.witness).0, store.certified_digest().unwrap());
    let empty = store.list_certified(&ListArgs::prefix("a/x")).unwrap();
    assert_eq!(shown_prefixes(&empty.witness), ["a/"]);
    // While objects are removed from the tree, nothing proves that they are absent.
    let root = store.certified_digest();
    store.set_certified("b/", false).unwrap();
    assert_ne!(store.certified_digest(), root);
    sound(&store);
}

#[test]
fn a_certified_object_is_returned_with_its_witness() {
    let mut store = store();
    certify(&mut store, "a/");
    let owner = candid::Principal::from_slice(&[9; 29]);
    let pairs = [("name", "value"), ("other", "é")];
    let all = Put {
        content_type: Some("text/plain"),
        content_encoding: Some("gzip"),
        metadata: &pairs,
        owner: Some(owner),
        ..Put::new("a/all", b"value")
    };
    store.put(all, 7).unwrap();
    put(&mut store, "a/plain", b"");
    put(&mut store, "b/other", b"not certified");
    let sha256 = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
    for (key, value) in [("a/all", b"value".as_slice()), ("a/plain", b"")] {
        let reply = store.get_certified(key).unwrap();
        let object = reply.contents.unwrap();
        assert_eq!((object.value.as_slice(), &object.info), (value, &store.stat(key).unwrap()));
        let checksum = object.info.sha256.clone().unwrap();
        assert_eq!(
            (checksum.digest.as_slice(), checksum.state),
            (sha256(value).as_slice(), ChecksumState::Verified)
        );
        let (root, leaves) = shown(&reply.witness);
        assert_eq!(Some(root), store.certified_digest());
        assert_eq!(leaves, BTreeMap::from([(key.as_bytes().to_vec(), expected_record(&object.info))]));
        let stat = store.stat_certified(key).unwrap();
        assert_eq!((stat.contents, stat.witness), (Some(object.info), reply.witness));
    }
    let absent = store.get_certified("a/none").unwrap();
    assert_eq!(
        (absent.contents, shown(&absent.witness)),
        (None, (store.certified_digest().unwrap(), BTreeMap::new()))
    );
    let refused = store.get_certified("b/other").unwrap_err();
    assert_eq!(refused, Error::invalid("\"b/other\" is not under a certified prefix"));
    sound(&store);
}

#[test]
fn a_put_with_another_digest_than_declared_is_refused() {
    let mut store = store();
    certify(&mut store, "a/");
    let right: [u8; 32] = Sha256::digest(b"value").into();
    store.put(Put { sha256: Some(&right), ..Put::new("a/key", b"value") }, 7).unwrap();
    let digest = store.certified_digest();
    let refused = store.put(Put { sha256: Some(&right), ..Put::new("a/key", b"other") }, 7).unwrap_err();
    assert_eq!(refused, Error::invalid("the value of \"a/key\" does not have the declared SHA-256"));
    assert_eq!(store.certified_digest(), digest);
    // Elsewhere it is only recorded.
    store.put(Put { sha256: Some(&right), ..Put::new("b", b"other") }, 7).unwrap();
}

#[test]
fn prefixes_that_cannot_be_certified_are_refused() {
    let mut store = store();
    let refusal = |store: &mut TestStore, prefix: &str| store.set_certified(prefix, true).unwrap_err();
    certify(&mut store, "a/");
    store.set_certified("a/", true).unwrap();
    for prefix in ["", "a", "a/b"] {
        let text = format!("the prefix {prefix:?} overlaps the certified prefix \"a/\"");
        assert_eq!(refusal(&mut store, prefix), Error::invalid(text));
    }
    let long = "b".repeat(1_001);
    assert_eq!(refusal(&mut store, &long), Error::invalid("the prefix has 1001 bytes; the limit is 1000"));
    assert_eq!(store.set_certified("none", false), Err(Error::NotFound));
    assert_eq!(store.certify("none"), Err(Error::NotFound));
    store.set_certified(&long[..1_000], true).unwrap();
    for number in 2..MAX_CERTIFIED_PREFIXES {
        store.set_certified(&format!("c{number:03}/"), true).unwrap();
    }
    let full = Error::LimitExceeded { what: "certified prefixes".into(), limit: MAX_CERTIFIED_PREFIXES };
    assert_eq!(refusal(&mut store, "d/"), full);
    sound(&store);
}

/// A store that certifies nothing has no memory for it.
#[test]
fn a_store_that_certifies_nothing_pays_nothing() {
    let mut store = store();
    put(&mut store, "key", b"value");
    assert_eq!(store.certified_digest(), None);
    assert!(store.core.certified().is_none());
    let memory = store.core.space.raw().clone();
    drop(store);
    assert!(Store::open(memory).unwrap().core.certified().is_none());
}

#[test]
fn an_upload_is_certified_with_what_was_declared() {
    let mut store = store();
    certify(&mut store, "a/");
    let value = vec![3; CHUNK_BYTES as usize + 5];
    let digest: [u8; 32] = Sha256::digest(&value).into();
    let args = UploadArgs {
        sha256: Some(serde_bytes::ByteBuf::from(digest)),
        ..UploadArgs::new("a/large", value.len() as u64)
    };
    let caller = Caller { principal: candid::Principal::anonymous(), is_admin: true };
    let upload = store.create_upload(&args, &caller, 7).unwrap();
    for (index, chunk) in value.chunks(CHUNK_BYTES as usize).enumerate() {
        store.write_chunk(upload.id, index as u64, chunk, &caller, 7).unwrap();
    }
    store.commit_upload(upload.id, &caller, 7).unwrap();
    let state = |store: &TestStore| {
        let reply = store.stat_certified("a/large").unwrap();
        let info = reply.contents.unwrap();
        assert_eq!(shown(&reply.witness).1[b"a/large".as_slice()], expected_record(&info));
        info.sha256.unwrap().state
    };
    assert_eq!(state(&store), ChecksumState::Declared);
    store.verify("a/large").unwrap();
    assert_eq!(state(&store), ChecksumState::Verified);
    sound(&store);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    PutMany(Vec<u8>),
    Delete(u8),
    DeleteMany(Vec<u8>),
    DeletePrefix(u8),
    TakeFirst,
    Rename(u8, u8),
    Verify(u8),
    Certify(u8),
    Declare(u8, bool),
    Reopen,
}

fn a_step() -> impl Strategy<Value = Step> {
    let key = 0..24u8;
    let keys =
        prop::collection::btree_set(0..24u8, 1..4).prop_map(|keys| keys.into_iter().collect::<Vec<_>>());
    prop_oneof![
        4 => (key.clone(), any::<u8>()).prop_map(|(key, byte)| Step::Put(key, byte)),
        1 => keys.clone().prop_map(Step::PutMany),
        2 => key.clone().prop_map(Step::Delete),
        1 => keys.prop_map(Step::DeleteMany),
        1 => (0..3u8).prop_map(Step::DeletePrefix),
        1 => Just(Step::TakeFirst),
        2 => (key.clone(), key.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => key.prop_map(Step::Verify),
        3 => (0..3u8).prop_map(Step::Certify),
        2 => (0..3u8, any::<bool>()).prop_map(|(prefix, on)| Step::Declare(prefix, on)),
        1 => Just(Step::Reopen),
    ]
}

fn key(number: u8) -> String {
    format!("{}/{}", number % 3, number / 3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any changes, the tree has exactly the records of the objects that are certified: `check` compares them.
    #[test]
    fn the_tree_agrees_with_the_objects_after_every_change(steps in prop::collection::vec(a_step(), 1..40)) {
        let mut store = store();
        for step in steps {
            match step {
                Step::Put(number, byte) => put(&mut store, &key(number), &vec![byte; usize::from(byte) * 30]),
                Step::PutMany(numbers) => {
                    let keys: Vec<_> = numbers.into_iter().map(key).collect();
                    store.put_many(keys.iter().map(|key| Put::new(key, key.as_bytes())).collect::<Vec<_>>(), 7).unwrap();
                }
                Step::Delete(number) => _ = store.delete(&key(number)).unwrap(),
                Step::DeleteMany(numbers) => {
                    let deletes: Vec<_> = numbers.into_iter().map(|number| DeleteArgs { key: key(number), condition: None }).collect();
                    store.delete_many(&deletes).unwrap();
                }
                Step::DeletePrefix(prefix) => {
                    _ = store.delete_prefix(&DeletePrefixArgs { prefix: format!("{prefix}/"), limit: Some(3) }).unwrap();
                }
                Step::TakeFirst => _ = store.take_first("").unwrap(),
                Step::Rename(from, to) => {
                    _ = store.rename(&RenameArgs { from: key(from), to: key(to), condition: None }, 9);
                }
                Step::Verify(number) => _ = store.verify(&key(number)),
                Step::Certify(prefix) => _ = store.certified_objects().certify_step(&format!("{prefix}/"), 2, 65_536),
                Step::Declare(prefix, on) => _ = store.set_certified(&format!("{prefix}/"), on),
                Step::Reopen => {
                    let memory = store.core.space.raw().clone();
                    store = Store::open(memory).unwrap();
                }
            }
            prop_assert_eq!(store.check().problems, vec![]);
        }
        for prefix in 0..3 {
            let prefix = format!("{prefix}/");
            if store.certified_prefixes().unwrap().iter().any(|known| known.prefix == prefix && known.complete) {
                let reply = store.list_certified(&ListArgs::prefix(&prefix)).unwrap();
                prop_assert_eq!(reply.contents.objects, store.list(&ListArgs::prefix(&prefix)).unwrap().objects);
                prop_assert_eq!(Some(shown(&reply.witness).0), store.certified_digest());
            }
        }
    }
}

mod check;
mod log;
mod moves;
mod pages;
mod sites;
mod steps;
