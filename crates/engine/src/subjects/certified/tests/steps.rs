//! Certifying what exists, in steps.

use stable_storage_api::Site;
use stable_storage_api::limits::HTTP_PIECE_BYTES;

use super::super::steps::Step as Done;
use super::*;

#[test]
fn objects_that_exist_are_certified_in_steps() {
    let mut store = store();
    for number in 0..30 {
        put(&mut store, &format!("a/{number:02}"), &vec![number; 10_000]);
    }
    put(&mut store, "b", b"other");
    store.set_certified("a/", true).unwrap();
    let incomplete = |store: &TestStore| {
        assert_eq!(
            store.certified_prefixes().unwrap(),
            [CertifiedPrefix { prefix: "a/".into(), complete: false }]
        );
        let refused = store.get_certified("a/00").unwrap_err().to_string();
        assert!(refused.contains("call certify until it is done"), "{refused}");
        sound(store);
    };
    incomplete(&store);
    // A step stops at the bytes that it may hash, and each object takes a read of 64 KiB.
    let step = store.certified_objects().certify_step("a/", 7, 65_536).unwrap();
    assert_eq!((step.items, step.hashed, step.done), (1, 10_000, false));
    incomplete(&store);
    // What changes meanwhile, before and after the place that the certification has reached.
    put(&mut store, "a/00", b"new");
    put(&mut store, "a/20", b"new");
    store.delete("a/00").unwrap();
    store.delete("a/29").unwrap();
    sound(&store);
    let mut steps = 0;
    loop {
        let step = store.certified_objects().certify_step("a/", 7, 1 << 20).unwrap();
        steps += 1;
        sound(&store);
        if step.done {
            break;
        }
        assert_eq!(step.items, 7);
    }
    assert_eq!(steps, 5);
    assert_eq!(
        store.certify("a/").unwrap(),
        stable_storage_api::CertifyProgress { done: true, ..Default::default() }
    );
    let page = store.list_certified(&ListArgs::prefix("a/")).unwrap();
    assert_eq!(page.contents.objects, store.list(&ListArgs::prefix("a/")).unwrap().objects);
    assert!(
        page.contents
            .objects
            .iter()
            .all(|info| info.sha256.as_ref().unwrap().state == ChecksumState::Verified)
    );
}

/// Under a prefix, and in a site.
#[test]
fn a_step_certifies_at_most_1000_objects() {
    let mut store = store();
    (0..1_001).for_each(|number| put(&mut store, &format!("a/{number}"), b"value"));
    store.set_certified("a/", true).unwrap();
    store.set_site(&Site::new("a/")).unwrap();
    for what in ["the prefix", "the site"] {
        let (mut items, mut done) = (Vec::new(), false);
        while !done {
            let step = store.certify("a/").unwrap();
            items.push(step.items);
            done = step.done;
        }
        assert!(
            items.iter().all(|items| *items <= 1_000) && items.iter().sum::<u64>() == 1_001,
            "{what}: {items:?}"
        );
        sound(&store);
    }
}

