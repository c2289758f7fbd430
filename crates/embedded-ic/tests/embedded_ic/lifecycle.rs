//! Install, reinstall and upgrade: the order of things, and that a failure changes nothing.

use crate::common::{Harness, log, module, rejected};
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};

const SKIP: UpgradeOptions = UpgradeOptions { skip_pre_upgrade: true };
const RUN: UpgradeOptions = UpgradeOptions { skip_pre_upgrade: false };

/// A module that notes its steps: each function appends its letter to a text in stable memory, whose length is the
/// first byte. `letters` selects which of `start`, `init`, `pre` and `post` there are, `trap` which one traps at its end.
fn noting(name: char, trap: &str) -> Vec<u8> {
    let step = |export: &str, letter: char, kind: &str| {
        let end = if trap == kind { "(unreachable)" } else { "" };
        format!("(func (export \"{export}\") (call $note (i32.const {})) {end})", letter as u32)
    };
    let start_end = if trap == "start" { "(unreachable)" } else { "" };
    module(&format!(
        r#"(global $steps (mut i64) (i64.const 0))
        (func $note (param $letter i32)
            (if (i64.eqz (call $stable64_size)) (then (drop (call $stable64_grow (i64.const 1)))))
            (call $stable64_read (i64.const 0) (i64.const 0) (i64.const 1))
            (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
            (i32.store8 (i32.const 1) (local.get $letter))
            (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 1))
            (call $stable64_write (i64.load8_u (i32.const 0)) (i64.const 1) (i64.const 1))
            (global.set $steps (i64.add (global.get $steps) (i64.const 1))))
        (func $start (global.set $steps (i64.const 100)) {start_end})
        (start $start)
        {} {} {}
        (func (export "canister_query notes")
            (call $stable64_read (i64.const 0) (i64.const 0) (i64.const 100))
            (call $reply (i32.const 1) (i32.load8_u (i32.const 0))))
        (func (export "canister_query steps") (call $reply64 (global.get $steps)))
        (func (export "canister_query name") (call $reply64 (i64.const {})))"#,
        step("canister_init", 'i', "init"),
        step("canister_pre_upgrade", '<', "pre"),
        step("canister_post_upgrade", '>', "post"),
        name as u32,
    ))
}

fn installed(name: char, trap: &str) -> EmbeddedIc {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&noting(name, trap), b"").unwrap();
    ic
}

fn notes(ic: &mut EmbeddedIc) -> String {
    String::from_utf8(ic.ask("notes", b"").unwrap().bytes).unwrap()
}

#[test]
fn an_upgrade_runs_both_hooks_on_the_same_stable_memory_and_a_fresh_heap() {
    let mut ic = installed('A', "");
    assert_eq!((notes(&mut ic).as_str(), ic.ask64("steps")), ("i", 101));
    let version = ic.canister_version();
    let execution = ic.upgrade(&noting('B', ""), b"", RUN).unwrap();
    assert_eq!((notes(&mut ic).as_str(), ic.ask64("steps")), ("i<>", 101));
    assert_eq!(ic.ask64("name"), u64::from('B'));
    assert_eq!(ic.canister_version(), version + 1);
    assert!(
        execution.pre_upgrade > 0 && execution.start > 0 && execution.post_upgrade > 0 && execution.init == 0
    );
    assert_eq!(execution.instructions, execution.pre_upgrade + execution.start + execution.post_upgrade);
    ic.upgrade(&noting('C', ""), b"", SKIP).unwrap();
    assert_eq!((notes(&mut ic).as_str(), ic.ask64("name")), ("i<>>", u64::from('C')));
}

#[test]
fn a_trap_anywhere_in_an_upgrade_changes_nothing() {
    for (old, new) in [("pre", ""), ("", "start"), ("", "post")] {
        let mut ic = installed('A', old);
        let before = (notes(&mut ic), ic.ask64("steps"), ic.canister_version(), ic.module_hash());
        let reject = rejected(ic.upgrade(&noting('B', new), b"", RUN));
        assert_eq!(reject.error_code, "IC0502");
        assert!(reject.instructions > 0);
        let after = (notes(&mut ic), ic.ask64("steps"), ic.canister_version(), ic.module_hash());
        assert_eq!(after, before, "old {old:?}, new {new:?}");
        assert_eq!(ic.ask64("name"), u64::from('A'));
        assert_eq!(log(&ic), ["[TRAP]: Canister trapped: unreachable"]);
    }
}

