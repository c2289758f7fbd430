//! Bad input: every reply is a typed error, and the host continues.

use crate::common::{Harness, bare, install, install_with, module, rejected};
use embedded_ic::{Config, EmbeddedIc, Limits, Reject};

fn refused(wasm: &[u8]) -> Reject {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let reject = rejected(ic.install(wasm, b""));
    assert!(!ic.is_installed());
    reject
}

fn invalid(wasm: &[u8]) -> String {
    let reject = refused(wasm);
    assert_eq!(reject.error_code, "IC0505", "{}", reject.message);
    reject.message
}

#[test]
fn truncated_module_is_rejected() {
    let wasm =
        module(r#"(func (export "canister_update go") (call $msg_reply)) (data (i32.const 0) "data")"#);
    for len in 0..wasm.len() {
        let mut ic = EmbeddedIc::new(Config::default()).unwrap();
        // A module that ends between two sections can be whole.
        if let Err(error) = ic.install(&wasm[..len], b"") {
            assert_eq!(error.reject().unwrap().error_code, "IC0505", "cut at {len}");
        }
    }
    assert!(invalid(b"").contains("Canister's Wasm module is not valid"));
    invalid(b"\0asm");
    invalid(&[0x1f, 0x8b]);
    invalid(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
}

#[test]
fn a_module_with_flipped_bits_never_panics_the_host() {
    let wasm = module(
        r#"(global $g (mut i32) (i32.const 1)) (table 3 funcref) (elem (i32.const 0) $arg)
        (func (export "canister_update go") (call $msg_reply)) (data (i32.const 0) "data")"#,
    );
    for at in 8..wasm.len() {
        for bit in [0, 6] {
            let mut bad = wasm.clone();
            bad[at] ^= 1 << bit;
            let mut limits = Limits::default();
            limits.instructions.update = 1_000_000;
            limits.instructions.install = 1_000_000;
            let mut ic = EmbeddedIc::new(Config::default().with_limits(limits)).unwrap();
            match ic.install(&bad, b"") {
                Ok(_) => drop(ic.call("go", b"")),
                Err(error) => assert!(error.reject().is_some(), "byte {at}, bit {bit}: {error}"),
            }
        }
    }
}

/// Fuzzing found one that panicked the host: the sections of the inner module end beyond the end of the file.
#[test]
fn a_component_is_rejected() {
    let found = [
        b"\0asm\x0d\0\x01\0\x01\xff\x04\0asm\x01\0\0\0\x09\x9f\0m\0\xfd\xa7\x01\0mm\0\xfd\xa7\x01\0m\0\xfd$\x01",
        &b"\0\x94\xbcsm\x01&&\x06&&&&"[..],
    ];
    assert!(invalid(&found.concat()).contains("a component"));
    assert!(invalid(&wat::parse_str("(component)").unwrap()).contains("a component"));
}

#[test]
fn unknown_and_mistyped_imports_are_named_in_the_error() {
    for (import, part) in [
        (r#""ic0" "nothing" (func)"#, "Module imports function 'nothing' from 'ic0' that is not exported"),
        (
            r#""env" "time" (func (result i64))"#,
            "Module imports function 'time' from 'env' that is not exported",
        ),
        (
            r#""ic0" "time" (func (result i32))"#,
            "Module imports function 'time' from 'ic0' with a type other than",
        ),
        (r#""ic0" "msg_reply" (func (param i32))"#, "'msg_reply' from 'ic0' with a type other than"),
        (
            r#""ic0" "stable_write" (func (param i32 i32 i32))"#,
            "'stable_write' from 'ic0' that is not exported",
        ),
        (r#""ic0" "memory" (memory 1)"#, "imports 'memory' from 'ic0', which is not a function"),
        (r#""ic0" "g" (global i32)"#, "imports 'g' from 'ic0', which is not a function"),
        (r#""ic0" "t" (table 1 funcref)"#, "imports 't' from 'ic0', which is not a function"),
    ] {
        let message = invalid(&bare(&format!("(module (import {import}))")));
        assert!(message.contains("invalid import section") && message.contains(part), "{message}");
    }
}

#[test]
fn invalid_exports_are_rejected() {
    for (exports, part) in [
        (r#"(func (export "canister_update a") (export "canister_query a"))"#, "Duplicate function 'a'"),
        (
            r#"(func (export "canister_query a") (export "canister_composite_query a"))"#,
            "Duplicate function 'a'",
        ),
        (r#"(func (export "canister_nonsense"))"#, "Exporting reserved function 'canister_nonsense'"),
        (r#"(func (export "canister_init") (param i32))"#, "Expected no parameters and no results"),
        (r#"(func (export "canister_update a") (result i32) (i32.const 1))"#, "Expected no parameters"),
        (r#"(func (export "embedded-ic:start"))"#, "Exporting reserved name 'embedded-ic:start'"),
        (r#"(global (export "embedded-ic:global:0") i32 (i32.const 1))"#, "Exporting reserved name"),
    ] {
        let message = invalid(&bare(&format!("(module {exports})")));
        assert!(message.contains("invalid export section") && message.contains(part), "{message}");
    }
    let many: String = (0..1_001).map(|n| format!("(func (export \"canister_update {n}\"))")).collect();
    assert!(invalid(&bare(&format!("(module {many})"))).contains("The number of exported functions (1001"));
    let long = format!("(module (func (export \"canister_update {}\")))", "x".repeat(20_001));
    assert!(invalid(&bare(&long)).contains("20001 bytes of names"));
}

#[test]
fn unsupported_wasm_features_are_rejected() {
    for text in [
        "(module (memory i64 1))",
        "(module (memory 1) (memory 1))",
        "(module (memory 1 1 shared))",
        "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))",
        "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        "(module (global (mut funcref) (ref.null func)))",
        "(module (tag))",
    ] {
        let reject = refused(&bare(text));
        assert_eq!(reject.error_code, "IC0505", "{text}: {}", reject.message);
    }
}

#[test]
fn huge_modules_stay_within_bounds() {
    // More locals than wasm allows, as many as it allows, and tables and memories that no host should make.
    invalid(&locals(50_001));
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&locals(49_999), b"").unwrap();
    assert_eq!(refused(&bare("(module (table 2000000 funcref))")).error_code, "IC0521");
    invalid(&bare_unchecked_memory());
    let deep = format!("(module (func {} {}))", "block ".repeat(20_000), "end ".repeat(20_000));
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&bare(&deep), b"").unwrap();
}

/// A module with one function that has this many locals.
fn locals(count: u32) -> Vec<u8> {
    let mut body = vec![1];
    leb(&mut body, count);
    body.extend([0x7e, 0x0b]);
    let mut code = vec![1];
    leb(&mut code, body.len() as u32);
    code.extend(body);
    let mut wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a".to_vec();
    leb(&mut wasm, code.len() as u32);
    wasm.extend(code);
    wasm
}

/// A module whose memory begins with more pages than wasm32 can address.
fn bare_unchecked_memory() -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0\x05\x05\x01\0".to_vec();
    leb(&mut wasm, 65_537);
    wasm
}

fn leb(out: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[test]
fn endless_recursion_is_a_stack_overflow() {
    let mut ic = install(
        r#"(func $f (call $f)) (func (export "canister_update deep") (call $f))
        (func (export "canister_update fine") (call $msg_reply))"#,
    );
    for _ in 0..3 {
        let reject = ic.call_rejected("deep");
        assert!(reject.message.ends_with("Canister trapped: stack overflow."), "{}", reject.message);
        ic.call("fine", b"").unwrap();
    }
}

#[test]
fn traps_have_their_standard_names() {
    let mut ic = install(
        r#"(table 1 funcref)
        (func (export "canister_update load") (drop (i32.load (i32.const 65533))))
        (func (export "canister_update store") (i64.store (i32.const -1) (i64.const 0)))
        (func (export "canister_update fill") (memory.fill (i32.const 65530) (i32.const 0) (i32.const 7)))
        (func (export "canister_update divide") (drop (i32.div_u (i32.const 1) (i32.const 0))))
        (func (export "canister_update overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
        (func (export "canister_update table") (call_indirect (i32.const 1)))
        (func (export "canister_update null") (call_indirect (i32.const 0)))
        (func (export "canister_update stable") (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 1)))"#,
    );
    for (method, name) in [
        ("load", "heap out of bounds"),
        ("store", "heap out of bounds"),
        ("fill", "heap out of bounds"),
        ("divide", "integer division by 0"),
        ("overflow", "unknown"),
        ("table", "table out of bounds"),
        ("null", "unknown"),
        ("stable", "stable memory out of bounds"),
    ] {
        let reject = ic.call_rejected(method);
        assert!(
            reject.message.ends_with(&format!("Canister trapped: {name}.")),
            "{method}: {}",
            reject.message
        );
        assert_eq!(reject.error_code, "IC0502");
    }
}

#[test]
fn a_data_segment_outside_of_memory_fails_the_install() {
    let reject = refused(&bare(r#"(module (memory 1) (data (i32.const 65535) "ab"))"#));
    assert!(reject.message.contains("heap out of bounds"), "{}", reject.message);
    let reject = refused(&bare(r#"(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))"#));
    assert!(reject.message.contains("table out of bounds"), "{}", reject.message);
}

/// Functions of the System API with pointers, their types, and where they may be called: `u`pdate, `q`uery, `i`nspect.
const POINTERS: &[(&str, &str, &str)] = &[
    ("msg_arg_data_copy", "i32 i32 i32", "u"),
    ("msg_caller_copy", "i32 i32 i32", "u"),
    ("msg_reply_data_append", "i32 i32", "u"),
    ("msg_reject", "i32 i32", "u"),
    ("msg_cycles_available128", "i32", "u"),
    ("msg_cycles_accept128", "i64 i64 i32", "u"),
    ("cycles_burn128", "i64 i64 i32", "u"),
    ("canister_self_copy", "i32 i32 i32", "u"),
    ("canister_cycle_balance128", "i32", "u"),
    ("canister_liquid_cycle_balance128", "i32", "u"),
    ("msg_method_name_copy", "i32 i32 i32", "i"),
    ("certified_data_set", "i32 i32", "u"),
    ("data_certificate_copy", "i32 i32 i32", "q"),
    ("cost_call", "i64 i64 i32", "u"),
    ("root_key_copy", "i32 i32 i32", "u"),
    ("subnet_self_copy", "i32 i32 i32", "u"),
    ("stable64_write", "i64 i64 i64", "u"),
    ("stable64_read", "i64 i64 i64", "u"),
    ("debug_print", "i32 i32", "u"),
    ("trap", "i32 i32", "u"),
    ("msg_reject_msg_copy", "i32 i32 i32", "u"),
    ("msg_cycles_refunded128", "i32", "u"),
    ("call_new", "i32 i32 i32 i32 i32 i32 i32 i32", "u"),
    ("call_data_append", "i32 i32", "u"),
];

/// Pointers and lengths at every edge of a heap and of a stable memory of one page.
const EDGES: &[&str] = &["0", "1", "65535", "65536", "65537", "0x7fffffff", "0x80000000", "-1"];

#[test]
fn any_pointer_and_length_is_handled() {
    let mut calls = 0;
    for (name, types, place) in POINTERS {
        let types: Vec<&str> = types.split(' ').collect();
        let (export, helper) = match *place {
            "q" => ("canister_query go", ""),
            "i" => ("canister_inspect_message", r#"(func (export "canister_update go"))"#),
            _ => ("canister_update go", ""),
        };
        // The arguments are taken from the heap, which is written by reading the message's argument, in hidden ways:
        // one method for each combination would be too many to compile, so that the combination comes as globals.
        let parameters: String = types.iter().map(|ty| format!("(param {ty})")).collect();
        let combos = combinations(types.len());
        for chunk in combos.chunks(64) {
            let bodies: String = chunk
                .iter()
                .enumerate()
                .map(|(n, combo)| {
                    let arguments: String =
                        types.iter().zip(combo).map(|(ty, value)| format!("({ty}.const {value})")).collect();
                    let export = if *place == "i" { format!("{n}") } else { format!("{export}{n}") };
                    format!("(func $f{n} (export \"{export}\") (call $it {arguments}))")
                })
                .collect();
            let inspect = if *place == "i" {
                // The first byte of the argument says which function inspection tries.
                let tries: String = (0..chunk.len())
                    .map(|n| {
                        format!(
                            "(if (i32.eq (i32.load8_u (i32.const 0)) (i32.const {n})) (then (call $f{n})))"
                        )
                    })
                    .collect();
                format!(
                    r#"(func (export "canister_inspect_message")
                        (call $arg_copy (i32.const 0) (i32.const 0) (i32.const 1)) {tries})"#
                )
            } else {
                String::new()
            };
            let wasm = bare(&format!(
                r#"(module (import "ic0" "{name}" (func $it {parameters}))
                    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
                    (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
                    (memory (export "memory") 1)
                    (func (export "canister_init") (drop (call $grow (i64.const 1))))
                    {bodies} {inspect} {helper})"#
            ));
            let mut ic = EmbeddedIc::new(Config::default()).unwrap();
            ic.install(&wasm, b"").unwrap();
            for n in 0..chunk.len() {
                let answer = match *place {
                    "q" => ic.ask(&format!("go{n}"), b""),
                    "i" => ic.call("go", &[n as u8]),
                    _ => ic.call(&format!("go{n}"), b"argument"),
                };
                // None of these replies, so that each ends with a reject: of what the pointer is, or of not replying.
                rejected(answer);
                calls += 1;
            }
            assert_eq!((ic.heap_pages(), ic.stable_pages()), (1, 1), "{name}");
        }
    }
    assert!(calls > 3_000, "only {calls} calls");
}

/// Combinations of edges for a number of parameters: all for up to three, a selection for more.
fn combinations(parameters: usize) -> Vec<Vec<&'static str>> {
    if parameters > 3 {
        return EDGES.iter().map(|edge| vec![*edge; parameters]).collect();
    }
    (0..parameters).fold(vec![vec![]], |combos, _| {
        combos
            .iter()
            .flat_map(|combo| {
                EDGES.iter().map(|edge| {
                    let mut longer = combo.clone();
                    longer.push(*edge);
                    longer
                })
            })
            .collect()
    })
}

#[test]
fn lengths_near_2_to_the_64_do_not_wrap() {
    let values =
        ["0", "1", "65536", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808", "-1"];
    let mut bodies = String::new();
    let mut methods = 0;
    for a in values {
        for b in values {
            for c in values {
                for function in ["stable64_write", "stable64_read"] {
                    bodies += &format!(
                        "(func (export \"canister_update {methods}\")
                            (call ${function} (i64.const {a}) (i64.const {b}) (i64.const {c})) (call $msg_reply))"
                    );
                    methods += 1;
                }
            }
        }
    }
    // A canister may export a thousand methods.
    assert!(methods > 1_000);
    let half: Vec<&str> = bodies.split_inclusive("(call $msg_reply))").collect();
    for part in half.chunks(600) {
        let mut ic = install(&format!(
            r#"(func (export "canister_init") (drop (call $stable64_grow (i64.const 1)))) {}"#,
            part.concat()
        ));
        for method in part.iter().map(|text| text.split('"').nth(1).unwrap().split(' ').nth(1).unwrap()) {
            match ic.call(method, b"") {
                Ok(reply) => assert!(reply.instructions < 200_000, "method {method}"),
                Err(error) => {
                    let reject = error.reject().unwrap();
                    assert!(reject.message.contains("out of bounds"), "method {method}: {}", reject.message);
                }
            }
        }
        assert_eq!((ic.heap_pages(), ic.stable_pages()), (1, 1));
    }
}

#[test]
fn a_canister_that_fills_its_log_keeps_4_kib() {
    let mut limits = Limits::default();
    limits.instructions.update = 10_000_000;
    let mut ic = install_with(
        r#"(func (export "canister_update flood") (loop (call $debug_print (i32.const 0) (i32.const 1000)) (br 0)))
        (func (export "canister_update empty_lines") (loop (call $debug_print (i32.const 0) (i32.const 0)) (br 0)))"#,
        limits,
    );
    ic.call_rejected("flood");
    assert!(ic.logs().iter().map(|record| record.bytes.len()).sum::<usize>() <= 4_096);
    ic.call_rejected("empty_lines");
    assert!(ic.logs().len() <= 4_096);
}
