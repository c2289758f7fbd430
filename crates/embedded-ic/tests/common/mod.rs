//! What the tests of the host share: small modules, and hosts that run them.
#![allow(dead_code, reason = "the tests that run alone use some of it")]

use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, Limits, Reject, Reply};

/// The imports that the modules of the tests choose from.
const IMPORTS: &[(&str, &str)] = &[
    ("msg_arg_data_size", "(result i32)"),
    ("msg_arg_data_copy", "(param i32 i32 i32)"),
    ("msg_caller_size", "(result i32)"),
    ("msg_caller_copy", "(param i32 i32 i32)"),
    ("msg_reply_data_append", "(param i32 i32)"),
    ("msg_reply", ""),
    ("msg_reject", "(param i32 i32)"),
    ("msg_method_name_size", "(result i32)"),
    ("msg_method_name_copy", "(param i32 i32 i32)"),
    ("accept_message", ""),
    ("stable64_size", "(result i64)"),
    ("stable64_grow", "(param i64) (result i64)"),
    ("stable64_write", "(param i64 i64 i64)"),
    ("stable64_read", "(param i64 i64 i64)"),
    ("time", "(result i64)"),
    ("performance_counter", "(param i32) (result i64)"),
    ("debug_print", "(param i32 i32)"),
    ("trap", "(param i32 i32)"),
    ("canister_version", "(result i64)"),
    ("global_timer_set", "(param i64) (result i64)"),
    ("certified_data_set", "(param i32 i32)"),
    ("data_certificate_present", "(result i32)"),
    ("data_certificate_size", "(result i32)"),
    ("data_certificate_copy", "(param i32 i32 i32)"),
    ("canister_cycle_balance128", "(param i32)"),
    ("cycles_burn128", "(param i64 i64 i32)"),
];

/// A module made of these definitions, with the imports that they name, a memory of one page, and
/// - `$arg`: copies the argument to 1000 of the heap and gives its size,
/// - `$reply (ptr, len)`, `$reply64 (i64)`: answers with bytes, or with a number as 8 little-endian bytes.
pub(crate) fn module(definitions: &str) -> Vec<u8> {
    const HELPERS: &str = r#"
        (func $arg (result i32)
            (call $msg_arg_data_copy (i32.const 1000) (i32.const 0) (call $msg_arg_data_size))
            (call $msg_arg_data_size))
        (func $reply (param i32 i32)
            (call $msg_reply_data_append (local.get 0) (local.get 1))
            (call $msg_reply))
        (func $reply64 (param i64)
            (i64.store (i32.const 900) (local.get 0))
            (call $reply (i32.const 900) (i32.const 8)))"#;
    let memory = if definitions.contains("(memory (") { "" } else { "(memory (export \"memory\") 1)" };
    let body = format!("{HELPERS} {definitions}");
    let imports: String = IMPORTS
        .iter()
        .filter(|(name, _)| {
            body.split(|c: char| !(c.is_alphanumeric() || "$_".contains(c))).any(|w| w == format!("${name}"))
        })
        .map(|(name, ty)| format!("(import \"ic0\" \"{name}\" (func ${name} {ty}))\n"))
        .collect();
    let text = format!("(module {imports} {memory} {body})");
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Only these definitions, without helpers.
pub(crate) fn bare(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A host with this module installed.
pub(crate) fn install(definitions: &str) -> EmbeddedIc {
    install_with(definitions, Limits::default())
}

/// A host with these limits and this module installed.
pub(crate) fn install_with(definitions: &str, limits: Limits) -> EmbeddedIc {
    let mut ic = EmbeddedIc::new(Config::default().with_limits(limits)).unwrap();
    ic.install(&module(definitions), b"").unwrap();
    ic
}

/// Someone who controls nothing.
pub(crate) fn user() -> Principal {
    Principal::self_authenticating(b"a user")
}

pub(crate) trait Harness {
    fn call(&mut self, method: &str, arg: &[u8]) -> Result<Reply, CallError>;
    fn ask(&mut self, method: &str, arg: &[u8]) -> Result<Reply, CallError>;

    fn call64(&mut self, method: &str) -> u64 {
        number(&self.call(method, b"").unwrap())
    }

    fn ask64(&mut self, method: &str) -> u64 {
        number(&self.ask(method, b"").unwrap())
    }

    fn call_rejected(&mut self, method: &str) -> Reject {
        rejected(self.call(method, b""))
    }

    fn ask_rejected(&mut self, method: &str) -> Reject {
        rejected(self.ask(method, b""))
    }
}

impl Harness for EmbeddedIc {
    fn call(&mut self, method: &str, arg: &[u8]) -> Result<Reply, CallError> {
        self.update(user(), method, arg)
    }

    fn ask(&mut self, method: &str, arg: &[u8]) -> Result<Reply, CallError> {
        self.query(user(), method, arg)
    }
}

/// The reply as a number.
pub(crate) fn number(reply: &Reply) -> u64 {
    u64::from_le_bytes(reply.bytes[..].try_into().expect("the reply has 8 bytes"))
}

/// The reject that an outcome is.
pub(crate) fn rejected<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> Reject {
    match outcome {
        Err(CallError::Rejected(reject)) => reject,
        other => panic!("not a reject: {other:?}"),
    }
}

/// The log as text.
pub(crate) fn log(ic: &EmbeddedIc) -> Vec<String> {
    ic.logs().iter().map(embedded_ic::LogRecord::text).collect()
}
