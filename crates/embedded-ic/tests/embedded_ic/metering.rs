//! Instruction counts of modules whose cost is computed by hand: the table of a replica is the reference.
//!
//! Entering a function costs 1. What is not said in a comment costs 1: constants, locals, loads, stores, arithmetic.

use crate::common::{Harness, bare, number, rejected};
use embedded_ic::{Config, EmbeddedIc, Limits, UpgradeOptions};

const PRELUDE: &str = r#"
    (import "ic0" "msg_reply" (func $msg_reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
    (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
    (import "ic0" "stable64_size" (func $stable_size (result i64)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
    (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
    (import "ic0" "is_controller" (func $is_controller (param i32 i32) (result i32)))
    (import "ic0" "debug_print" (func $print (param i32 i32)))
    (import "ic0" "time" (func $time (result i64)))
    (memory (export "memory") 2 10)
    (global $g (mut i64) (i64.const 0))"#;

/// What every method ends with: a call (5) of `msg_reply` (500).
const REPLY: u64 = 505;
/// Entering the method.
const ENTRY: u64 = 1;

fn install(definitions: &str) -> EmbeddedIc {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&bare(&format!("(module {PRELUDE} {definitions})")), b"").unwrap();
    ic
}

/// The instructions of an update whose code is `body`, without entering it and replying.
fn cost(body: &str) -> u64 {
    cost_with(body, "", b"")
}

fn cost_with(body: &str, definitions: &str, arg: &[u8]) -> u64 {
    let mut ic =
        install(&format!("(func (export \"canister_update go\") {body} (call $msg_reply)) {definitions}"));
    ic.call("go", arg).unwrap().instructions - ENTRY - REPLY
}

#[test]
fn an_empty_message_enters_and_replies() {
    assert_eq!(cost(""), 0);
}

#[test]
fn plain_operators() {
    // const + const + add + drop
    assert_eq!(cost("i32.const 1 i32.const 2 i32.add drop"), 4);
    // const + const + div (10) + drop
    assert_eq!(cost("i64.const 7 i64.const 2 i64.rem_u drop"), 13);
    // global.get (2) + global.set (2)
    assert_eq!(cost("global.get $g global.set $g"), 4);
    // const + load + drop; const + const + store
    assert_eq!(cost("i32.const 0 i32.load drop i32.const 0 i32.const 0 i32.store"), 6);
    // nop
    assert_eq!(cost("nop"), 1);
    // v128.const + v128.const + add + drop
    assert_eq!(cost("v128.const i64x2 1 2 v128.const i64x2 1 2 i64x2.add drop"), 4);
}

#[test]
fn vectors() {
    // Each time two consts + operator + drop.
    for (operator, price) in
        [("i64x2.mul", 4), ("i8x16.lt_u", 2), ("f64x2.div", 12), ("f32x4.min", 4), ("v128.xor", 1)]
    {
        let code = format!("v128.const i64x2 1 2 v128.const i64x2 3 4 {operator} drop");
        assert_eq!(cost(&code), 3 + price, "{operator}");
    }
    // const + const + shift + drop
    assert_eq!(cost("v128.const i64x2 1 2 i32.const 1 i64x2.shr_s drop"), 3 + 3);
}

#[test]
fn floats() {
    // Each time const + const + operator + drop.
    for (operator, price) in
        [("f64.add", 2), ("f64.div", 5), ("f64.min", 18), ("f64.lt", 3), ("f64.copysign", 3)]
    {
        assert_eq!(cost(&format!("f64.const 1 f64.const 2 {operator} drop")), 3 + price, "{operator}");
    }
    for (operator, price) in [("f32.mul", 2), ("f32.div", 3), ("f32.max", 18), ("f32.ge", 3)] {
        assert_eq!(cost(&format!("f32.const 1 f32.const 2 {operator} drop")), 3 + price, "{operator}");
    }
    // Each time const + operator + drop.
    for (operand, operator, price) in [
        ("f64.const 4", "f64.sqrt", 8),
        ("f32.const 4", "f32.sqrt", 5),
        ("f64.const 4", "f64.neg", 1),
        ("i32.const 4", "f64.convert_i32_s", 3),
        ("i64.const 4", "f64.convert_i64_u", 16),
        ("f64.const 4", "i32.trunc_f64_s", 20),
        ("f32.const 4", "i64.trunc_sat_f32_u", 20),
        ("i64.const 4", "f64.reinterpret_i64", 1),
    ] {
        assert_eq!(cost(&format!("{operand} {operator} drop")), 2 + price, "{operator}");
    }
}

#[test]
fn control_flow() {
    // block and end are free; br (2)
    assert_eq!(cost("block br 0 end"), 2);
    // const + if (2) + nop, not the else branch
    assert_eq!(cost("i32.const 1 if nop else nop nop nop end"), 4);
    // const + if (2) + three nops
    assert_eq!(cost("i32.const 0 if nop else nop nop nop end"), 6);
    // const + br_table (2)
    assert_eq!(cost("block i32.const 3 br_table 0 0 end"), 3);
    // const + local.set, then ten times: local.get + const + sub + local.tee + br_if (2)
    assert_eq!(
        cost(
            "(local $i i32) i32.const 10 local.set $i loop local.get $i i32.const 1 i32.sub local.tee $i br_if 0 end"
        ),
        2 + 10 * 6
    );
}

#[test]
fn calls() {
    // call (5) + entry (1), three times as the functions call each other
    assert_eq!(cost_with("call $a", "(func $a call $b) (func $b call $c) (func $c)", b""), 18);
    // const + call_indirect (10) + entry (1)
    let table = "(table funcref (elem $a)) (func $a)";
    assert_eq!(cost_with("i32.const 0 call_indirect", table, b""), 12);
    // A host function has no entry: call (5) + time (500) + drop
    assert_eq!(cost("call $time drop"), 506);
}

#[test]
fn memory() {
    // memory.size (20) + drop
    assert_eq!(cost("memory.size drop"), 21);
    // const + memory.grow (300) + drop, whether it succeeds or not
    assert_eq!(cost("i32.const 1 memory.grow drop"), 302);
    assert_eq!(cost("i32.const 100 memory.grow drop"), 302);
    // Three consts + fill (100) + 1 for each byte
    assert_eq!(cost("i32.const 0 i32.const 7 i32.const 1000 memory.fill"), 3 + 100 + 1_000);
    assert_eq!(cost("i32.const 0 i32.const 7 i32.const 0 memory.fill"), 3 + 100);
    assert_eq!(cost("i32.const 0 i32.const 7 i32.const 70000 memory.copy"), 3 + 100 + 70_000);
    let data = "(data $d \"0123456789\")";
    assert_eq!(cost_with("i32.const 0 i32.const 1 i32.const 9 memory.init $d", data, b""), 3 + 100 + 9);
}

#[test]
fn stable_memory() {
    // const + call (5) + grow (100) + drop
    let grow = 107;
    assert_eq!(cost("i64.const 10 call $grow drop"), grow);
    // call (5) + size (0) + drop
    assert_eq!(cost("call $stable_size drop"), 6);
    // Three consts + call (5) + write (20) + 1 for each byte + 1,000 for each page that is new
    let write = |offset: u64, len: u64| format!("i64.const {offset} i64.const 0 i64.const {len} call $write");
    let base = 3 + 5 + 20;
    let after_grow = |code: &str| cost(&format!("i64.const 10 call $grow drop {code}")) - grow;
    assert_eq!(after_grow(&write(0, 0)), base);
    assert_eq!(after_grow(&write(4_095, 1)), base + 1 + 1_000);
    assert_eq!(after_grow(&write(4_095, 2)), base + 2 + 2_000);
    assert_eq!(after_grow(&write(0, 65_536)), base + 65_536 + 16_000);
    assert_eq!(after_grow(&format!("{} {}", write(0, 100), write(50, 100))), 2 * base + 200 + 1_000);
    // Three consts + call (5) + read (20) + 1 for each byte, and nothing for pages
    let read = "i64.const 0 i64.const 0 i64.const 9000 call $read";
    assert_eq!(after_grow(read), base + 9_000);
}

#[test]
fn pages_are_charged_again_in_the_next_message() {
    let mut ic = install(
        r#"(func (export "canister_init") (drop (call $grow (i64.const 1))))
        (func (export "canister_update go")
            i64.const 0 i64.const 0 i64.const 8 call $write call $msg_reply)"#,
    );
    for _ in 0..3 {
        assert_eq!(ic.call("go", b"").unwrap().instructions, ENTRY + 3 + 5 + 20 + 8 + 1_000 + REPLY);
    }
}

#[test]
fn messages() {
    // call (5) + size (500) + drop
    assert_eq!(cost_with("call $arg_size drop", "", &[0; 50]), 506);
    // Three consts + call (5) + copy (500) + 1 for each byte
    assert_eq!(cost_with("i32.const 0 i32.const 10 i32.const 40 call $arg_copy", "", &[0; 50]), 3 + 505 + 40);
    // Two consts + call (5) + append (500) + 50 for each byte
    assert_eq!(cost("i32.const 0 i32.const 100 call $append"), 2 + 505 + 5_000);
    // Two consts + call (5) + is_controller (1,000) + 1 for each byte + drop
    assert_eq!(cost("i32.const 0 i32.const 10 call $is_controller drop"), 2 + 5 + 1_010 + 1);
    // Two consts + call (5) + debug_print (100) + 2 for each byte that is kept + 50 for each that is sent
    assert_eq!(cost("i32.const 0 i32.const 10 call $print"), 2 + 5 + 100 + 20 + 500);
    // The ring has room for 4,096 bytes: two prints of 3,000 send 3,000 and 1,096.
    let print = "i32.const 0 i32.const 3000 call $print";
    assert_eq!(cost(&format!("{print} {print}")), 2 * (7 + 100 + 6_000) + 50 * 4_096);
}

#[test]
fn storing_an_argument_costs_2244_for_a_thousand_bytes() {
    let mut ic = install(
        r#"(func (export "canister_init") (drop (call $grow (i64.const 10))))
        (func (export "canister_update store")
            (call $arg_copy (i32.const 0) (i32.const 0) (call $arg_size))
            (call $write (i64.const 0) (i64.const 0) (i64.extend_i32_u (call $arg_size)))
            (call $msg_reply))"#,
    );
    let bytes = 31 * 4_096;
    let instructions = ic.call("store", &vec![1; bytes]).unwrap().instructions;
    // Entry; 2 consts, size 505, copy 505; 2 consts, size 505, extend, write 25; reply; then copy 1, write 1, pages.
    let fixed = 1 + 2 + 505 + 505 + 2 + 505 + 1 + 25 + 505;
    assert_eq!(instructions, fixed + 2 * bytes as u64 + 31_000);
}

#[test]
fn counter_includes_the_whole_segment() {
    let mut ic = install(
        r#"(func (export "canister_update first")
            i32.const 0
            i32.const 0
            call $counter       ;; up to here 1 + 1 + 1 + 5 + 200, then i64.store 1 + 2 consts + append 5 + reply 5
            i64.store
            i32.const 0
            i32.const 8
            call $append
            call $msg_reply)
        (func (export "canister_update after_a_branch")
            nop nop nop
            block br 0 end
            i32.const 0
            i32.const 0
            call $counter
            i64.store
            i32.const 0
            i32.const 8
            call $append
            call $msg_reply)
        (func $inner (result i64)
            i32.const 0
            call $counter       ;; followed by 3 in this segment
            nop nop nop)
        (func (export "canister_update nested")
            i32.const 0
            call $inner         ;; followed by 13 in this segment
            i64.store
            i32.const 0
            i32.const 8
            call $append
            call $msg_reply)"#,
    );
    assert_eq!(number(&ic.call("first", b"").unwrap()), 1 + 2 + 5 + 200 + 13);
    assert_eq!(number(&ic.call("after_a_branch", b"").unwrap()), 1 + 3 + 2 + 2 + 5 + 200 + 13);
    assert_eq!(number(&ic.call("nested", b"").unwrap()), 1 + 1 + 5 + 1 + 1 + 5 + 200 + 3 + 13);
    // The whole message does not count anything twice: the host functions' own charges come on top.
    let whole = ic.call("first", b"").unwrap().instructions;
    assert_eq!(whole, 1 + 2 + 5 + 200 + 13 + 500 + 50 * 8 + 500);
}

#[test]
fn an_unknown_counter_is_a_violation() {
    let mut ic = install(
        r#"(func (export "canister_update one") (drop (call $counter (i32.const 1))) (call $msg_reply))
        (func (export "canister_update two") (drop (call $counter (i32.const 2))) (call $msg_reply))"#,
    );
    ic.call("one", b"").unwrap();
    let reject = ic.call_rejected("two");
    assert_eq!(reject.error_code, "IC0504");
    assert!(reject.message.contains("Error getting performance counter type 2"), "{}", reject.message);
}

#[test]
fn failed_messages_are_counted() {
    let mut ic = install(r#"(func (export "canister_update go") call $time drop unreachable)"#);
    // Entry, call and time 505, drop, unreachable
    assert_eq!(ic.call_rejected("go").instructions, 1 + 505 + 1 + 1);
}

#[test]
fn an_upgrade_sums_its_phases() {
    let wasm = bare(&format!(
        r#"(module {PRELUDE}
            (func $start nop)
            (start $start)
            (func (export "canister_init") nop nop)
            (func (export "canister_pre_upgrade") nop nop nop)
            (func (export "canister_post_upgrade") nop nop nop nop))"#
    ));
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let done = ic.install(&wasm, b"").unwrap();
    assert_eq!((done.start, done.init, done.instructions), (2, 3, 5));
    let done = ic.upgrade(&wasm, b"", UpgradeOptions::default()).unwrap();
    assert_eq!((done.pre_upgrade, done.start, done.post_upgrade, done.instructions), (4, 2, 5, 11));
    let mut limits = Limits::default();
    limits.instructions.install = 10;
    let mut ic = EmbeddedIc::new(Config::default().with_limits(limits.clone())).unwrap();
    ic.install(&wasm, b"").unwrap();
    let reject = rejected(ic.upgrade(&wasm, b"", UpgradeOptions::default()));
    assert!(reject.message.contains("the limit of 10 instructions"), "{}", reject.message);
    limits.instructions.install = 11;
    let mut ic = EmbeddedIc::new(Config::default().with_limits(limits)).unwrap();
    ic.install(&wasm, b"").unwrap();
    ic.upgrade(&wasm, b"", UpgradeOptions::default()).unwrap();
}
