//! Pages: what is in them, and that nothing is missing.

use proptest::prelude::*;
use stable_storage_api::{CertifiedPage, ListArgs};
use storage_verify::VerifyError;

use crate::for_each_flip;
use crate::network::{NOW_NS, verifier};
use crate::store::{Store, info};

const KEYS: [&str; 9] = ["a", "b", "b/1", "b/2", "b/3", "b/4", "b/5", "b0", "c"];

fn store() -> Store {
    Store::with(&["", "b/"], &KEYS, 0)
}

fn check(args: &ListArgs, page: &CertifiedPage) -> Result<Vec<String>, VerifyError> {
    let objects = verifier().page(args, page, NOW_NS)?;
    Ok(objects.iter().map(|info| info.key.clone()).collect())
}

fn after(prefix: &str, start: &str) -> ListArgs {
    ListArgs { start_after: Some(start.into()), ..ListArgs::prefix(prefix) }
}

#[test]
fn pages_are_accepted() {
    let store = store();
    let list = |args: ListArgs| check(&args, &store.list(&args)).unwrap().join(" ");
    assert_eq!(list(ListArgs::prefix("")), KEYS.join(" "));
    assert_eq!(list(ListArgs::prefix("b/")), "b/1 b/2 b/3 b/4 b/5");
    assert_eq!(list(ListArgs::prefix("b/").limited(2)), "b/1 b/2");
    assert_eq!(list(after("b/", "b/2").limited(2)), "b/3 b/4");
    assert_eq!(list(after("b/", "b/21")), "b/3 b/4 b/5");
    assert_eq!(list(after("b/", "a")), "b/1 b/2 b/3 b/4 b/5");
    assert_eq!(list(after("b/", "b/5")), "");
    assert_eq!(list(after("b/", "c")), "");
    assert_eq!(list(ListArgs::prefix("x")), "");
    assert_eq!(list(ListArgs::prefix("c")), "c");
    let empty = Store::new(&["b/"]);
    assert_eq!(check(&ListArgs::prefix("b/"), &empty.list(&ListArgs::prefix("b/"))), Ok(vec![]));
}

#[test]
fn pages_of_a_prefix_that_is_not_certified_are_refused() {
    let store = Store::with(&["b/"], &KEYS, 0);
    for prefix in ["", "b", "c"] {
        let args = ListArgs::prefix(prefix);
        let refused = check(&args, &store.list(&args)).unwrap_err();
        assert_eq!(refused, VerifyError::NotCertified { prefix: prefix.into() });
    }
    let args = ListArgs::prefix("b/1");
    assert_eq!(check(&args, &store.list(&args)), Ok(vec!["b/1".to_owned()]));
}

#[test]
fn a_page_without_one_of_its_objects_is_refused() {
    let store = store();
    for args in [ListArgs::prefix("b/"), ListArgs::prefix("b/").limited(3), after("b/", "b/2")] {
        let good = store.list(&args);
        for index in 0..good.objects.len() {
            let mut bad = good.clone();
            bad.objects.remove(index);
            assert!(check(&args, &bad).is_err(), "object {index} of {args:?}");
            bad.next = bad.objects.last().map(|info| info.key.clone());
            // A shorter page with the right `next` is a page, too.
            let is_shorter = index == bad.objects.len() && index > 0;
            assert_eq!(check(&args, &bad).is_ok(), is_shorter, "object {index} of {args:?}");
        }
    }
}

#[test]
fn a_page_with_another_object_is_refused() {
    let store = store();
    let args = ListArgs::prefix("b/");
    let good = store.list(&args);
    for key in ["a", "b/0", "b/1", "b/22", "b/3", "b/6", "b0"] {
        for index in 0..=good.objects.len() {
            let mut bad = good.clone();
            bad.objects.insert(index, info(key, b"value", 7));
            assert!(check(&args, &bad).is_err(), "{key} at {index}");
            bad.objects[index] = info(key, key.as_bytes(), 3);
            assert!(check(&args, &bad).is_err(), "{key} at {index}");
        }
    }
}

#[test]
fn a_page_in_another_order_is_refused() {
    let store = store();
    let args = ListArgs::prefix("b/");
    let good = store.list(&args);
    for index in 1..good.objects.len() {
        let mut bad = good.clone();
        bad.objects.swap(index - 1, index);
        assert!(check(&args, &bad).is_err(), "{index}");
    }
    assert_eq!(check(&args.clone().descending(), &good), Err(VerifyError::ListOptions));
    assert_eq!(check(&ListArgs::level("b/", "/"), &good), Err(VerifyError::ListOptions));
}

