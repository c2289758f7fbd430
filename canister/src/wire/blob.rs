//! A blob on its way from stable memory into a reply.

use std::sync::MutexGuard;

use candid::CandidType;
use candid::types::{Serializer, Type};
use storage_api::Result;
use storage_api::limits::MAX_REPLY_BYTES;

use super::buffer::{Buffer, HEADER_BYTES, try_take};

/// A blob that a reply carries, in the buffer.
pub(crate) struct Blob {
    place: Place,
    bytes: usize,
}

enum Place {
    Buffer(MutexGuard<'static, Buffer>),
    /// Where the argument is still in the buffer.
    Heap(Vec<u8>),
}

impl Blob {
    /// The blob that a function puts to the front of a place for the longest one. It tells how many bytes it has.
    ///
    /// # Errors
    ///
    /// Those of the function.
    pub(crate) fn fill(read: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<Self> {
        let place = try_take().map(Place::Buffer);
        let mut place =
            place.unwrap_or_else(|| Place::Heap(vec![0; HEADER_BYTES + MAX_REPLY_BYTES as usize]));
        let bytes = read(&mut place.bytes()[HEADER_BYTES..][..MAX_REPLY_BYTES as usize])?;
        Ok(Self { place, bytes })
    }

    /// The blob, with something put in front of it.
    pub(super) fn behind(&mut self, header: &[u8]) -> &[u8] {
        let start = HEADER_BYTES - header.len();
        let reply = &mut self.place.bytes()[start..HEADER_BYTES + self.bytes];
        reply[..header.len()].copy_from_slice(header);
        reply
    }

    pub(super) fn len(&self) -> usize {
        self.bytes
    }
}

impl Place {
    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Buffer(buffer) => buffer.as_mut_slice(),
            Self::Heap(bytes) => bytes,
        }
    }

    fn read(&self) -> &[u8] {
        match self {
            Self::Buffer(buffer) => buffer.as_slice(),
            Self::Heap(bytes) => bytes,
        }
    }
}

impl CandidType for Blob {
    fn _ty() -> Type {
        <Vec<u8>>::_ty()
    }

    fn idl_serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<(), S::Error> {
        serializer.serialize_blob(&self.place.read()[HEADER_BYTES..][..self.bytes])
    }
}