#[test]
fn pre_upgrade_can_be_skipped_when_it_traps() {
    let mut ic = installed('A', "pre");
    rejected(ic.upgrade(&noting('B', ""), b"", RUN));
    ic.upgrade(&noting('B', ""), b"", SKIP).unwrap();
    assert_eq!((notes(&mut ic).as_str(), ic.ask64("name")), ("i>", u64::from('B')));
}

#[test]
fn a_failed_install_leaves_the_canister_empty() {
    for trap in ["start", "init"] {
        let mut ic = EmbeddedIc::new(Config::default()).unwrap();
        assert_eq!(rejected(ic.install(&noting('A', trap), b"")).error_code, "IC0502");
        assert!(!ic.is_installed());
        assert_eq!((ic.stable_pages(), ic.heap_pages(), ic.module_hash()), (0, 0, None));
        ic.install(&noting('A', ""), b"").unwrap();
        assert_eq!(notes(&mut ic), "i");
    }
}

#[test]
fn install_needs_an_empty_canister() {
    let mut ic = installed('A', "");
    ic.upgrade(&noting('A', ""), b"", RUN).unwrap();
    assert_eq!(rejected(ic.install(&noting('B', ""), b"")).error_code, "IC0514");
    assert_eq!(notes(&mut ic), "i<>");
    rejected(ic.reinstall(&noting('B', "init"), b""));
    assert_eq!((notes(&mut ic).as_str(), ic.ask64("name")), ("i<>", u64::from('A')));
    ic.reinstall(&noting('B', ""), b"").unwrap();
    assert_eq!((notes(&mut ic).as_str(), ic.ask64("name")), ("i", u64::from('B')));
    assert_eq!(ic.stable_pages(), 1);
}

#[test]
fn certified_data_and_timer_follow_the_rules() {
    let certifying = |extra: &str| {
        module(&format!(
            r#"(func (export "canister_update certify") (call $certified_data_set (i32.const 0) (i32.const 3)) (call $msg_reply))
            (func (export "canister_update timer") (call $reply64 (call $global_timer_set (i64.const 99))))
            (data (i32.const 0) "abc") {extra}"#
        ))
    };
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&certifying(""), b"").unwrap();
    ic.call("certify", b"").unwrap();
    assert_eq!(ic.call64("timer"), 0);
    assert_eq!(ic.call64("timer"), 99);
    ic.upgrade(&certifying("(func)"), b"", RUN).unwrap();
    assert_eq!(ic.certified_data(), b"abc", "an upgrade keeps certified data");
    assert_eq!(ic.call64("timer"), 0, "an upgrade turns the timer off");
    ic.reinstall(&certifying(""), b"").unwrap();
    assert_eq!(ic.certified_data(), b"");
}

#[test]
fn the_first_controller_is_the_caller_of_install() {
    let wasm = module(
        r#"(func $keep
            (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
            (i32.store (i32.const 500) (call $msg_caller_size))
            (i32.store (i32.const 504) (call $arg)))
        (func (export "canister_init") (call $keep))
        (func (export "canister_post_upgrade") (call $keep))
        (func (export "canister_query who") (call $reply (i32.const 0) (i32.load (i32.const 500))))
        (func (export "canister_query what") (call $reply (i32.const 1000) (i32.load (i32.const 504))))"#,
    );
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&wasm, b"first").unwrap();
    assert_eq!(ic.ask("what", b"").unwrap().bytes, b"first");
    assert_eq!(ic.ask("who", b"").unwrap().bytes, ic.controllers()[0].as_slice());
    ic.upgrade(&wasm, b"second", RUN).unwrap();
    assert_eq!(ic.ask("what", b"").unwrap().bytes, b"second");
}

#[test]
fn a_gzipped_module_is_the_module_with_another_hash() {
    use std::io::Write;
    let wasm = noting('A', "");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&wasm).unwrap();
    let packed = gz.finish().unwrap();
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&packed, b"").unwrap();
    let hash = ic.module_hash().unwrap();
    assert_eq!(notes(&mut ic), "i");
    ic.upgrade(&wasm, b"", RUN).unwrap();
    assert_ne!(ic.module_hash().unwrap(), hash);
    let cut = rejected(ic.upgrade(&packed[..packed.len() / 2], b"", RUN));
    assert_eq!(cut.error_code, "IC0505");
}
