//! Queries that run on other threads, beside each other and beside updates.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{Harness, bare, log, module, number, rejected, user};
use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, HostError, Limits, Queries, SyncPolicy, UpgradeOptions};

/// Each `change` increments numbers in two pages of the heap, in two of stable memory, and in a global, and writes to the last pages of both
/// memories, which grow with each fourth change. `look` replies with all of them, and prints between the first and the others.
const CANISTER: &str = r#"
    (global $count (mut i64) (i64.const 0))
    (data (i32.const 3000) "in the middle")
    (func (export "canister_init") (drop (call $stable64_grow (i64.const 2))))
    (func $stable (param $at i64) (result i64)
        (call $stable64_read (i64.const 800) (local.get $at) (i64.const 8))
        (i64.load (i32.const 800)))
    (func $set_stable (param $at i64) (param $value i64)
        (i64.store (i32.const 800) (local.get $value))
        (call $stable64_write (local.get $at) (i64.const 800) (i64.const 8)))
    (func $change
        (global.set $count (i64.add (global.get $count) (i64.const 1)))
        (i64.store (i32.const 8200) (global.get $count))
        (i64.store (i32.const 40000) (global.get $count))
        (call $set_stable (i64.const 4092) (global.get $count))
        (call $set_stable (i64.const 100000) (global.get $count))
        (if (i64.eq (i64.and (global.get $count) (i64.const 3)) (i64.const 1)) (then
            (drop (memory.grow (i32.const 1)))
            (drop (call $stable64_grow (i64.const 1)))))
        (i64.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)) (global.get $count))
        (call $set_stable (i64.sub (i64.mul (call $stable64_size) (i64.const 65536)) (i64.const 8)) (global.get $count)))
    (func (export "canister_update change") (call $change) (call $reply64 (global.get $count)))
    (func $add (param i64) (i64.store (i32.const 900) (local.get 0)) (call $msg_reply_data_append (i32.const 900) (i32.const 8)))
    ;; The count, if a memory of `first` pages has grown with each fourth change.
    (func $if_grown (param $pages i64) (param $first i64) (result i64)
        (i64.add (global.get $count) (i64.sub
            (i64.sub (local.get $pages) (local.get $first))
            (i64.shr_u (i64.add (global.get $count) (i64.const 3)) (i64.const 2)))))
    (func $look (param $pauses i32)
        (call $add (i64.load (i32.const 8200)))
        (call $add (call $stable (i64.const 4092)))
        (if (local.get $pauses) (then (call $debug_print (i32.const 3000) (i32.const 13))))
        (call $add (i64.load (i32.const 40000)))
        (call $add (call $stable (i64.const 100000)))
        (call $add (global.get $count))
        (call $add (call $if_grown (i64.extend_i32_u (memory.size)) (i64.const 1)))
        (call $add (call $if_grown (call $stable64_size) (i64.const 2)))
        (call $msg_reply))
    (func (export "canister_query look") (call $look (i32.const 0)))
    (func (export "canister_query pause") (call $look (i32.const 1)))
    (func (export "canister_query spoil") (call $change) (call $change) (call $look (i32.const 0)))
    (func (export "canister_query fail") (call $change) (call $debug_print (i32.const 3000) (i32.const 13)) (unreachable))
    (func (export "canister_query loop") (loop (br 0)))"#;

/// How long a test waits for another thread before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A point that the queries of a test reach, where they wait until it is open.
struct Point {
    /// Numbers of those that have reached it and that have left it, and whether it is open.
    state: Mutex<(usize, usize, bool)>,
    changed: Condvar,
    most: AtomicUsize,
}

static POINTS: [Point; 8] = [const {
    Point { state: Mutex::new((0, 0, false)), changed: Condvar::new(), most: AtomicUsize::new(0) }
}; 8];

/// Called by the queries of test `N` when they print.
fn pause<const N: usize>(line: &[u8]) {
    assert_eq!(line, b"in the middle");
    let point = &POINTS[N];
    let mut state = point.state.lock().unwrap();
    state.0 += 1;
    point.most.fetch_max(state.0 - state.1, Ordering::Relaxed);
    point.changed.notify_all();
    // A query that is never released panics, so that the test fails instead of hanging.
    let (mut state, waited) = point.changed.wait_timeout_while(state, PATIENCE, |state| !state.2).unwrap();
    state.1 += 1;
    drop(state);
    assert!(!waited.timed_out(), "the query was not released");
}

