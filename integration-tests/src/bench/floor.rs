//! Floors: the platform's charges for the calls that a message needs.
//!
//! The costs are those of the replica's table. A floor excludes the canister's own instructions.

use super::rig::Sizes;

/// Most calls of the System API.
const CALL: u64 = 500;
/// `is_controller`, without its bytes.
const IS_CONTROLLER: u64 = 1_000;
/// Each byte of a reply.
const REPLY_BYTE: u64 = 50;
/// Reading or writing stable memory, without the bytes.
const STABLE_COPY: u64 = 20;
/// Each page of stable memory that a message writes first.
const STABLE_PAGE: u64 = 1_000;
/// Bytes of such a page.
const PAGE_BYTES: u64 = 4_096;
/// Bytes of a principal that is derived from a public key, as for people.
const CALLER_BYTES: u64 = 29;

/// Taking an argument, checking the caller, and replying, as every method does.
pub(super) const fn answered(sizes: Sizes) -> u64 {
    argument(sizes.argument) + caller() + reply(sizes.reply)
}

/// Taking an argument: its size, and a copy of it.
const fn argument(bytes: usize) -> u64 {
    CALL + CALL + bytes as u64
}

/// Checking the caller: its size, a copy of it, and whether it is a controller.
const fn caller() -> u64 {
    CALL + CALL + CALLER_BYTES + IS_CONTROLLER + CALLER_BYTES
}

/// Replying with this many bytes.
const fn reply(bytes: usize) -> u64 {
    CALL + REPLY_BYTE * bytes as u64 + CALL
}

/// Reading the time.
pub(super) const fn time() -> u64 {
    CALL
}

/// Writing this many bytes once, to pages that the message has not written.
pub(super) const fn write(bytes: usize) -> u64 {
    STABLE_COPY + bytes as u64 + STABLE_PAGE * (bytes as u64).div_ceil(PAGE_BYTES)
}

/// Reading this many bytes once.
pub(super) const fn read(bytes: usize) -> u64 {
    STABLE_COPY + bytes as u64
}
