//! Entries of the log.

use stable_storage_api::{CertifiedLogPage, ReadLogArgs};
use storage_verify::{Part, VerifyError};

use crate::network::{NOW_NS, verifier};
use crate::store::Store;
use crate::{for_each_flip, mountains};

fn store(entries: u64) -> Store {
    Store::with(&[], &[], entries)
}

fn args(from: u64, limit: u32) -> ReadLogArgs {
    ReadLogArgs { from, limit: Some(limit) }
}

fn check(args: &ReadLogArgs, page: &CertifiedLogPage) -> Result<usize, VerifyError> {
    verifier().log(args, page, NOW_NS).map(<[_]>::len)
}

#[test]
fn all_entries_of_logs_of_any_length_are_accepted() {
    for length in (0..=33).chain([64, 100]) {
        let store = store(length);
        let all = ReadLogArgs { from: 0, limit: None };
        assert_eq!(check(&all, &store.log(&all)), Ok(length as usize), "{length}");
    }
}

#[test]
fn pages_of_a_log_are_accepted() {
    let store = store(13);
    for (from, limit, found) in [(0, 1, 1), (12, 1, 1), (7, 3, 3), (10, 9, 3), (13, 1, 0), (99, 5, 0)] {
        assert_eq!(check(&args(from, limit), &store.log(&args(from, limit))), Ok(found), "{from}");
    }
    let end = ReadLogArgs { from: u64::MAX, limit: None };
    assert_eq!(check(&end, &store.log(&end)), Ok(0));
}

#[test]
fn roots_are_those_of_the_definition() {
    // By hand: sep(s) is the length of s, and s.
    use sha2::{Digest as _, Sha256};
    let entry = |text: &str| Sha256::digest([b"\x18stable-storage-log-entry", text.as_bytes()].concat());
    let node = |left: &[u8], right: &[u8]| {
        Sha256::digest([&b"\x17stable-storage-log-node"[..], left, right].concat())
    };
    let entries = ["x", "y", "z"].map(|text| text.as_bytes().to_vec());
    let root = node(&node(&entry("x"), &entry("y")), &entry("z"));
    assert_eq!(mountains::root(&entries)[..], root[..]);
    assert_eq!(mountains::path(&entries, 0), [<[u8; 32]>::from(entry("y")), entry("z").into()]);
    assert_eq!(mountains::root(&[]), [0; 32]);
}

#[test]
fn every_change_of_an_entry_is_refused() {
    let good = store(11).log(&args(5, 3));
    for at in 0..3 {
        for_each_flip(&good.entries[at], |_, flipped| {
            let mut bad = good.clone();
            bad.entries[at] = flipped.into();
            let refused = check(&args(5, 3), &bad);
            assert!(matches!(refused, Err(VerifyError::LogRoot { .. })), "{refused:?}");
        });
    }
}

#[test]
fn every_change_of_a_path_is_refused() {
    let good = store(11).log(&args(5, 3));
    for at in 0..3 {
        for step in 0..good.paths[at].len() {
            let mut bad = good.clone();
            bad.paths[at][step][step] ^= 1;
            assert!(matches!(check(&args(5, 3), &bad), Err(VerifyError::LogRoot { .. })));
            let mut bad = good.clone();
            bad.paths[at].remove(step);
            assert!(matches!(check(&args(5, 3), &bad), Err(VerifyError::LogPath { .. })));
            let mut bad = good.clone();
            bad.paths[at].insert(step, vec![0; 32].into());
            assert!(matches!(check(&args(5, 3), &bad), Err(VerifyError::LogPath { .. })));
            let mut bad = good.clone();
            bad.paths[at][step].pop();
            assert!(matches!(check(&args(5, 3), &bad), Err(VerifyError::LogPath { .. })));
        }
    }
}

#[test]
fn entries_of_other_places_are_refused() {
    let good = store(11).log(&args(5, 3));
    assert!(matches!(
        check(&args(4, 3), &good),
        Err(VerifyError::LogRoot { .. } | VerifyError::LogPath { .. })
    ));
    let mut bad = good.clone();
    bad.entries.swap(0, 1);
    bad.paths.swap(0, 1);
    assert!(check(&args(5, 3), &bad).is_err());
    let mut bad = good.clone();
    bad.entries.remove(1);
    bad.paths.remove(1);
    assert!(check(&args(5, 3), &bad).is_err());
}

#[test]
fn counts_that_do_not_match_are_refused() {
    let store = store(11);
    let good = store.log(&args(5, 3));
    let mut bad = good.clone();
    bad.length = 12;
    assert_eq!(check(&args(5, 3), &bad), Err(VerifyError::LogLength { certified: 11, found: 12 }));
    let mut bad = good.clone();
    bad.paths.pop();
    assert_eq!(check(&args(5, 3), &bad), Err(VerifyError::LogPaths { entries: 3, paths: 2 }));
    assert_eq!(check(&args(5, 2), &good), Err(VerifyError::PageSize { limit: 2, found: 3 }));
    let bad = CertifiedLogPage { entries: vec![], paths: vec![], ..good.clone() };
    let refused = VerifyError::LogEntries { from: 5, entries: 0, length: 11 };
    assert_eq!(check(&args(5, 3), &bad), Err(refused));
    let refused = VerifyError::LogEntries { from: 9, entries: 3, length: 11 };
    assert_eq!(check(&args(9, 3), &good), Err(refused));
    let refused = VerifyError::LogEntries { from: u64::MAX, entries: 3, length: 11 };
    assert_eq!(check(&args(u64::MAX, 3), &good), Err(refused));
}

#[test]
fn the_head_of_the_log_has_its_length() {
    use ic_certified_map::HashTree;
    let store = store(2);
    let shown = |head: HashTree<'static>| {
        let pruned = || HashTree::Pruned([0; 32]);
        let page =
            CertifiedLogPage { proof: store.proof(head, pruned(), pruned()), ..store.log(&args(0, 2)) };
        check(&args(0, 2), &page)
    };
    for bytes in [0, 7, 8, 39, 41] {
        assert_eq!(shown(HashTree::Leaf(vec![0; bytes].into())), Err(VerifyError::LogHead { bytes }));
    }
    let refused = shown(HashTree::Pruned([0; 32]));
    let path = vec![b"log".to_vec()];
    assert_eq!(refused, Err(VerifyError::NotInTree { part: Part::Witness, path }));
}
