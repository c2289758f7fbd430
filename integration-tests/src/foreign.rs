//! Foreign canisters, as small modules in text format, which write any bytes to stable memory.
//!
//! Their methods take raw bytes, not Candid: `poke` an offset (u64, little-endian) and the bytes to write there,
//! `peek` an offset and a length (u32).

use storage_client::{Transport, TransportError};

use crate::{Harness, controller};

/// Common part of every foreign module. `{lifecycle}` is replaced by more functions.
const MODULE: &str = r#"
(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
  (memory (export "memory") 33)
  (data (i32.const 0) "SOMEONE ELSE'S DATA")

  ;; The argument is copied to the second page; the offset is its first eight bytes.
  (func $take_arg (call $arg_copy (i32.const 65536) (i32.const 0) (call $arg_size)))
  (func $offset (result i64) (i64.load (i32.const 65536)))

  (func $poke
    (call $take_arg)
    (call $write (call $offset) (i64.const 65544)
      (i64.sub (i64.extend_i32_u (call $arg_size)) (i64.const 8))))
  (func (export "canister_update poke") (call $poke) (call $reply))
  (func (export "canister_update poke_and_trap")
    (call $poke)
    (drop (call $grow (i64.const 1)))
    (unreachable))
  (func (export "canister_query peek")
    (local $length i32)
    (call $take_arg)
    (local.set $length (i32.load (i32.const 65544)))
    (call $read (i64.const 65536) (call $offset) (i64.extend_i32_u (local.get $length)))
    (call $append (i32.const 65536) (local.get $length))
    (call $reply))
  {lifecycle}
)"#;

/// Bytes that the foreign canister writes at the start of stable memory when it is installed.
pub const FOREIGN_BYTES: &[u8] = b"SOMEONE ELSE'S DATA";

/// Returns a canister that pokes and peeks, and whose upgrades do nothing.
pub fn vandal() -> Vec<u8> {
    module("")
}

/// Returns the same canister, which also writes [`FOREIGN_BYTES`] at the start of stable memory on install.
pub fn foreigner() -> Vec<u8> {
    module(
        r#"(func (export "canister_init")
             (drop (call $grow (i64.const 1)))
             (call $write (i64.const 0) (i64.const 0) (i64.const 19)))"#,
    )
}

/// Returns a canister whose `post_upgrade` overwrites the start of stable memory, grows it, and then traps.
pub fn saboteur() -> Vec<u8> {
    module(
        r#"(func (export "canister_post_upgrade")
             (call $write (i64.const 0) (i64.const 0) (i64.const 19))
             (drop (call $grow (i64.const 1)))
             (unreachable))"#,
    )
}

/// Returns a canister that pokes and peeks, and whose `pre_upgrade` traps, so that it must be skipped.
pub fn prison() -> Vec<u8> {
    module(r#"(func (export "canister_pre_upgrade") (unreachable))"#)
}

fn module(lifecycle: &str) -> Vec<u8> {
    wat::parse_str(MODULE.replace("{lifecycle}", lifecycle)).expect("the modules above are well-formed")
}

/// Writes into stable memory through a foreign canister.
pub async fn poke(harness: &Harness, offset: u64, bytes: &[u8]) {
    let poked = harness.transport(controller()).update("poke", poke_arg(offset, bytes)).await;
    poked.expect("a foreign canister writes at the given offset");
}

/// Writes into stable memory through a foreign canister, which then traps.
pub async fn poke_and_trap(harness: &Harness, offset: u64, bytes: &[u8]) -> TransportError {
    let poked = harness.transport(controller()).update("poke_and_trap", poke_arg(offset, bytes)).await;
    poked.expect_err("poke_and_trap ends with a trap")
}

/// Reads stable memory through a foreign canister.
pub async fn peek(harness: &Harness, offset: u64, length: u32) -> Vec<u8> {
    let arg = [&offset.to_le_bytes()[..], &length.to_le_bytes()].concat();
    let peeked = harness.transport(controller()).query("peek", arg).await;
    peeked.expect("a foreign canister reads what is there")
}

fn poke_arg(offset: u64, bytes: &[u8]) -> Vec<u8> {
    [&offset.to_le_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of each module is valid, and the foreign bytes have the length in the module.
    #[test]
    fn the_modules_are_well_formed() {
        for module in [vandal(), foreigner(), saboteur(), prison()] {
            assert!(module.starts_with(b"\0asm"));
        }
        assert_eq!(FOREIGN_BYTES.len(), 19);
    }
}