impl Point {
    fn wait_for(&self, number: usize) {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.0 < number).unwrap().1;
        assert!(!waited.timed_out(), "{number} queries are not in the canister at the same time");
    }

    fn open(&self) {
        self.state.lock().unwrap().2 = true;
        self.changed.notify_all();
    }
}

/// A host in memory whose queries pause at point `N`.
fn host<const N: usize>() -> EmbeddedIc {
    installed(EmbeddedIc::new(Config::default().with_query_print(pause::<N>)).unwrap())
}

fn installed(mut ic: EmbeddedIc) -> EmbeddedIc {
    ic.install(&module(CANISTER), b"").unwrap();
    ic
}

/// The numbers that `look` and its like reply with.
fn ask(queries: &Queries, method: &str) -> Result<Vec<u64>, CallError> {
    let reply = queries.query(user(), method, b"")?;
    Ok(reply.bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

#[test]
fn two_queries_are_in_the_canister_at_the_same_time() {
    let ic = host::<0>();
    let queries = ic.queries();
    thread::scope(|scope| {
        let two = [(); 2].map(|()| scope.spawn(|| ask(&queries, "pause").unwrap()));
        POINTS[0].wait_for(2);
        assert_eq!(queries.running(), 2);
        // Others are answered meanwhile.
        assert_eq!(ask(&queries, "look").unwrap(), [0; 7]);
        POINTS[0].open();
        for query in two {
            assert_eq!(query.join().unwrap(), [0; 7]);
        }
    });
    assert_eq!(queries.running(), 0);
}

/// Updates are committed while a query runs, which sees none of them; later queries see all of them.
fn a_query_keeps_its_snapshot<const N: usize>(mut ic: EmbeddedIc) {
    let queries = ic.queries();
    ic.call64("change");
    thread::scope(|scope| {
        let first = scope.spawn(|| ask(&queries, "pause").unwrap());
        POINTS[N].wait_for(1);
        for count in 2..5 {
            assert_eq!(ic.call64("change"), count);
            assert_eq!(ask(&queries, "look").unwrap(), [count; 7]);
        }
        let second = scope.spawn(|| ask(&queries, "pause").unwrap());
        POINTS[N].wait_for(2);
        assert_eq!(ic.call64("change"), 5);
        POINTS[N].open();
        assert_eq!(first.join().unwrap(), [1; 7]);
        assert_eq!(second.join().unwrap(), [4; 7]);
    });
    for _ in 0..2 * queries.max_concurrent() {
        assert_eq!(ask(&queries, "look").unwrap(), [5; 7]);
    }
}

#[test]
fn a_query_keeps_its_snapshot_in_memory() {
    a_query_keeps_its_snapshot::<1>(host::<1>());
}

#[test]
fn a_query_keeps_its_snapshot_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let config = Config::default().with_query_print(pause::<2>);
    a_query_keeps_its_snapshot::<2>(installed(EmbeddedIc::create_dir(&path, config.clone()).unwrap()));
    // The first message after the folder was opened is a query.
    let ic = EmbeddedIc::open_dir(&path, config).unwrap();
    assert_eq!(ask(&ic.queries(), "look").unwrap(), [5; 7]);
}

/// Queries beside updates never see a part of an update, nor a state older than the last answered update.
fn queries_are_never_torn_or_stale(mut ic: EmbeddedIc) {
    const CHANGES: u64 = 150;
    let queries = ic.queries();
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let least = answered.load(Ordering::SeqCst);
                    let seen = ask(&queries, "look").unwrap();
                    assert!(
                        seen.iter().all(|number| *number == seen[0]) && seen[0] >= least,
                        "{least}: {seen:?}"
                    );
                    let spoiled = ask(&queries, "spoil").unwrap();
                    assert!(spoiled.iter().all(|number| *number == spoiled[0]) && spoiled[0] >= least + 2);
                    if least == CHANGES {
                        break;
                    }
                }
            });
        }
        for _ in 0..CHANGES {
            answered.store(ic.call64("change"), Ordering::SeqCst);
        }
    });
    assert_eq!(
        ic.query(user(), "look", b"").unwrap().bytes,
        queries.query(user(), "look", b"").unwrap().bytes
    );
}

