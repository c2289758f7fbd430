//! The check reports each way in which the hash tree can contradict the objects, the scopes and the log.

use ic_stable_structures::Memory;
use stable_storage_api::{HttpRequest, Site};

use super::*;
use crate::core::certified::CertifiedChange;
use crate::core::change::Change;
use crate::memory::space::StoreMemory;
use crate::structures::hash_tree::{self, leaf};

type Tree<'a> = hash_tree::Change<'a, StoreMemory<SparseMemory>>;

/// Labels of a path in the tree.
type Path<'a> = &'a [&'a [u8]];

const OBJECTS: &[u8] = b"objects";
const PREFIXES: &[u8] = b"prefixes";
const PAGES: &[u8] = b"http_expr";

/// Changes what is certified without the objects, the scopes and the log.
fn damage(store: &TestStore, change: impl FnOnce(&mut CertifiedChange<'_, SparseMemory>)) {
    let mut whole = Change::new(&store.core);
    change(whole.certified().unwrap());
    whole.reserve().unwrap().commit();
}

/// Asserts that a sound store has one problem after a change of the tree, with these words.
fn expect(store: &TestStore, what: &str, change: impl FnOnce(&mut Tree<'_>)) {
    sound(store);
    let copy = Store::open(store.core.space.raw().copy()).unwrap();
    damage(&copy, |certified| change(&mut certified.tree));
    let problems = copy.check().problems;
    assert!(problems.len() == 1 && problems[0].what.contains(what), "{what}: {problems:?}");
}

fn set(tree: &mut Tree<'_>, path: Path<'_>, contents: &[u8]) {
    tree.set(path, leaf(contents)).unwrap();
}

fn remove(tree: &mut Tree<'_>, path: Path<'_>) {
    assert!(tree.remove(path).unwrap());
}

/// Returns a store with two certified prefixes, one that is certified up to its second object, and others.
fn with_prefixes() -> TestStore {
    let mut store = store();
    for key in ["a/1", "a/2", "b/1", "c/1", "c/2", "c/3", "d"] {
        put(&mut store, key, key.as_bytes());
    }
    certify(&mut store, "a/");
    certify(&mut store, "b/");
    store.set_certified("c/", true).unwrap();
    store.certified_objects().certify_step("c/", 2, 1 << 20).unwrap();
    store
}

#[test]
fn a_leaf_that_is_not_that_of_its_object() {
    let store = with_prefixes();
    for key in ["a/1", "c/2"] {
        expect(&store, "a leaf is not that of its object", |tree| {
            set(tree, &[OBJECTS, key.as_bytes()], b"x")
        });
    }
    for key in ["a/", "a/3", "c/4"] {
        expect(&store, "a leaf has no object", |tree| set(tree, &[OBJECTS, key.as_bytes()], b"x"));
    }
    for key in ["d", "a", "e/1"] {
        let what = "a leaf is not under a certified prefix";
        expect(&store, what, |tree| set(tree, &[OBJECTS, key.as_bytes()], b"x"));
    }
}

#[test]
fn an_object_without_its_leaf() {
    let store = with_prefixes();
    for key in ["a/1", "a/2", "b/1", "c/1", "c/2"] {
        let what = "an object under a certified prefix has no leaf";
        expect(&store, what, |tree| remove(tree, &[OBJECTS, key.as_bytes()]));
    }
}

#[test]
fn a_prefix_in_the_tree_that_is_not_certified() {
    let store = with_prefixes();
    let what = "a prefix in the tree is not certified";
    for prefix in ["", "a", "c/", "z"] {
        expect(&store, what, |tree| set(tree, &[PREFIXES, prefix.as_bytes()], b""));
    }
    expect(&store, what, |tree| set(tree, &[PREFIXES, b"a/"], b"x"));
    expect(&store, "a certified prefix is not in the tree", |tree| remove(tree, &[PREFIXES, b"b/"]));
}

/// While a prefix leaves the tree, what is there need not agree with anything.
#[test]
fn a_prefix_that_is_removed_step_by_step() {
    let mut store = with_prefixes();
    store.set_certified("a/", false).unwrap();
    sound(&store);
    damage(&store, |certified| set(&mut certified.tree, &[OBJECTS, b"a/1"], b"x"));
    sound(&store);
    expect(&store, "a prefix in the tree is not certified", |tree| set(tree, &[PREFIXES, b"a/"], b""));
}

/// A site whose objects are all certified, and one that is certified up to its second object.
fn with_sites() -> TestStore {
    let mut store = store();
    for key in ["www/index.html", "www/index.html.gz", "www/page", "x/1", "x/2", "x/3"] {
        put(&mut store, key, key.as_bytes());
    }
    store.set_site(&Site::new("www/")).unwrap();
    while !store.certify("www/").unwrap().done {}
    store.set_site(&Site::new("x/")).unwrap();
    store.certified_objects().certify_step("x/", 2, 1 << 20).unwrap();
    store
}

#[test]
fn a_page_that_is_not_that_of_its_objects() {
    let store = with_sites();
    let what = "a page of a site is not that of its objects";
    // The pages of the folder depend on both documents.
    let due: [Path<'_>; 5] = [
        &[PAGES, b"www", b"", b"<$>"],
        &[PAGES, b"www", b"index.html", b"<$>"],
        &[PAGES, b"www", b"page", b"<$>"],
        &[PAGES, b"www", b"<*>"],
        &[PAGES, b"x", b"2", b"<$>"],
    ];
    for path in due {
        expect(&store, what, |tree| set(tree, path, b"x"));
        expect(&store, what, |tree| remove(tree, path));
    }
    // A page that is not certified yet may be missing, but not wrong.
    expect(&store, what, |tree| set(tree, &[PAGES, b"x", b"3", b"<$>"], b"x"));
    expect(&store, what, |tree| set(tree, &[PAGES, b"x", b"<*>"], b"x"));
    for path in [&[PAGES, b"www", b"none", b"<$>"][..], &[PAGES, b"y", b"<*>"]] {
        expect(&store, "a page belongs to no site", |tree| set(tree, path, b"x"));
    }
}

/// A map of certification that cannot be read is one problem; what depends on it is not checked.
#[test]
fn a_corrupt_map_is_reported_once() {
    let store = with_prefixes();
    damage(&store, |certified| {
        certified
            .scopes()
            .unwrap()
            .insert(&crate::structures::btree::Raw(b"?".to_vec()), &crate::structures::btree::Raw(vec![]))
            .unwrap();
    });
    let store = Store::open(store.core.space.raw().clone()).unwrap();
    let problems = store.check().problems;
    assert!(
        problems.len() == 1 && problems[0].what.contains("a scope is of an unknown kind"),
        "{problems:?}"
    );

    let store = with_prefixes();
    // The number of entries of the only leaf of the index.
    let leaf = store.core.space.memory(crate::base::layout::OBJECTS);
    leaf.write(4_096 + 2, &[0]);
    assert_eq!(store.check().problems.len(), 1);
}

#[test]
fn a_leaf_that_is_not_that_of_the_log() {
    let mut store = store();
    store.append(&["one", "two", "three"]).unwrap();
    store.certified_log().certify_step(2, 1 << 20).unwrap();
    sound(&store);
    while !store.certify_log().unwrap().done {}
    let what = "the hash tree does not agree with the digests of the log";
    expect(&store, what, |tree| set(tree, &[b"log"], b"x"));
    expect(&store, what, |tree| remove(tree, &[b"log"]));
    damage(&store, |certified| certified.log().unwrap().append([7; 32]));
    assert_eq!(store.check().problems.len(), 1, "a digest without an entry");
}

/// Bytes beyond the first object of a step end it.
#[test]
fn a_step_of_the_log_ends_after_its_bytes() {
    let mut store = store();
    store.append(&vec!["0123456789"; 1_000]).unwrap();
    store.append(&vec!["0123456789"; 1_000]).unwrap();
    let step = store.certified_log().certify_step(5_000, 10_000).unwrap();
    assert_eq!((step.items, step.hashed, step.done), (1_000, 10_000, false));
    let step = store.certified_log().certify_step(5_000, 10_001).unwrap();
    assert_eq!((step.items, step.hashed, step.done), (1_000, 10_000, true));
}

/// The path of an entry is longest in a log of many mountains.
#[test]
fn a_page_of_small_entries_fits_one_reply_with_long_paths() {
    let mut store = store();
    store.certify_log().unwrap();
    for count in [1_000, 23] {
        store.append(&vec![vec![2; 3_700]; count]).unwrap();
    }
    let page =
        store.log_certified(&stable_storage_api::ReadLogArgs { from: 0, limit: None }).unwrap().contents;
    let bytes = |entry: usize| {
        page.entries[entry].len() + page.paths[entry].iter().map(|digest| digest.len() + 2).sum::<usize>()
    };
    let all: usize = (0..page.entries.len()).map(bytes).sum();
    assert!(
        all as u64 <= stable_storage_api::limits::MAX_REPLY_BYTES,
        "{} entries, {all} bytes",
        page.entries.len()
    );
    assert!(page.entries.len() > 400, "{} entries", page.entries.len());
}

/// A URL that no site can have is answered by an update, with an error of the request.
#[test]
fn a_url_that_cannot_be_parsed() {
    let store = with_sites();
    let request = HttpRequest::get("/www/%zz");
    assert_eq!(store.http(&request, Some(b"certificate")).unwrap(), crate::HttpReply::Upgrade);
    match store.http(&request, None).unwrap() {
        crate::HttpReply::Response(response) => assert_eq!(response.status_code, 400),
        other => panic!("{other:?}"),
    }
}

/// The longest path whose response is certified, and one that is longer by a segment.
#[test]
fn paths_of_61_segments_are_certified() {
    let mut store = with_sites();
    for (segments, is_certified) in [(61, true), (62, false), (63, false), (100, false)] {
        let key = format!("www{}", "/d".repeat(segments - 1));
        put(&mut store, &key, b"value");
        sound(&store);
        for url in [format!("/{key}"), format!("/www{}/e", "/d".repeat(segments - 2))] {
            let reply = store.http(&HttpRequest::get(&url), Some(b"certificate")).unwrap();
            assert_eq!(reply != crate::HttpReply::Upgrade, is_certified, "{segments} segments");
        }
    }
}
