//! The one buffer, for the argument of a message or for the blob of its reply.

use std::sync::{Mutex, MutexGuard};

use storage_api::limits::{MAX_REPLY_BYTES, PAGE_BYTES};

/// Room for the header of a reply in front of its blob.
pub(super) const HEADER_BYTES: usize = 32;

/// The largest ingress message has 2 MiB, and so has the largest reply of an update.
const BUFFER_BYTES: usize = MAX_REPLY_BYTES as usize + PAGE_BYTES as usize;

const _: () = assert!(BUFFER_BYTES == 2 << 20);

pub(super) type Buffer = [u8; BUFFER_BYTES];

/// Zeroes at first, so that it is in no data segment and costs nothing to make. What it holds means nothing to the next
/// message.
static BUFFER: Mutex<Buffer> = Mutex::new([0; BUFFER_BYTES]);

/// The buffer, if nothing else of this message has it.
pub(super) fn try_take() -> Option<MutexGuard<'static, Buffer>> {
    BUFFER.try_lock().ok()
}

/// Calls a function with the argument of this message.
pub(crate) fn with_argument<R>(f: impl FnOnce(&[u8]) -> R) -> R {
    let bytes = ic0::msg_arg_data_size();
    let mut buffer = try_take().expect("the argument is the first that a message puts into the buffer");
    match buffer.get_mut(..bytes) {
        Some(argument) => {
            ic0::msg_arg_data_copy(argument, 0);
            f(argument)
        }
        // A canister on the same subnet can send more than a person.
        None => f(&ic_cdk::api::msg_arg_data()),
    }
}
