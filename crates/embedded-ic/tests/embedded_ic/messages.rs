//! Updates, queries and inspection: what commits and what leaves no trace.

use crate::common::{Harness, bare, install, install_with, log, module, number, rejected, user};
use embedded_ic::{Config, EmbeddedIc, Limits, RejectCode};

/// A counter in each place that a message can change: heap, a global that is not exported, stable memory and its size.
const EVERYWHERE: &str = r#"
    (global $g (mut i64) (i64.const 0))
    (global $v (mut v128) (v128.const i64x2 1 2))
    (func $bump
        (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
        (global.set $g (i64.add (global.get $g) (i64.const 1)))
        (global.set $v (i64x2.add (global.get $v) (v128.const i64x2 1 1)))
        (drop (call $stable64_grow (i64.const 1)))
        (drop (memory.grow (i32.const 1)))
        (call $stable64_read (i64.const 8) (i64.const 0) (i64.const 8))
        (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
        (call $stable64_write (i64.const 0) (i64.const 8) (i64.const 8))
        (i64.store (i32.const 8) (i64.const 0)))
    (func $state
        (i64.store (i32.const 100) (i64.load (i32.const 0)))
        (i64.store (i32.const 108) (global.get $g))
        (v128.store (i32.const 116) (global.get $v))
        (i64.store (i32.const 132) (call $stable64_size))
        (i64.store (i32.const 140) (i64.extend_i32_u (memory.size)))
        (i64.store (i32.const 148) (i64.const 0))
        (if (i64.ne (call $stable64_size) (i64.const 0)) (then
            (call $stable64_read (i64.const 148) (i64.const 0) (i64.const 8))))
        (call $reply (i32.const 100) (i32.const 56)))
    (func (export "canister_update bump") (call $bump) (call $state))
    (func (export "canister_update bump_and_trap") (call $bump) (unreachable))
    (func (export "canister_update bump_and_ic0_trap") (call $bump) (call $trap (i32.const 200) (i32.const 4)))
    (func (export "canister_update bump_for_ever") (loop (call $bump) (br 0)))
    (func (export "canister_update bump_and_reject") (call $bump) (call $msg_reject (i32.const 200) (i32.const 4)))
    (func (export "canister_update bump_and_say_nothing") (call $bump))
    (func (export "canister_query bump_in_query") (call $bump) (call $state))
    (func (export "canister_query trap_in_query") (call $bump) (unreachable))
    (func (export "canister_query state") (call $state))
    (data (i32.const 200) "bang")"#;

fn everywhere() -> EmbeddedIc {
    // A limit that the endless method reaches soon.
    let mut limits = Limits::default();
    limits.instructions.update = 1_000_000;
    install_with(EVERYWHERE, limits)
}

/// Heap counter, global, vector global (2), stable size, heap size, stable counter.
fn state(ic: &mut EmbeddedIc) -> Vec<u64> {
    let bytes = ic.ask("state", b"").unwrap().bytes;
    bytes.chunks(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap())).collect()
}

fn after(bumps: u64) -> Vec<u64> {
    vec![bumps, bumps, 1 + bumps, 2 + bumps, bumps, 1 + bumps, bumps]
}

#[test]
fn updates_change_heap_globals_and_stable_memory() {
    let mut ic = everywhere();
    assert_eq!(state(&mut ic), after(0));
    for bumps in 1..=3 {
        ic.call("bump", b"").unwrap();
        assert_eq!(state(&mut ic), after(bumps));
    }
    assert_eq!((ic.stable_pages(), ic.heap_pages()), (3, 4));
}

#[test]
fn failed_messages_change_nothing() {
    let mut ic = everywhere();
    ic.call("bump", b"").unwrap();
    for method in ["bump_and_trap", "bump_and_ic0_trap", "bump_for_ever"] {
        ic.call_rejected(method);
        assert_eq!(state(&mut ic), after(1), "{method}");
        assert_eq!((ic.stable_pages(), ic.heap_pages()), (1, 2), "{method}");
    }
    ic.call("bump", b"").unwrap();
    assert_eq!(state(&mut ic), after(2));
}

#[test]
fn a_reject_by_the_canister_commits_its_changes() {
    let mut ic = everywhere();
    let reject = ic.call_rejected("bump_and_reject");
    assert_eq!((reject.code, reject.message.as_str()), (RejectCode::CanisterReject, "bang"));
    assert_eq!(state(&mut ic), after(1));
    let reject = ic.call_rejected("bump_and_say_nothing");
    assert_eq!(reject.error_code, "IC0506");
    assert!(reject.message.ends_with("Canister did not reply to the call."), "{}", reject.message);
    assert_eq!(state(&mut ic), after(2));
}

#[test]
fn queries_change_nothing() {
    let mut ic = everywhere();
    ic.call("bump", b"").unwrap();
    let reply = ic.ask("bump_in_query", b"").unwrap();
    assert_eq!(reply.bytes[..8], 2_u64.to_le_bytes());
    assert_eq!(state(&mut ic), after(1));
    ic.ask_rejected("trap_in_query");
    assert_eq!(state(&mut ic), after(1));
    let reply = ic.call("bump_in_query", b"").unwrap();
    assert_eq!(reply.bytes[..8], 2_u64.to_le_bytes());
    assert_eq!(state(&mut ic), after(1));
}

#[test]
fn reject_messages_match_the_replica() {
    let mut ic = everywhere();
    let id = ic.canister_id();
    for (method, code, text) in [
        ("bump_and_trap", "IC0502", "Canister trapped: unreachable."),
        ("bump_and_ic0_trap", "IC0503", "Canister called `ic0.trap` with message: 'bang'."),
        (
            "bump_for_ever",
            "IC0522",
            "Canister exceeded the limit of 1000000 instructions for single message execution.",
        ),
        ("nothing", "IC0536", "Canister has no update method 'nothing'."),
    ] {
        let reject = ic.call_rejected(method);
        assert_eq!(reject.message, format!("Error from Canister {id}: {text}"));
        assert_eq!((reject.error_code, reject.code), (code, RejectCode::CanisterError));
    }
    assert!(ic.ask_rejected("bump").message.contains("Canister has no query method 'bump'."));
    ic.set_running(false).unwrap();
    let reject = ic.ask_rejected("state");
    assert_eq!(reject.error_code, "IC0508");
    assert!(reject.message.contains(&format!("Canister {id} is not running")), "{}", reject.message);
    ic.set_running(true).unwrap();
    state(&mut ic);
}

#[test]
fn messages_to_an_empty_canister_are_rejected() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    assert!(!ic.is_installed());
    let reject = ic.call_rejected("anything");
    assert_eq!(reject.error_code, "IC0537");
    assert!(reject.message.contains("the canister contains no Wasm module."), "{}", reject.message);
    assert_eq!(ic.ask_rejected("anything").error_code, "IC0537");
    assert_eq!(rejected(ic.upgrade(&module(""), b"", Default::default())).error_code, "IC0537");
}