#[test]
fn queries_are_never_torn_or_stale_in_memory() {
    queries_are_never_torn_or_stale(installed(EmbeddedIc::new(Config::default()).unwrap()));
}

#[test]
fn queries_are_never_torn_or_stale_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::default().with_sync(SyncPolicy::Checkpoint);
    queries_are_never_torn_or_stale(installed(
        EmbeddedIc::create_dir(&folder.path().join("state"), config).unwrap(),
    ));
}

#[test]
fn effects_of_a_query_are_dropped() {
    let mut ic = host::<3>();
    POINTS[3].open();
    let queries = ic.queries();
    ic.call64("change");
    for _ in 0..2 * queries.max_concurrent() {
        assert_eq!(ask(&queries, "spoil").unwrap(), [3; 7]);
        assert_eq!(ask(&queries, "look").unwrap(), [1; 7]);
    }
    assert!(log(&ic).is_empty());
}

#[test]
fn a_query_that_traps_affects_no_other() {
    let mut ic = host::<4>();
    let queries = ic.queries();
    ic.call64("change");
    thread::scope(|scope| {
        let (failing, other) = (
            scope.spawn(|| rejected(ask(&queries, "fail"))),
            scope.spawn(|| ask(&queries, "pause").unwrap()),
        );
        POINTS[4].wait_for(2);
        POINTS[4].open();
        assert_eq!(failing.join().unwrap().error_code, "IC0502");
        assert_eq!(other.join().unwrap(), [1; 7]);
    });
    for _ in 0..2 * queries.max_concurrent() {
        assert_eq!(rejected(ask(&queries, "fail")).error_code, "IC0502");
        assert_eq!(ask(&queries, "look").unwrap(), [1; 7]);
    }
    assert_eq!(ic.call64("change"), 2);
    assert_eq!(ask(&queries, "look").unwrap(), [2; 7]);
    assert!(log(&ic).is_empty());
}

#[test]
fn the_number_of_concurrent_queries_is_limited() {
    let ic = host::<5>();
    let queries = ic.queries();
    let most = queries.max_concurrent();
    assert!(most >= 4);
    thread::scope(|scope| {
        for _ in 0..3 * most {
            scope.spawn(|| assert_eq!(ask(&queries, "pause").unwrap(), [0; 7]));
        }
        POINTS[5].wait_for(most);
        assert_eq!(queries.running(), most);
        POINTS[5].open();
    });
    assert_eq!(POINTS[5].most.load(Ordering::Relaxed), most);
}

#[test]
fn a_stopped_canister_ends_its_queries_and_starts_none() {
    let mut ic = host::<6>();
    let queries = ic.queries();
    thread::scope(|scope| {
        let paused = scope.spawn(|| ask(&queries, "pause").unwrap());
        POINTS[6].wait_for(1);
        ic.set_running(false).unwrap();
        assert_eq!(rejected(ask(&queries, "look")).error_code, "IC0508");
        ic.set_running(true).unwrap();
        assert_eq!(ask(&queries, "look").unwrap(), [0; 7]);
        POINTS[6].open();
        assert_eq!(paused.join().unwrap(), [0; 7]);
    });
}

#[test]
fn an_image_is_imported_beside_a_query() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let mut ic = host::<7>();
    let queries = ic.queries();
    ic.call64("change");
    ic.export_stable(&image).unwrap();
    ic.call64("change");
    thread::scope(|scope| {
        let paused = scope.spawn(|| ask(&queries, "pause").unwrap());
        POINTS[7].wait_for(1);
        ic.import_stable(&image).unwrap();
        ic.call64("change");
        assert_eq!(ask(&queries, "look").unwrap(), [3; 7]);
        POINTS[7].open();
        assert_eq!(paused.join().unwrap(), [2; 7]);
    });
}

