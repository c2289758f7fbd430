//! The argument of a message.

use storage_wire::Arguments;

/// The argument, and the unused buffer after it.
pub(crate) struct Argument<'m> {
    bytes: Bytes<'m>,
    room: &'m mut [u8],
}

enum Bytes<'m> {
    Scratch(&'m [u8]),
    /// On the heap: a canister on the same subnet can send a larger argument than an ingress message.
    Heap(Vec<u8>),
}

impl<'m> Argument<'m> {
    /// Copies the argument of the message.
    pub(crate) fn take(scratch: &'m mut [u8]) -> Self {
        let length = ic0::msg_arg_data_size();
        if length > scratch.len() {
            return Self { bytes: Bytes::Heap(ic_cdk::api::msg_arg_data()), room: scratch };
        }
        let (bytes, room) = scratch.split_at_mut(length);
        ic0::msg_arg_data_copy(bytes, 0);
        Self { bytes: Bytes::Scratch(bytes), room }
    }

    /// Returns the bytes, and the buffer after them.
    pub(crate) fn split(&mut self) -> (&[u8], &mut [u8]) {
        let bytes = match &self.bytes {
            Bytes::Scratch(bytes) => bytes,
            Bytes::Heap(bytes) => bytes.as_slice(),
        };
        (bytes, self.room)
    }
}

/// Decodes the arguments of a method, or rejects the message. `space` is for values that are not encoded in
/// the usual way of one of the common clients.
pub(crate) fn decode<'a, A: Arguments<'a>>(bytes: &'a [u8], headers: &[&[u8]], space: &'a mut Vec<u8>) -> A {
    match storage_wire::decode(bytes, headers, space) {
        Ok(arguments) => arguments,
        Err(error) => refuse(error),
    }
}

#[cold]
fn refuse(error: storage_wire::DecodeError) -> ! {
    ic_cdk::trap(not_those(&error))
}

/// Returns the error text for arguments that do not match the method.
pub(crate) fn not_those(error: &storage_wire::DecodeError) -> String {
    format!("the arguments do not match this method: {error}")
}

/// Calls a function with the argument of this message.
pub(crate) fn with_argument<R>(f: impl FnOnce(&[u8]) -> R) -> R {
    super::handle(|scratch, _| f(Argument::take(scratch).split().0))
}
