//! An ordered map in a memory of its own: a B-tree with the bytes of ic-stable-structures' `StableBTreeMap`.
//!
//! That library panics on a damaged node, or follows it wherever it leads, and rewrites whole nodes in pieces of a few bytes.
//! This map reads with care: whatever a node says of itself is checked before it is believed, so damage is an [`Error`]. And it
//! changes in a [`Transaction`], which finds every error before the first write.
//!
//! The memory is formatted by the first insert, so that a map without entries does not take a bucket.

mod check;
mod chunks;
mod cursor;
mod layout;
mod node;
#[cfg(test)]
mod tests;
mod transaction;
mod tree;

use std::marker::PhantomData;
use std::ops::Bound;

use ic_stable_structures::{Memory, Storable};
use storage_api::Error;

use crate::open::OpenError;
use cursor::Cursor;
pub(crate) use transaction::Transaction;
use tree::Tree;

/// Stores a type that wraps a `Vec<u8>` as these very bytes. They are checked by whoever decodes them, not here.
macro_rules! storable_bytes {
    ($type:ty, $bound:expr) => {
        impl ic_stable_structures::Storable for $type {
            const BOUND: ic_stable_structures::storable::Bound = $bound;

            fn to_bytes(&self) -> std::borrow::Cow<'_, [u8]> {
                std::borrow::Cow::Borrowed(&self.0)
            }

            fn into_bytes(self) -> Vec<u8> {
                self.0
            }

            fn from_bytes(bytes: std::borrow::Cow<'_, [u8]>) -> Self {
                Self(bytes.into_owned())
            }
        }
    };
}
pub(crate) use storable_bytes;

/// A map. Generic over the memory that holds nothing but it. The bytes of its keys sort as the keys do, and it holds no
/// pair of a bounded key and a bounded value, for which StableBTreeMap has chunks of another size.
pub(crate) struct Map<K, V, M: Memory> {
    tree: Tree<M>,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Storable, V: Storable, M: Memory> Map<K, V, M> {
    /// Opens a map whose entries have at most so many bytes each. `name` is what errors call it.
    pub(crate) fn open(memory: M, name: &'static str, max_entry_bytes: u64) -> Result<Self, OpenError> {
        let key_bytes = K::BOUND.is_fixed_size().then(|| K::BOUND.max_size());
        Ok(Self { tree: Tree::open(memory, name, key_bytes, max_entry_bytes)?, types: PhantomData })
    }

    pub(crate) fn len(&self) -> u64 {
        self.tree.head.get().length
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &K) -> Result<Option<V>, Error> {
        let value = self.tree.get(&key.to_bytes())?;
        Ok(value.map(|value| V::from_bytes(value.into())))
    }

    /// The entries from a key on, in key order, as long as their keys are wanted. The value behind the last of them is
    /// not read. Ends with the first error.
    pub(crate) fn from<'a>(
        &'a self,
        start: Bound<K>,
        wanted: impl Fn(&[u8]) -> bool + 'a,
    ) -> impl Iterator<Item = Result<(K, V), Error>> + 'a {
        let start = start.as_ref().map(K::to_bytes);
        let mut cursor = Some(Cursor::new(&self.tree, start.as_ref().map(|key| &**key)));
        std::iter::from_fn(move || {
            let next = match cursor.take()? {
                Ok(mut open) => {
                    let next = open.next(&wanted).transpose()?;
                    cursor = next.is_ok().then_some(Ok(open));
                    next
                }
                Err(error) => Err(error),
            };
            Some(next.map(|(key, value)| (K::from_bytes(key.into()), V::from_bytes(value.into()))))
        })
    }

    /// Begins a change.
    pub(crate) fn begin(&self) -> Transaction<'_, K, V, M> {
        Transaction::new(&self.tree)
    }
}
