//! How a message is taken apart and answered.
//!
//! What every message touches on the heap is one block: the start of the reply, and the argument after it, so that a small
//! message changes one page of it. A replica charges for each page that a message changes.

mod argument;
mod endpoint;
mod reply;
mod room;

use std::cell::RefCell;

use stable_storage_api::limits::{MAX_PAYLOAD_BYTES, PAGE_BYTES};

pub(crate) use argument::{Argument, decode, not_those, with_argument};
pub(crate) use endpoint::{
    count_refusal, endpoint, endpoints, fill, position_of, room_or_heap, send_nothing,
};
pub(crate) use reply::{OK, Reply, reject, reject_aloud, send_blob};
pub(crate) use room::Room;

/// Bytes of a reply that are collected before they are handed over. A longer reply is handed over in parts.
const REPLY_BYTES: usize = 2_048;

/// The largest ingress message, and after it the largest value that a reply holds. A small argument leaves room for it.
const ARGUMENT_BYTES: usize = (MAX_PAYLOAD_BYTES + 3 * PAGE_BYTES) as usize;

const _: () = assert!(ARGUMENT_BYTES >= 2 << 20);

/// Zeroes at first, so that it is in no data segment and costs nothing to make. What it holds means nothing to the next
/// message.
#[repr(C, align(4096))]
struct Scratch {
    reply: [u8; REPLY_BYTES],
    argument: [u8; ARGUMENT_BYTES],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        const { RefCell::new(Scratch { reply: [0; REPLY_BYTES], argument: [0; ARGUMENT_BYTES] }) };
}

/// Tells the embedded host where the block is, so that it does not keep what is in it: the README of `embedded-ic` says how.
// SAFETY: no other function has this name.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "embedded_ic_scratch_start"))]
extern "C" fn scratch_start() -> *const u8 {
    SCRATCH.with(|scratch| scratch.as_ptr().cast_const().cast())
}

/// The end of the block.
// SAFETY: no other function has this name.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "embedded_ic_scratch_end"))]
extern "C" fn scratch_end() -> *const u8 {
    scratch_start().wrapping_add(size_of::<Scratch>())
}

// Where nothing is exported, this is what uses the functions.
#[cfg(not(target_family = "wasm"))]
const _: [extern "C" fn() -> *const u8; 2] = [scratch_start, scratch_end];

/// Runs a message with the block. Nothing of the argument has been copied into it.
pub(crate) fn handle<R>(f: impl FnOnce(&mut [u8], Reply<'_>) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        let Scratch { reply, argument } = scratch;
        f(argument, Reply::new(reply))
    })
}