#[test]
fn a_page_with_a_wrong_next_is_refused() {
    let store = store();
    let args = ListArgs::prefix("b/").limited(3);
    let good = store.list(&args);
    for next in ["b/2", "b/4", "b/31", ""] {
        let bad = CertifiedPage { next: Some(next.into()), ..good.clone() };
        let last = Some("b/3".to_owned());
        assert_eq!(check(&args, &bad), Err(VerifyError::Next { next: next.into(), last }));
    }
    let bad = CertifiedPage { next: None, ..good.clone() };
    assert!(matches!(check(&args, &bad), Err(VerifyError::Gap { .. } | VerifyError::Omitted { .. })));
    let bad = CertifiedPage { objects: vec![], next: Some("b/1".into()), ..good };
    assert_eq!(check(&args, &bad), Err(VerifyError::Next { next: "b/1".into(), last: None }));
}

#[test]
fn a_page_of_more_than_was_asked_for_is_refused() {
    let store = store();
    let page = store.list(&ListArgs::prefix("b/"));
    let refused = check(&ListArgs::prefix("b/").limited(4), &page);
    assert_eq!(refused, Err(VerifyError::PageSize { limit: 4, found: 5 }));
}

#[test]
fn a_page_of_another_range_is_refused() {
    let store = store();
    let (all, later) = (ListArgs::prefix("b/"), after("b/", "b/2"));
    let page = store.list(&later);
    assert!(matches!(check(&all, &page), Err(VerifyError::Gap { .. } | VerifyError::Omitted { .. })));
    let page = store.list(&all);
    assert_eq!(check(&later, &page), Err(VerifyError::OutsidePage { key: "b/1".into() }));
}

/// The witness of a range that begins with a label of the tree does not show the label before it.
#[test]
fn a_page_that_begins_with_its_prefix_needs_no_label_before_it() {
    let store = store();
    let args = ListArgs::prefix("b");
    let mut page = CertifiedPage { proof: store.range_proof("b", "c"), ..store.list(&args) };
    assert_eq!(check(&args, &page).unwrap().join(" "), "b b/1 b/2 b/3 b/4 b/5 b0");
    page.proof = store.range_proof("b/1", "c");
    page.objects.remove(0);
    let gap = VerifyError::Gap { after: None, before: Some("b/1".into()) };
    assert_eq!(check(&args, &page), Err(gap));
}

#[test]
fn every_changed_byte_of_the_witness_of_a_page_is_refused() {
    let store = store();
    let args = after("b/", "b/3");
    let good = store.list(&args);
    for_each_flip(&good.proof.witness, |index, flipped| {
        let mut bad = good.clone();
        bad.proof.witness = flipped.into();
        assert!(check(&args, &bad).is_err(), "byte {index}");
    });
}

/// Short keys over few letters, so that keys, prefixes and bounds meet.
fn key() -> impl Strategy<Value = String> {
    "[ab/]{1,4}"
}

fn args() -> impl Strategy<Value = ListArgs> {
    ("[ab/]{0,2}", proptest::option::of("[ab/]{0,4}"), proptest::option::of(1_u32..6))
        .prop_map(|(prefix, start_after, limit)| ListArgs { start_after, limit, ..ListArgs::prefix(prefix) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_pages_are_accepted(keys in proptest::collection::vec(key(), 0..40), args in args()) {
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let store = Store::with(&[""], &keys, 0);
        let page = store.list(&args);
        prop_assert_eq!(verifier().page(&args, &page, NOW_NS), Ok(&page.objects[..]));
    }

    /// Whatever part of the store is shown and asserted to be a page: what is accepted is true.
    #[test]
    fn what_is_accepted_is_what_is_stored(
        keys in proptest::collection::vec(key(), 0..12),
        args in args(),
        shown in (key(), key()),
        asserted in (key(), key()),
        is_last in any::<bool>(),
    ) {
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let store = Store::with(&[""], &keys, 0);
        let is_asserted = |key: &str| *asserted.0 <= *key && *key <= *asserted.1;
        let objects: Vec<_> =
            store.values.values().map(|object| object.info.clone()).filter(|info| is_asserted(&info.key)).collect();
        let next = objects.last().filter(|_| !is_last).map(|info| info.key.clone());
        let (first, last) = if shown.0 <= shown.1 { (&shown.0, &shown.1) } else { (&shown.1, &shown.0) };
        let page = CertifiedPage { objects, next, proof: store.range_proof(first, last) };
        if let Ok(accepted) = verifier().page(&args, &page, NOW_NS) {
            let limit = if is_last || accepted.is_empty() { None } else { Some(accepted.len() as u32) };
            let (expected, _) = store.listed(&ListArgs { limit, ..args });
            prop_assert_eq!(accepted, expected);
        }
    }
}