#[test]
fn an_object_larger_than_a_step_takes_several() {
    let mut store = store();
    let value = vec![5; 200_000];
    put(&mut store, "large", &value);
    store.set_certified("", true).unwrap();
    let mut hashed = Vec::new();
    loop {
        let step = store.certified_objects().certify_step("", 100, 65_536).unwrap();
        hashed.push(step.hashed);
        sound(&store);
        if step.done {
            break;
        }
    }
    assert_eq!(hashed, [65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
    assert_eq!(store.get_certified("large").unwrap().contents.unwrap().value.as_slice(), value);
}

#[test]
fn a_prefix_that_is_no_longer_certified_leaves_the_tree_in_steps() {
    let mut store = store();
    for number in 0..25 {
        put(&mut store, &format!("a/{number:02}"), b"value");
    }
    certify(&mut store, "a/");
    certify(&mut store, "b/");
    put(&mut store, "b/stays", b"value");
    let other = store.get_certified("b/stays").unwrap().contents;
    store.set_certified("a/", false).unwrap();
    assert!(store.get_certified("a/00").is_err());
    assert_eq!(store.certified_prefixes().unwrap().len(), 1);
    assert!(store.set_certified("a/", true).unwrap_err().to_string().contains("still being removed"));
    put(&mut store, "a/00", b"changed");
    store.delete("a/24").unwrap();
    for (items, done) in [(10, false), (10, false), (4, true)] {
        let step = store.certified_objects().certify_step("a/", 10, 1 << 20).unwrap();
        assert_eq!((step.items, step.done), (items, done));
        sound(&store);
    }
    assert_eq!(store.certify("a/"), Err(Error::NotFound));
    assert_eq!(store.get_certified("b/stays").unwrap().contents, other);
    certify(&mut store, "a/");
    assert_eq!(store.list_certified(&ListArgs::prefix("a/")).unwrap().contents.objects.len(), 24);
}

/// Objects without a digest, because they were uploaded, before the place where the scan of the site is.
#[test]
fn a_site_is_done_when_no_object_waits_and_a_step_takes_as_many_as_it_may() {
    let mut store = store();
    for number in 5..10 {
        put(&mut store, &format!("www/{number}"), b"value");
    }
    store.set_site(&Site::new("www/")).unwrap();
    let step = |store: &TestStore, objects| {
        let step = store.certified_objects().certify_step("www/", objects, 1 << 20).unwrap();
        sound(store);
        (step.items, step.done)
    };
    assert_eq!((step(&store, 2), step(&store, 2)), ((2, false), (2, false)));
    for number in 0..3 {
        upload(&mut store, &format!("www/{number}"), b"value");
    }
    assert_eq!(step(&store, 2), (1, false), "the scan is done, and three objects wait");
    assert_eq!((step(&store, 2), step(&store, 2)), ((2, false), (1, true)));
}

#[test]
fn an_error_ends_a_step_that_has_changed_something_and_is_returned_by_any_other() {
    let mut step = Done::new(100);
    assert_eq!((step.part(Ok(true)), step.part(Ok(false))), (Ok(true), Ok(false)));
    assert_eq!(step.part(Err(Error::NotFound)), Err(Error::NotFound));
    step.took(30);
    assert_eq!((step.part(Ok(true)), step.part(Err(Error::NotFound))), (Ok(true), Ok(false)));
    assert_eq!((step.hashed, step.room()), (30, 70));
}

/// An object of one piece is hashed as a whole, and a larger one piece by piece, as many as a step has bytes for.
#[test]
fn a_step_hashes_the_pieces_that_it_has_bytes_for() {
    let mut store = store();
    store.set_site(&Site::new("www/")).unwrap();
    while !store.certify("www/").unwrap().done {}
    let value = vec![3; 4 * HTTP_PIECE_BYTES as usize + 1];
    upload(&mut store, "www/large", &value);
    for (bytes, items, hashed) in [
        (HTTP_PIECE_BYTES - 1, 0, 0),
        (HTTP_PIECE_BYTES, 0, HTTP_PIECE_BYTES),
        (3 * HTTP_PIECE_BYTES - 1, 0, 2 * HTTP_PIECE_BYTES),
        (9 * HTTP_PIECE_BYTES, 1, HTTP_PIECE_BYTES + 1),
    ] {
        let step = store.certified_objects().certify_step("www/", 10, bytes).unwrap();
        assert_eq!(
            (step.items, step.hashed, step.done),
            (items, hashed, items > 0),
            "a step of {bytes} bytes"
        );
        sound(&store);
    }
    upload(&mut store, "www/piece", &value[..HTTP_PIECE_BYTES as usize]);
    let step = store.certified_objects().certify_step("www/", 10, 2 * HTTP_PIECE_BYTES).unwrap();
    assert_eq!((step.items, step.hashed, step.done), (1, HTTP_PIECE_BYTES, true));
    assert_eq!(store.stat("www/piece").unwrap().sha256.unwrap().state, ChecksumState::Verified);
    sound(&store);
}