#[test]
fn inspect_message_accepts_or_rejects_the_message() {
    let mut ic = install(
        r#"(func (export "canister_inspect_message") (local $n i32)
            ;; accepts methods whose names begin with `a`, and traps for those that begin with `t`
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
            (call $msg_method_name_copy (i32.const 8) (i32.const 0) (i32.const 1))
            (if (i32.eq (i32.load8_u (i32.const 8)) (i32.const 97)) (then (call $accept_message)))
            (if (i32.eq (i32.load8_u (i32.const 8)) (i32.const 116)) (then (unreachable))))
        (func $count (call $reply64 (i64.extend_i32_u (i32.load (i32.const 0)))))
        (func (export "canister_update accepted") (call $count))
        (func (export "canister_update refused") (call $count))
        (func (export "canister_update trapping") (call $count))
        (func (export "canister_query query_refused") (call $count))"#,
    );
    assert_eq!(ic.call64("accepted"), 0, "what inspection writes is dropped");
    let reject = ic.call_rejected("refused");
    assert_eq!((reject.error_code, reject.code), ("IC0406", RejectCode::CanisterReject));
    assert!(reject.message.contains("Canister rejected the message"), "{}", reject.message);
    assert!(ic.call_rejected("trapping").message.contains("Canister trapped: unreachable"));
    assert_eq!(ic.call_rejected("query_refused").error_code, "IC0406");
    assert_eq!(ic.ask64("query_refused"), 0, "queries are not inspected");
    assert_eq!(ic.call_rejected("a method that is not there").error_code, "IC0536");
    assert!(ic.logs().is_empty(), "inspection does not reach the log");
}

