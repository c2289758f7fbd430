//! Each function of the System API in each kind of execution: allowed, or refused with the text of a replica.
//!
//! The table is that of the interface specification, for a canister without callbacks and timers.

use crate::common::{Harness, bare, rejected, user};
use embedded_ic::{CallError, Config, EmbeddedIc, UpgradeOptions};

/// `s`tart, `i`nit and post_upgrade, `p`re_upgrade, `u`pdate, `r`eplicated query, `q`uery, `c`omposite query, inspect
/// (`f`, for filter).
const ALL: &str = "sipurqcf";
const BUT_START: &str = "ipurqcf";

/// Name, parameters, result, and where the function may be called.
const FUNCTIONS: &[(&str, &str, &str, &str)] = &[
    ("stable64_size", "", "i64", ALL),
    ("stable64_grow", "i64", "i64", ALL),
    ("stable64_write", "i64 i64 i64", "", ALL),
    ("stable64_read", "i64 i64 i64", "", ALL),
    ("msg_arg_data_size", "", "i32", "iurqcf"),
    ("msg_arg_data_copy", "i32 i32 i32", "", "iurqcf"),
    ("msg_caller_size", "", "i32", BUT_START),
    ("msg_caller_copy", "i32 i32 i32", "", BUT_START),
    ("msg_deadline", "", "i64", "urqc"),
    ("msg_reply_data_append", "i32 i32", "", "urqc"),
    ("msg_reply", "", "", "urqc"),
    ("msg_reject", "i32 i32", "", "urqc"),
    ("msg_reject_code", "", "i32", ""),
    ("msg_reject_msg_size", "", "i32", ""),
    ("msg_reject_msg_copy", "i32 i32 i32", "", ""),
    ("msg_cycles_available128", "i32", "", "ur"),
    ("msg_cycles_refunded128", "i32", "", ""),
    ("msg_cycles_accept128", "i64 i64 i32", "", "ur"),
    ("cycles_burn128", "i64 i64 i32", "", "ipur"),
    ("canister_self_size", "", "i32", BUT_START),
    ("canister_self_copy", "i32 i32 i32", "", BUT_START),
    ("canister_cycle_balance128", "i32", "", BUT_START),
    ("canister_liquid_cycle_balance128", "i32", "", BUT_START),
    ("canister_status", "", "i32", BUT_START),
    ("canister_version", "", "i64", BUT_START),
    ("msg_method_name_size", "", "i32", "f"),
    ("msg_method_name_copy", "i32 i32 i32", "", "f"),
    ("accept_message", "", "", "f"),
    ("certified_data_set", "i32 i32", "", "ipu"),
    ("data_certificate_present", "", "i32", BUT_START),
    ("data_certificate_size", "", "i32", "qc"),
    ("data_certificate_copy", "i32 i32 i32", "", "qc"),
    ("time", "", "i64", BUT_START),
    ("global_timer_set", "i64", "i64", "ipu"),
    ("performance_counter", "i32", "i64", ALL),
    ("is_controller", "i32 i32", "i32", ALL),
    ("in_replicated_execution", "", "i32", ALL),
    ("cost_call", "i64 i64 i32", "", ALL),
    ("root_key_size", "", "i32", "ipur"),
    ("root_key_copy", "i32 i32 i32", "", "ipur"),
    ("subnet_self_size", "", "i32", BUT_START),
    ("subnet_self_copy", "i32 i32 i32", "", BUT_START),
    ("debug_print", "i32 i32", "", ALL),
    ("trap", "i32 i32", "", ALL),
    ("call_new", "i32 i32 i32 i32 i32 i32 i32 i32", "", "uc"),
    ("call_on_cleanup", "i32 i32", "", "uc"),
    ("call_data_append", "i32 i32", "", "uc"),
    ("call_with_best_effort_response", "i32", "", "uc"),
    ("call_cycles_add128", "i64 i64", "", "uc"),
    ("call_perform", "", "i32", "uc"),
];

