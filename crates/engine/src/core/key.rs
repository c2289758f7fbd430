//! Keys of objects: 1 to 1,024 bytes of UTF-8, ordered by their bytes.

use ic_stable_structures::storable::Bound;
use stable_storage_api::{Error, limits::MAX_KEY_BYTES};

use crate::structures::btree::storable_bytes;

/// Key that was read from the index, or bound of a range of keys. [`Key::text`] checks it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// Creates a key from bytes that were read; the bytes may be a prefix.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Creates a bound of a range of keys. It can have any length, because it is compared with keys and never
    /// stored.
    pub(crate) fn bound(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// Creates the bound after all keys that start with `prefix`, which must end with a character: no byte of
    /// UTF-8 is the largest byte.
    pub(crate) fn after_all(prefix: &[u8]) -> Self {
        let mut bytes = prefix.to_vec();
        let last = bytes.last_mut().expect("a delimiter has at least one byte");
        *last += 1;
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the key as text.
    pub(crate) fn text(&self) -> Result<String, Error> {
        key_text(&self.0)
    }
}

/// Returns a key that was read, or a prefix of it, as text.
pub(crate) fn key_text(bytes: &[u8]) -> Result<String, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() => Ok(text.to_owned()),
        Ok(_) => Err(Error::corrupted("a key of the object index is empty", 0)),
        Err(error) => {
            Err(Error::corrupted("a key of the object index is not UTF-8", error.valid_up_to() as u64))
        }
    }
}

storable_bytes!(Key, Bound::Bounded { max_size: MAX_KEY_BYTES as u32, is_fixed_size: false });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_key_are_corruption() {
        assert!(matches!(Key(vec![]).text(), Err(Error::Corrupted { .. })));
        assert!(matches!(Key(vec![b'a', 0xff]).text(), Err(Error::Corrupted { offset: 1, .. })));
    }
}
