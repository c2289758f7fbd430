//! Each limit on both sides of its edge, with the text of a replica.

use crate::common::{Harness, bare, install, install_with, module, number, rejected, user};
use embedded_ic::{Config, EmbeddedIc, HostError, Limits, PerMessage, Reject, RejectCode};

/// Default limits with a change.
fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn of_module(wasm: &[u8], limits: Limits) -> Result<EmbeddedIc, Reject> {
    let mut ic = EmbeddedIc::new(Config::default().with_limits(limits)).unwrap();
    match ic.install(wasm, b"") {
        Ok(_) => Ok(ic),
        Err(error) => Err(error.reject().unwrap().clone()),
    }
}

#[test]
fn instructions_of_updates_and_queries() {
    const LOOP: &str = r#"
        (func $spin (local $i i32)
            (local.set $i (i32.const 1000))
            (loop (br_if 0 (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
        (func (export "canister_update spin") (call $spin) (call $msg_reply))
        (func (export "canister_query look") (call $spin) (call $msg_reply))"#;
    let needed = install(LOOP).call("spin", b"").unwrap().instructions;
    assert!(needed > 6_000);
    for (update, query) in [(true, false), (false, true)] {
        let at = |limit: u64| {
            install_with(
                LOOP,
                limits(|l| {
                    let limit_of =
                        if update { &mut l.instructions.update } else { &mut l.instructions.query };
                    *limit_of = limit;
                }),
            )
        };
        let run = |ic: &mut EmbeddedIc| if query { ic.ask("look", b"") } else { ic.call("spin", b"") };
        assert_eq!(run(&mut at(needed)).unwrap().instructions, needed);
        for limit in [needed - 1, needed - 600, 3_000, 1, 0] {
            let reject = rejected(run(&mut at(limit)));
            let text =
                format!("Canister exceeded the limit of {limit} instructions for single message execution.");
            assert!(reject.message.ends_with(&text), "{}", reject.message);
            assert_eq!((reject.error_code, reject.instructions), ("IC0522", limit));
        }
    }
    // A query that is called as an update has the limit of updates.
    let mut ic = install_with(LOOP, limits(|l| l.instructions.query = 1));
    ic.call("look", b"").unwrap();
}

#[test]
fn instructions_of_inspection() {
    // Entry 1, call 5, accept 500.
    const INSPECT: &str = r#"
        (func (export "canister_inspect_message") (call $accept_message))
        (func (export "canister_update go") (call $msg_reply))"#;
    install_with(INSPECT, limits(|l| l.instructions.inspect = 506)).call("go", b"").unwrap();
    let reject = install_with(INSPECT, limits(|l| l.instructions.inspect = 505)).call_rejected("go");
    assert!(reject.message.contains("the limit of 505 instructions"), "{}", reject.message);
}

#[test]
fn instructions_of_an_install() {
    let wasm = bare(r#"(module (func $s nop) (start $s) (func (export "canister_init") nop nop))"#);
    let budget = |n: u64| limits(|l| l.instructions.install = n);
    of_module(&wasm, budget(5)).unwrap();
    assert_eq!(of_module(&wasm, budget(4)).unwrap_err().error_code, "IC0522");
}

#[test]
fn instructions_after_the_last_branch_are_counted() {
    let wasm = r#"(func (export "canister_update go") (call $msg_reply) nop nop nop)"#;
    install_with(wasm, limits(|l| l.instructions.update = 509)).call("go", b"").unwrap();
    assert_eq!(
        install_with(wasm, limits(|l| l.instructions.update = 508)).call_rejected("go").error_code,
        "IC0522"
    );
}

/// Writes, or reads, as many 4 KiB pages as the argument has bytes.
const PAGES: &str = r#"
    (func (export "canister_init") (drop (call $stable64_grow (i64.const 10))))
    (func $len (result i64) (i64.mul (i64.extend_i32_u (call $msg_arg_data_size)) (i64.const 4096)))
    (func $write (call $stable64_write (i64.const 0) (i64.const 0) (call $len)))
    (func $read (call $stable64_read (i64.const 0) (i64.const 0) (call $len)))
    (func (export "canister_update write") (call $write) (call $msg_reply))
    (func (export "canister_update read") (call $read) (call $msg_reply))
    (func (export "canister_query write_q") (call $write) (call $msg_reply))
    (func (export "canister_query read_q") (call $read) (call $msg_reply))"#;

#[test]
fn pages_written_and_touched() {
    let pages = PerMessage { update: 3, install: 9, query: 2, inspect: 2 };
    let text = |what: &str| {
        format!(
            "Canister exceeded memory access limits: Exceeded the limit for the number of {what} pages in the stable \
             memory in a single execution: limit 12 KB for regular messages, 36 KB for upgrade messages and 8 KB for \
             queries."
        )
    };
    let mut ic = install_with(PAGES, limits(|l| l.stable_write_pages = pages));
    assert_eq!(ic.call("write", &[0; 3]).unwrap().stable_pages_written, 3);
    let reject = rejected(ic.call("write", &[0; 4]));
    assert!(reject.message.ends_with(&text("modified")), "{}", reject.message);
    assert_eq!(reject.error_code, "IC0524");
    ic.ask("write_q", &[0; 2]).unwrap();
    assert_eq!(rejected(ic.ask("write_q", &[0; 3])).error_code, "IC0524");
    ic.call("write_q", &[0; 3]).unwrap();
    ic.call("read", &[0; 10]).unwrap();

    let mut ic = install_with(PAGES, limits(|l| l.stable_access_pages = pages));
    ic.call("read", &[0; 3]).unwrap();
    let reject = rejected(ic.call("read", &[0; 4]));
    assert!(reject.message.ends_with(&text("accessed")), "{}", reject.message);
    ic.call("write", &[0; 3]).unwrap();
    assert_eq!(rejected(ic.call("write", &[0; 4])).error_code, "IC0524");
    ic.ask("read_q", &[0; 2]).unwrap();
    assert_eq!(rejected(ic.ask("read_q", &[0; 3])).error_code, "IC0524");
}

#[test]
fn arguments() {
    let mut ic = install_with(
        r#"(func (export "canister_update size") (call $reply64 (i64.extend_i32_u (call $msg_arg_data_size))))"#,
        limits(|l| l.ingress_bytes = 100),
    );
    for len in [0, 99, 100] {
        assert_eq!(number(&ic.call("size", &vec![1; len]).unwrap()), len as u64);
    }
    let reject = rejected(ic.call("size", &[1; 101]));
    assert_eq!(reject.message, "Message byte size 101 is larger than the max allowed 100.");
    assert_eq!(reject.code, RejectCode::SysFatal);
    assert_eq!(rejected(ic.ask("size", &[1; 101])).code, RejectCode::SysFatal);
}

#[test]
fn replies() {
    let mut ic = install(
        r#"(memory (export "memory") 60)
        (func (export "canister_update update") (call $reply (i32.const 0) (i32.load (i32.const 1000))))
        (func $go (drop (call $arg)) (call $reply (i32.const 0) (i32.load (i32.const 1000))))
        (func (export "canister_query query") (call $go))"#,
    );
    const MIB: u32 = 1 << 20;
    for (len, update, query) in [
        (0, true, true),
        (2 * MIB - 1, true, true),
        (2 * MIB, true, true),
        (2 * MIB + 1, false, true),
        (3 * MIB, false, true),
        (3 * MIB + 1, false, false),
    ] {
        let answers =
            [(ic.call("query", &len.to_le_bytes()), update), (ic.ask("query", &len.to_le_bytes()), query)];
        for (answer, fits) in answers {
            if fits {
                assert_eq!(answer.unwrap().bytes.len(), len as usize);
            } else {
                let reject = rejected(answer);
                assert_eq!(reject.error_code, "IC0504");
                assert!(reject.message.contains("cannot be larger than"), "{}", reject.message);
            }
        }
    }
}

#[test]
fn a_reject_message_is_cut_at_8_kib() {
    let mut ic = install(
        r#"(func (export "canister_update no") (drop (call $arg)) (call $msg_reject (i32.const 1000) (call $msg_arg_data_size)))"#,
    );
    for (len, kept) in [(0, 0), (8_191, 8_191), (8_192, 8_192), (8_193, 8_192)] {
        assert_eq!(rejected(ic.call("no", &vec![b'x'; len])).message.len(), kept);
    }
}

#[test]
fn stable_memory_ends_at_500_gib() {
    let mut ic = install(
        r#"(func (export "canister_update grow")
            (drop (call $arg)) (call $reply64 (call $stable64_grow (i64.load (i32.const 1000)))))
        (func (export "canister_update last")
            (call $stable64_write (i64.sub (i64.mul (call $stable64_size) (i64.const 65536)) (i64.const 1)) (i64.const 0) (i64.const 1))
            (call $msg_reply))"#,
    );
    let mut grow = |by: u64| number(&ic.call("grow", &by.to_le_bytes()).unwrap()).cast_signed();
    assert_eq!(grow(8_192_001), -1);
    assert_eq!(grow(8_191_999), 0);
    assert_eq!(grow(2), -1);
    assert_eq!(grow(1), 8_191_999);
    assert_eq!(grow(0), 8_192_000);
    assert_eq!(grow(1), -1);
    assert_eq!(grow(u64::MAX), -1);
    ic.call("last", b"").unwrap();
    assert!(ic.resident_stable_bytes() <= 4_096);
}

#[test]
fn the_heap_of_updates_has_a_limit_that_queries_do_not_have() {
    const GROW: &str = r#"
        (func $go (drop (call $arg)) (call $reply64 (i64.extend_i32_s (memory.grow (i32.load (i32.const 1000))))))
        (func (export "canister_update grow") (call $go))
        (func (export "canister_query look") (call $go))"#;
    let mut ic = install_with(GROW, limits(|l| l.heap_bytes = 3 * 65_536));
    let reject = rejected(ic.call("grow", &3_u32.to_le_bytes()));
    assert_eq!(reject.error_code, "IC0539");
    assert!(reject.message.contains("its current Wasm memory limit of 196608 bytes"), "{}", reject.message);
    assert_eq!(number(&ic.ask("look", &3_u32.to_le_bytes()).unwrap()), 1);
    assert_eq!(number(&ic.call("grow", &2_u32.to_le_bytes()).unwrap()), 1);
    assert_eq!(ic.heap_pages(), 3);
    rejected(ic.call("grow", &1_u32.to_le_bytes()));
    // More than wasm32 can address is not a violation: the canister gets -1.
    assert_eq!(number(&ic.call("grow", &70_000_u32.to_le_bytes()).unwrap()), u64::MAX);
}

#[test]
fn a_heap_of_4_gib() {
    let mut ic = install_with(
        r#"(func (export "canister_update fill")
            (drop (memory.grow (i32.const 65535)))
            (i32.store8 (i32.const 0xffffffff) (i32.const 9))
            (call $reply64 (i64.extend_i32_u (memory.size))))
        (func (export "canister_query last") (call $reply64 (i64.load8_u (i32.const 0xffffffff))))
        (func (export "canister_update beyond") (drop (i64.load (i32.const 0xffffffff))) (call $msg_reply))"#,
        limits(|l| l.heap_bytes = 4 << 30),
    );
    assert_eq!(ic.call64("fill"), 65_536);
    assert_eq!((ic.heap_pages(), ic.ask64("last")), (65_536, 9));
    assert!(ic.call_rejected("beyond").message.contains("Canister trapped: heap out of bounds"));
    assert_eq!(ic.ask64("last"), 9);
}

#[test]
fn modules() {
    let functions = |n: usize| format!("(module {})", "(func)".repeat(n));
    of_module(&bare(&functions(3)), limits(|l| l.module_functions = 3)).unwrap();
    let reject = of_module(&bare(&functions(4)), limits(|l| l.module_functions = 3)).unwrap_err();
    assert_eq!(reject.error_code, "IC0505");
    assert!(reject.message.contains("Wasm module has 4 defined functions"), "{}", reject.message);

    let wasm = bare(&functions(2));
    let size = wasm.len() as u64;
    of_module(&wasm, limits(|l| l.module_bytes = size)).unwrap();
    assert_eq!(of_module(&wasm, limits(|l| l.module_bytes = size - 1)).unwrap_err().error_code, "IC0505");

    // Two bodies of three bytes each, and the number of bodies.
    of_module(&wasm, limits(|l| l.code_section_bytes = 7)).unwrap();
    let reject = of_module(&wasm, limits(|l| l.code_section_bytes = 6)).unwrap_err();
    assert!(reject.message.contains("code section has 7 bytes"), "{}", reject.message);

    let globals = |n: usize| bare(&format!("(module {})", "(global i32 (i32.const 0))".repeat(n)));
    of_module(&globals(1_000), Limits::default()).unwrap();
    assert_eq!(of_module(&globals(1_001), Limits::default()).unwrap_err().error_code, "IC0505");
}

#[test]
fn a_gzip_bomb_stops_at_the_limit() {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&vec![0; 1 << 20]).unwrap();
    let packed = gz.finish().unwrap();
    let reject = of_module(&packed, limits(|l| l.module_bytes = 1_000)).unwrap_err();
    assert!(reject.message.contains("exceeds the maximum of 1000"), "{}", reject.message);
}

#[test]
fn controllers() {
    let many = |n: usize| vec![user(); n];
    for (n, fits) in [(0, false), (1, true), (10, true), (11, false)] {
        let made = EmbeddedIc::new(Config::default().with_controllers(many(n)));
        assert_eq!(made.is_ok(), fits, "{n}");
        let mut ic = EmbeddedIc::new(Config::default()).unwrap();
        assert_eq!(ic.set_controllers(many(n)).is_ok(), fits, "{n}");
    }
    let error = EmbeddedIc::new(Config::default().with_controllers(vec![])).unwrap_err();
    assert!(matches!(error, HostError::BadConfig(_)), "{error}");
}

#[test]
fn certified_data() {
    let mut ic = install(
        r#"(func (export "canister_update set") (call $certified_data_set (i32.const 0) (call $msg_arg_data_size)) (call $msg_reply))"#,
    );
    for len in [0, 31, 32] {
        ic.call("set", &vec![0; len]).unwrap();
        assert_eq!(ic.certified_data().len(), len);
    }
    assert_eq!(rejected(ic.call("set", &[0; 33])).error_code, "IC0504");
    assert_eq!(ic.certified_data().len(), 32);
}

#[test]
fn a_module_from_the_cache_is_checked_again() {
    let wasm = module("(func) (func) (func)");
    of_module(&wasm, Limits::default()).unwrap();
    assert_eq!(of_module(&wasm, limits(|l| l.module_functions = 2)).unwrap_err().error_code, "IC0505");
}