/// A module in which the function is called, with zeros, in one kind of execution.
fn canister(function: (&str, &str, &str, &str), kind: char) -> Vec<u8> {
    let (name, parameters, result, _) = function;
    let zeros: String = parameters.split_whitespace().map(|ty| format!("({ty}.const 0)")).collect();
    let drop = if result.is_empty() { "" } else { "drop" };
    let declaration = match kind {
        's' => "(start $go)",
        'i' => r#"(export "canister_init" (func $go))"#,
        'p' => r#"(export "canister_pre_upgrade" (func $go))"#,
        'u' => r#"(export "canister_update go" (func $go))"#,
        'r' | 'q' => r#"(export "canister_query go" (func $go))"#,
        'c' => r#"(export "canister_composite_query go" (func $go))"#,
        _ => r#"(export "canister_inspect_message" (func $go)) (func (export "canister_update go"))"#,
    };
    bare(&format!(
        r#"(module (import "ic0" "{name}" (func $it (param {parameters}) (result {result})))
            (memory 1) (func $go (call $it {zeros}) {drop}) {declaration})"#
    ))
}

/// What the execution says; nothing if it ends well.
fn run(function: (&str, &str, &str, &str), kind: char) -> Option<String> {
    let wasm = canister(function, kind);
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let text = |error: CallError| error.reject().unwrap().message.clone();
    let installed = ic.install(&wasm, b"");
    match kind {
        's' | 'i' => return installed.err().map(text),
        _ => installed.unwrap(),
    };
    match kind {
        'p' => ic.upgrade(&wasm, b"", UpgradeOptions::default()).err().map(text),
        'q' | 'c' => ic.ask("go", b"").err().map(text),
        _ => ic.call("go", b"").err().map(text),
    }
}

#[test]
fn functions_are_limited_to_their_contexts() {
    for &function in FUNCTIONS {
        for (kind, mode) in [
            ('s', "start"),
            ('i', "init"),
            ('p', "pre upgrade"),
            ('u', "update"),
            ('r', "replicated query"),
            ('q', "non replicated query"),
            ('c', "composite query"),
            ('f', "inspect message"),
        ] {
            let (name, .., allowed) = function;
            let said = run(function, kind);
            let refusal =
                format!("Canister violated contract: \"ic0_{name}\" cannot be executed in {mode} mode.");
            let refused = said.as_ref().is_some_and(|said| said.ends_with(&refusal));
            assert_eq!(refused, !allowed.contains(kind), "{name} in {mode} mode: {said:?}");
        }
    }
}

#[test]
fn outgoing_calls_are_rejected_with_a_hint() {
    let call_new = *FUNCTIONS.iter().find(|(name, ..)| *name == "call_new").unwrap();
    let said = run(call_new, 'u').unwrap();
    assert!(said.contains("does not support calls; use PocketIC"), "{said}");
}

#[test]
fn is_controller_recognizes_the_controllers() {
    let wasm = bare(
        r#"(module
            (import "ic0" "msg_caller_size" (func $size (result i32)))
            (import "ic0" "msg_caller_copy" (func $copy (param i32 i32 i32)))
            (import "ic0" "is_controller" (func $is (param i32 i32) (result i32)))
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply))
            (memory 1)
            (func (export "canister_query am_i")
                (call $copy (i32.const 0) (i32.const 0) (call $size))
                (i32.store (i32.const 100) (call $is (i32.const 0) (call $size)))
                (call $append (i32.const 100) (i32.const 1))
                (call $reply)))"#,
    );
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&wasm, b"").unwrap();
    let controller = ic.controllers()[0];
    assert_eq!(ic.query(controller, "am_i", b"").unwrap().bytes, [1]);
    assert_eq!(ic.query(user(), "am_i", b"").unwrap().bytes, [0]);
    ic.set_controllers(vec![user()]).unwrap();
    assert_eq!(ic.query(user(), "am_i", b"").unwrap().bytes, [1]);
    assert_eq!(rejected(ic.query(user(), "who", b"")).error_code, "IC0536");
}