#[test]
fn arguments_callers_and_replies_are_unchanged() {
    let mut ic = install(
        r#"(func (export "canister_update echo") (call $reply (i32.const 1000) (call $arg)))
        (func (export "canister_query who")
            (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
            (call $reply (i32.const 0) (call $msg_caller_size)))
        (func (export "canister_query when") (call $reply64 (call $time)))"#,
    );
    assert_eq!(ic.call("echo", b"hello").unwrap().bytes, b"hello");
    assert_eq!(ic.call("echo", b"").unwrap().bytes, b"");
    assert_eq!(ic.ask("who", b"").unwrap().bytes, user().as_slice());
    let start = ic.time_ns();
    assert_eq!(ic.ask64("when"), start);
    ic.advance_time(std::time::Duration::from_secs(1));
    assert_eq!(ic.ask64("when"), start + 1_000_000_000);
    ic.set_time_ns(5);
    assert_eq!(ic.ask64("when"), 5);
}

#[test]
fn log_keeps_lines_of_trapped_updates() {
    let mut ic = install(
        r#"(func $say (call $debug_print (i32.const 0) (i32.const 5)))
        (func (export "canister_update talk") (call $say) (call $msg_reply))
        (func (export "canister_update talk_and_trap") (call $say) (call $trap (i32.const 5) (i32.const 4)))
        (func (export "canister_query whisper") (call $say) (call $msg_reply))
        (data (i32.const 0) "hellobang")"#,
    );
    ic.call("talk", b"").unwrap();
    ic.call_rejected("talk_and_trap");
    ic.ask("whisper", b"").unwrap();
    assert_eq!(log(&ic), ["hello", "hello", "[TRAP]: bang"]);
    assert_eq!(ic.logs()[2].index, 2);
}

#[test]
fn version_counts_the_changes_of_the_canister() {
    let mut ic = install(
        r#"(func (export "canister_query version") (call $reply64 (call $canister_version)))
        (func (export "canister_update touch") (call $msg_reply))
        (func (export "canister_update fail") (unreachable))"#,
    );
    let installed = ic.ask64("version");
    assert_eq!(installed, ic.canister_version());
    ic.call("touch", b"").unwrap();
    let touched = ic.ask64("version");
    assert!(touched > installed);
    ic.call_rejected("fail");
    assert_eq!(ic.ask64("version"), touched);
    ic.set_controllers(vec![user()]).unwrap();
    assert_eq!(ic.ask64("version"), touched + 1);
    assert_eq!(ic.controllers(), [user()]);
}

#[test]
fn tables_are_reset_for_each_message() {
    let mut ic = install(
        r#"(table 2 funcref)
        (elem (i32.const 0) $one)
        (elem declare func $two)
        (global $calls (mut i64) (i64.const 0))
        (func $one (result i64) (i64.const 1))
        (func $two (result i64) (i64.const 2))
        (func (export "canister_update switch")
            (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
            (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
            (table.set (i32.const 0) (ref.func $two))
            (call $reply64 (call_indirect (result i64) (i32.const 0))))
        (func (export "canister_query which") (call $reply64 (call_indirect (result i64) (i32.const 0))))
        (func (export "canister_query calls") (call $reply64 (i64.add (global.get $calls) (i64.load (i32.const 0)))))"#,
    );
    assert_eq!(ic.call64("switch"), 2);
    assert_eq!(ic.ask64("which"), 1, "a replica creates new tables for each message");
    assert_eq!(ic.call64("switch"), 2);
    assert_eq!(ic.ask64("calls"), 4, "heap and globals are kept");
}

#[test]
fn composite_queries_are_only_called_as_queries() {
    let mut ic = install(r#"(func (export "canister_composite_query all") (call $reply64 (i64.const 7)))"#);
    assert_eq!(ic.ask64("all"), 7);
    let reject = ic.call_rejected("all");
    assert_eq!(reject.error_code, "IC0527");
}

#[test]
fn a_module_without_memory_runs() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(
        &bare(
            r#"(module (import "ic0" "msg_reply" (func $reply)) (import "ic0" "msg_reply_data_append" (func $a (param i32 i32)))
                (func (export "canister_update go") (call $reply))
                (func (export "canister_update append") (call $a (i32.const 0) (i32.const 0))))"#,
        ),
        b"",
    )
    .unwrap();
    assert_eq!(ic.call("go", b"").unwrap().bytes, b"");
    let reject = ic.call_rejected("append");
    assert!(reject.message.contains("WebAssembly module must define memory"), "{}", reject.message);
    assert_eq!(ic.heap_pages(), 0);
}

#[test]
fn a_host_can_move_to_another_thread() {
    let mut ic = everywhere();
    let mut ic = std::thread::spawn(move || {
        ic.call("bump", b"").unwrap();
        ic
    })
    .join()
    .unwrap();
    assert_eq!(
        number(
            &ic.call("bump_in_query", b"")
                .map(|mut r| {
                    r.bytes.truncate(8);
                    r
                })
                .unwrap()
        ),
        2
    );
}
