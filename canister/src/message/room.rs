//! Encoding of the items of a page directly into the reply.

use stable_storage_api::{Error, Result};
use storage_wire::{Encode, Encoded, Output, encode_length};

/// Items that are being encoded into a buffer.
pub(crate) struct Room<'m> {
    bytes: &'m mut [u8],
    length: usize,
    count: usize,
    is_full: bool,
}

impl<'m> Room<'m> {
    pub(crate) fn new(bytes: &'m mut [u8]) -> Self {
        Self { bytes, length: 0, count: 0, is_full: false }
    }

    /// Discards the encoded items.
    pub(crate) fn clear(&mut self) {
        (self.length, self.count, self.is_full) = (0, 0, false);
    }

    /// Encodes an item.
    pub(crate) fn item(&mut self, item: &(impl Encode + ?Sized), present: u32) {
        item.encode(present, self);
        self.count += 1;
    }

    /// Counts an item whose parts were encoded.
    pub(crate) fn count(&mut self) {
        self.count += 1;
    }

    /// Encodes a blob of `length` bytes, which `fill` writes.
    pub(crate) fn blob(&mut self, length: usize, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<()> {
        encode_length(length, self);
        match self.bytes.get_mut(self.length..).and_then(|room| room.get_mut(..length)) {
            Some(room) => {
                fill(room)?;
                self.length += length;
            }
            None => self.is_full = true,
        }
        Ok(())
    }

    /// Returns the items, which have the type `T` and these optional fields.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if they did not fit.
    pub(crate) fn finish<T: Encode>(self, present: u32) -> Result<Encoded<'m, T>> {
        if self.is_full {
            let limit = self.bytes.len() as u64;
            return Err(Error::TooLarge { size: limit + 1, limit });
        }
        let bytes: &'m [u8] = self.bytes;
        Ok(Encoded::new(&bytes[..self.length], self.count, present))
    }
}

impl Output for Room<'_> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.length..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.is_full = true,
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.bytes.get_mut(self.length..).and_then(|room| room.first_chunk_mut()) {
            Some(room) => {
                *room = bytes;
                self.length += N;
            }
            None => self.is_full = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use candid::decode_one;
    use serde_bytes::ByteBuf;
    use storage_wire::{ALL, Header};

    use super::*;

    #[test]
    fn items_equal_those_of_a_vector_or_do_not_fit() {
        let values = [b"one".to_vec(), vec![], vec![7; 300]];
        for size in 0..400 {
            let mut bytes = vec![0; size];
            let mut room = Room::new(&mut bytes);
            for value in &values {
                let filled = room.blob(value.len(), |place| {
                    place.copy_from_slice(value);
                    Ok(())
                });
                filled.unwrap();
                room.count();
            }
            match room.finish::<ByteBuf>(0) {
                Ok(items) => {
                    assert!(size >= 307, "{size}");
                    let ty = <Vec<ByteBuf> as storage_wire::Typed>::TYPE;
                    let mut reply = Header::of_reply(&[], ty, ALL).as_slice().to_vec();
                    items.encode(0, &mut reply);
                    assert_eq!(
                        decode_one::<Vec<ByteBuf>>(&reply).unwrap(),
                        values.clone().map(ByteBuf::from)
                    );
                }
                Err(error) => {
                    assert!(size < 307, "{size}");
                    assert_eq!(error, Error::TooLarge { size: size as u64 + 1, limit: size as u64 });
                }
            }
        }
    }
}
