//! From bytes to calls of the System API. One canister, compiled once, interprets a program in its argument: each step
//! names a function and its arguments. The fuzz target and an ordinary test of the crate share this file.

use std::cell::RefCell;

use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, Limits};

/// The functions, with the types of their parameters and of their result.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("msg_arg_data_size", "", "i32"),
    ("msg_arg_data_copy", "i32 i32 i32", ""),
    ("msg_caller_size", "", "i32"),
    ("msg_caller_copy", "i32 i32 i32", ""),
    ("msg_deadline", "", "i64"),
    ("msg_reply_data_append", "i32 i32", ""),
    ("msg_reply", "", ""),
    ("msg_reject", "i32 i32", ""),
    ("msg_reject_code", "", "i32"),
    ("msg_cycles_available128", "i32", ""),
    ("msg_cycles_accept128", "i64 i64 i32", ""),
    ("cycles_burn128", "i64 i64 i32", ""),
    ("canister_self_size", "", "i32"),
    ("canister_self_copy", "i32 i32 i32", ""),
    ("canister_cycle_balance128", "i32", ""),
    ("canister_liquid_cycle_balance128", "i32", ""),
    ("canister_status", "", "i32"),
    ("canister_version", "", "i64"),
    ("msg_method_name_size", "", "i32"),
    ("msg_method_name_copy", "i32 i32 i32", ""),
    ("accept_message", "", ""),
    ("certified_data_set", "i32 i32", ""),
    ("data_certificate_present", "", "i32"),
    ("data_certificate_size", "", "i32"),
    ("data_certificate_copy", "i32 i32 i32", ""),
    ("time", "", "i64"),
    ("global_timer_set", "i64", "i64"),
    ("performance_counter", "i32", "i64"),
    ("is_controller", "i32 i32", "i32"),
    ("in_replicated_execution", "", "i32"),
    ("cost_call", "i64 i64 i32", ""),
    ("root_key_size", "", "i32"),
    ("root_key_copy", "i32 i32 i32", ""),
    ("subnet_self_size", "", "i32"),
    ("subnet_self_copy", "i32 i32 i32", ""),
    ("debug_print", "i32 i32", ""),
    ("trap", "i32 i32", ""),
    ("stable64_size", "", "i64"),
    ("stable64_grow", "i64", "i64"),
    ("stable64_write", "i64 i64 i64", ""),
    ("stable64_read", "i64 i64 i64", ""),
    ("call_new", "i32 i32 i32 i32 i32 i32 i32 i32", ""),
    ("call_perform", "", "i32"),
];

/// Bytes of a step: the function, then eight arguments of eight bytes.
const STEP: usize = 1 + 8 * 8;
/// Address of the program in the heap, far from where small pointers point.
const PROGRAM: usize = 65_536;
/// The most steps of a program.
const MAX_STEPS: usize = 64;

/// Runs bytes as messages, and checks after each what has to hold.
pub(crate) fn run(data: &[u8]) {
    thread_local! {
        static HOST: RefCell<Option<EmbeddedIc>> = const { RefCell::new(None) };
    }
    let Some((&mode, data)) = data.split_first() else { return };
    HOST.with_borrow_mut(|host| {
        let ic = host.get_or_insert_with(installed);
        let program = program(data);
        let before = (ic.stable_pages(), ic.heap_pages(), ic.canister_version(), ic.cycles());
        let user = Principal::anonymous();
        let (answer, commits) = match mode % 3 {
            0 => (ic.update(user, "run", &program), true),
            1 => (ic.query(user, "ask", &program), false),
            _ => (ic.update(user, "ask", &program), false),
        };
        let after = (ic.stable_pages(), ic.heap_pages(), ic.canister_version(), ic.cycles());
        match answer {
            Ok(reply) => {
                assert!(reply.instructions > 0);
                assert!(commits || before == after, "a query left a trace");
            }
            Err(CallError::Rejected(reject)) => {
                assert!(!reject.message.is_empty() || reject.error_code == "IC0406");
                let committed = matches!(reject.error_code, "IC0406" | "IC0506");
                assert!(commits && committed || before == after, "a failed message left a trace: {reject}");
            }
            Err(CallError::Host(error)) => panic!("the host failed: {error}"),
        }
        assert!(ic.certified_data().len() <= 32);
        assert!(ic.logs().iter().map(|record| record.bytes.len()).sum::<usize>() <= 4_096);
        // Stable memory that grew far would make every later program alike.
        if ic.stable_pages() > 1 << 16 {
            *host = None;
        }
    });
}

/// The program as the canister reads it: a count of steps, then the steps.
fn program(data: &[u8]) -> Vec<u8> {
    let steps = data.len().div_ceil(STEP).min(MAX_STEPS);
    let mut program = vec![steps as u8];
    program.extend(&data[..data.len().min(steps * STEP)]);
    program.resize(1 + steps * STEP, 0);
    program
}

fn installed() -> EmbeddedIc {
    let mut limits = Limits::default();
    limits.instructions.update = 50_000_000;
    limits.instructions.query = 50_000_000;
    limits.stable_pages = 1 << 20;
    let mut ic = EmbeddedIc::new(Config::default().with_limits(limits)).expect("the settings are good");
    ic.install(&canister(), b"").expect("the canister is good");
    ic
}

/// The canister: a loop over the steps, and a `br_table` over the functions.
fn canister() -> Vec<u8> {
    let imports: String = FUNCTIONS
        .iter()
        .map(|(name, parameters, result)| {
            format!(r#"(import "ic0" "{name}" (func ${name} (param {parameters}) (result {result})))"#)
        })
        .collect();
    let labels: String = (0..FUNCTIONS.len()).map(|n| format!("{n} ")).collect();
    let opened = "(block ".repeat(FUNCTIONS.len());
    let cases: String = FUNCTIONS
        .iter()
        .map(|(name, parameters, result)| {
            let arguments: String = parameters
                .split_whitespace()
                .enumerate()
                .map(|(n, ty)| format!("({ty}.load offset={} (local.get $at))", 1 + 8 * n))
                .collect();
            let call = format!("(call ${name} {arguments})");
            // What a function gives is kept where later steps can use it.
            let kept = match *result {
                "" => call,
                ty => format!("({ty}.store (i32.const 64) {call})"),
            };
            format!(") {kept} (br $next)")
        })
        .collect();
    let text = format!(
        r#"(module {imports}
            (memory (export "memory") 3)
            (func $run (local $steps i32) (local $at i32)
                (call $msg_arg_data_copy (i32.const {PROGRAM}) (i32.const 0) (call $msg_arg_data_size))
                (local.set $steps (i32.load8_u (i32.const {PROGRAM})))
                (local.set $at (i32.const {}))
                (block $done (loop $again
                    (br_if $done (i32.eqz (local.get $steps)))
                    (block $next
                        {opened} (br_table {labels} (i32.rem_u (i32.load8_u (local.get $at)) (i32.const {}))) {cases})
                    (local.set $steps (i32.sub (local.get $steps) (i32.const 1)))
                    (local.set $at (i32.add (local.get $at) (i32.const {STEP})))
                    (br $again))))
            (func (export "canister_update run") (call $run))
            (func (export "canister_query ask") (call $run)))"#,
        PROGRAM + 1,
        FUNCTIONS.len(),
    );
    wat::parse_str(&text).expect("the text is wasm")
}
