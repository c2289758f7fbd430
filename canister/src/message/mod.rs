//! Decoding of messages and encoding of replies.
//!
//! Every message uses one block of the heap: the start of the reply, followed by the argument. A small
//! message therefore changes only one page of the heap; a replica charges for each changed page.

mod argument;
mod endpoint;
mod reply;
mod room;

use std::cell::RefCell;

use stable_storage_api::limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, PAGE_BYTES};

pub(crate) use argument::{Argument, decode, not_those, with_argument};
pub(crate) use endpoint::{
    count_refusal, endpoint, endpoints, fill, position_of, room_or_heap, send_nothing,
};
pub(crate) use reply::{OK, Reply, reject, reject_aloud, send_blob};
pub(crate) use room::Room;

/// Largest number of items in a batch.
pub(crate) const BATCH: usize = MAX_BATCH_ITEMS as usize;

/// Number of bytes of a reply that are collected before they are sent. A longer reply is sent in parts.
const REPLY_BYTES: usize = 2_048;

/// Size of the largest ingress message, followed by the largest value of a reply. A small argument leaves
/// enough space for it.
const ARGUMENT_BYTES: usize = (MAX_PAYLOAD_BYTES + 3 * PAGE_BYTES) as usize;

const _: () = assert!(ARGUMENT_BYTES >= 2 << 20);

/// The block is zero-initialised, so that it is in no data segment and needs no initialisation. Its contents
/// do not matter to the next message.
#[repr(C, align(4096))]
struct Scratch {
    reply: [u8; REPLY_BYTES],
    argument: [u8; ARGUMENT_BYTES],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        const { RefCell::new(Scratch { reply: [0; REPLY_BYTES], argument: [0; ARGUMENT_BYTES] }) };
}

/// Returns the start of the block to the embedded host, which then does not save its contents; see the README
/// of `embedded-ic`.
// SAFETY: no other function has this name.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "embedded_ic_scratch_start"))]
extern "C" fn scratch_start() -> *const u8 {
    SCRATCH.with(|scratch| scratch.as_ptr().cast_const().cast())
}

/// Returns the end of the block.
// SAFETY: no other function has this name.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "embedded_ic_scratch_end"))]
extern "C" fn scratch_end() -> *const u8 {
    scratch_start().wrapping_add(size_of::<Scratch>())
}

// Uses the functions on targets where they are not exported.
#[cfg(not(target_family = "wasm"))]
const _: [extern "C" fn() -> *const u8; 2] = [scratch_start, scratch_end];

/// Runs a message with the block. The argument has not been copied into it yet.
pub(crate) fn handle<R>(f: impl FnOnce(&mut [u8], Reply<'_>) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        let Scratch { reply, argument } = scratch;
        f(argument, Reply::new(reply))
    })
}