/// Updates, upgrades and reinstallations while queries run: each answer is that of one of the modules.
#[test]
fn modules_are_replaced_beside_queries() {
    let version = |number: i32| {
        module(&format!(
            r#"(func (export "canister_query version")
                (i64.store (i32.const 50000) (i64.add (i64.load (i32.const 50000)) (i64.const {number})))
                (call $reply64 (i64.load (i32.const 50000))))"#
        ))
    };
    let versions = [version(1), version(2)];
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let queries = ic.queries();
    assert_eq!(rejected(queries.query(user(), "version", b"")).error_code, "IC0537");
    ic.install(&versions[0], b"").unwrap();
    let installed = AtomicU64::new(1);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while installed.load(Ordering::SeqCst) != 0 {
                    let seen = number(&queries.query(user(), "version", b"").unwrap());
                    assert!((1..=2).contains(&seen), "{seen}");
                }
            });
        }
        for at in 0..40 {
            let wasm = &versions[(at + 1) % 2];
            match at % 4 {
                0 | 1 => ic.upgrade(wasm, b"", UpgradeOptions::default()).unwrap(),
                _ => ic.reinstall(wasm, b"").unwrap(),
            };
            let expected = ((at + 1) % 2 + 1) as u64;
            assert_eq!(number(&queries.query(user(), "version", b"").unwrap()), expected);
        }
        installed.store(0, Ordering::SeqCst);
    });
}

#[test]
fn a_closed_host_refuses_queries() {
    let ic = installed(EmbeddedIc::new(Config::default()).unwrap());
    let queries = ic.queries();
    assert_eq!(ask(&queries, "look").unwrap(), [0; 7]);
    ic.close().unwrap();
    assert!(matches!(ask(&queries, "look"), Err(CallError::Host(HostError::Closed))));
}

#[test]
fn counts_limits_and_errors_are_those_of_the_host() {
    let mut limits = Limits::default();
    limits.instructions.query = 1_000_000;
    limits.ingress_bytes = 100;
    let mut ic = installed(EmbeddedIc::new(Config::default().with_limits(limits)).unwrap());
    let queries = ic.queries();
    for method in ["look", "spoil"] {
        assert_eq!(queries.query(user(), method, b"").unwrap(), ic.query(user(), method, b"").unwrap());
    }
    for (method, arg) in
        [("loop", &[][..]), ("fail", &[]), ("none", &[]), ("change", &[]), ("look", &[0; 101])]
    {
        let expected = rejected(ic.query(user(), method, arg));
        assert_eq!(rejected(queries.query(user(), method, arg)), expected, "{method}");
    }
}

#[test]
fn queries_have_data_certificates_and_the_given_time() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let wasm = module(
        r#"(data (i32.const 2000) "certified")
        (func (export "canister_update certify") (call $certified_data_set (i32.const 2000) (i32.const 9)) (call $msg_reply))
        (func (export "canister_query time") (call $reply64 (call $time)))
        (func (export "canister_query certificate")
            (drop (call $data_certificate_present))
            (call $data_certificate_copy (i32.const 3000) (i32.const 0) (call $data_certificate_size))
            (call $reply (i32.const 3000) (call $data_certificate_size)))"#,
    );
    ic.install(&wasm, b"").unwrap();
    let queries = ic.queries();
    ic.call("certify", b"").unwrap();
    let certificate = queries.query(user(), "certificate", b"").unwrap().bytes;
    assert!(certificate.windows(9).any(|part| part == b"certified"));
    let now = ic.time_ns();
    for (given, seen) in [(0, now), (now - 1, now), (now + 5, now + 5)] {
        assert_eq!(number(&queries.query_at(given, user(), "time", b"").unwrap()), seen);
    }
    assert_eq!(number(&queries.query(user(), "time", b"").unwrap()), now);
    ic.advance_time(Duration::from_nanos(7));
    assert_eq!(number(&queries.query(user(), "time", b"").unwrap()), now + 7);
}

/// A module that changes its tables gets a new instance for each query.
#[test]
fn tables_are_those_of_the_module() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let wasm = bare(
        r#"(module
            (import "ic0" "msg_reply" (func $reply))
            (import "ic0" "trap" (func $trap (param i32 i32)))
            (table 2 funcref)
            (memory (export "memory") 1)
            (elem (i32.const 0) $answer)
            (elem declare func $fail)
            (func $answer (call $reply))
            (func $fail (call $trap (i32.const 0) (i32.const 0)))
            (func (export "canister_query ask")
                (call_indirect (i32.const 0))
                (table.set (i32.const 0) (ref.func $fail))))"#,
    );
    ic.install(&wasm, b"").unwrap();
    let queries = ic.queries();
    for _ in 0..3 {
        assert_eq!(queries.query(Principal::anonymous(), "ask", b"").unwrap().bytes, b"");
    }
}
