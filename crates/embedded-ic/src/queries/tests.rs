//! Commits that wait for queries.

use std::sync::{Mutex, PoisonError};
use std::thread;

use candid::Principal;

use super::gate::MAX_OLD_PAGES;
use crate::config::{Config, UpgradeOptions};
use crate::host::EmbeddedIc;
use crate::limits::OS_PAGE_BYTES;
use crate::outcome::Reply;

/// `fill` writes to as many pages of stable memory as can be kept, and to one more; `small` writes to one. `pause` reads a
/// number, prints, and reads another one.
fn wasm() -> Vec<u8> {
    let pages = MAX_OLD_PAGES + 1;
    wat::parse_str(format!(
        r#"(module
            (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
            (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
            (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
            (import "ic0" "debug_print" (func $print (param i32 i32)))
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply))
            (memory (export "memory") 1)
            (global $count (mut i64) (i64.const 0))
            (func $fill (param $pages i64) (local $page i64)
                (global.set $count (i64.add (global.get $count) (i64.const 1)))
                (i64.store (i32.const 0) (global.get $count))
                (loop $next
                    (call $write (i64.mul (local.get $page) (i64.const {OS_PAGE_BYTES})) (i64.const 0) (i64.const 8))
                    (local.set $page (i64.add (local.get $page) (i64.const 1)))
                    (br_if $next (i64.lt_u (local.get $page) (local.get $pages)))))
            (func (export "canister_init")
                (drop (call $grow (i64.const {}))) (call $fill (i64.const {pages})))
            (func (export "canister_update fill") (call $fill (i64.const {pages})) (call $reply))
            (func (export "canister_update small") (call $fill (i64.const 1)) (call $reply))
            (func $see (param $at i64)
                (call $read (i64.const 100) (local.get $at) (i64.const 8)) (call $append (i32.const 100) (i32.const 1)))
            (func (export "canister_query pause")
                (call $see (i64.const 0))
                (call $print (i32.const 0) (i32.const 0))
                (call $see (i64.const {}))
                (call $reply)))"#,
        pages.div_ceil(16),
        MAX_OLD_PAGES as u64 * OS_PAGE_BYTES,
    ))
    .unwrap()
}

/// Held by a test while its query is not to continue.
static PAUSES: [Mutex<()>; 3] = [const { Mutex::new(()) }; 3];

fn pause<const N: usize>(_line: &[u8]) {
    drop(PAUSES[N].lock().unwrap_or_else(PoisonError::into_inner));
}

/// Runs a change of the host while a query is in the canister. The query continues when the change waits for it, or has ended.
/// Asserts which of the two happened. Returns the reply to the query.
fn beside_a_query<const N: usize>(waits: bool, change: impl FnOnce(&mut EmbeddedIc) + Send) -> Reply {
    let mut ic = EmbeddedIc::new(Config::default().with_query_print(pause::<N>)).unwrap();
    ic.install(&wasm(), b"").unwrap();
    let queries = ic.queries();
    let held = PAUSES[N].lock().unwrap();
    thread::scope(|scope| {
        let query = scope.spawn(|| queries.query(Principal::anonymous(), "pause", b"").unwrap());
        while queries.running() == 0 {
            thread::yield_now();
        }
        // The host is dropped later, which waits for the query, too.
        let changing = scope.spawn(|| change(&mut ic));
        while !changing.is_finished() && !queries.gate.has_waited() {
            thread::yield_now();
        }
        assert_eq!(queries.gate.has_waited(), waits);
        drop(held);
        changing.join().unwrap();
        query.join().unwrap()
    })
}

#[test]
fn a_commit_waits_if_too_many_old_pages_would_be_kept() {
    let fill = |ic: &mut EmbeddedIc| drop(ic.update(Principal::anonymous(), "fill", b"").unwrap());
    assert_eq!(beside_a_query::<0>(true, fill).bytes, [1, 1]);
}

#[test]
fn a_commit_does_not_wait_for_few_old_pages() {
    let small = |ic: &mut EmbeddedIc| {
        for _ in 0..100 {
            ic.update(Principal::anonymous(), "small", b"").unwrap();
        }
    };
    assert_eq!(beside_a_query::<1>(false, small).bytes, [1, 1]);
}

#[test]
fn an_upgrade_waits_for_queries() {
    let upgrade = |ic: &mut EmbeddedIc| {
        ic.upgrade(&wasm(), b"", UpgradeOptions::default()).unwrap();
    };
    assert_eq!(beside_a_query::<2>(true, upgrade).bytes, [1, 1]);
}
