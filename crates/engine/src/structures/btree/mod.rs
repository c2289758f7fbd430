//! An ordered map in a separate memory: a B+ tree on pages of 4,096 bytes, which is the platform's unit of
//! charging.
//!
//! - A page is slotted: its sorted slots contain the first bytes of each key, so that a search reads one
//!   range and compares integers. Small values are in the leaves, which are linked in both directions. See
//!   [`page`] for the layout.
//! - Inner pages are cached on the heap, in a bounded cache that is written through. See [`cache`].
//! - Every field of a page is checked against its bounds when it is read: corruption is an [`Error`], never a
//!   panic or an endless loop.
//! - A [`Transaction`] makes changes. Every possible error occurs before its first write, and it writes each
//!   page once. A removal never needs another page.

mod cache;
mod change;
mod check;
mod cursor;
mod edit;
mod header;
mod iter;
mod loaded;
mod locate;
mod long_value;
mod map;
mod merge;
mod node_mut;
mod page;
mod page_set;
mod ranges;
mod split;
#[cfg(test)]
mod tests;
mod tree;

use std::marker::PhantomData;
use std::ops::Bound;

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::Error;

use crate::base::growth::Growth;
use crate::base::open::OpenError;
use change::Change;
pub(crate) use cursor::{Cursor, Direction};
pub(crate) use header::HEADER_BYTES;
pub use iter::Iter;
pub(crate) use locate::Located;
pub use map::{BPlusTreeMap, MapOptions};
pub use page::MAX_KEY as MAX_MAP_KEY_BYTES;
pub(crate) use tree::Options;
use tree::Tree;

/// Implements `Storable` for a type that wraps a `Vec<u8>`, without a check of the bytes: the decoder checks
/// them.
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

/// An encoded value of a map, unchecked: the reader decodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

storable_bytes!(Raw, ic_stable_structures::storable::Bound::Unbounded);

/// A map in a separate memory. The bytes of its keys must sort like the keys, and are at most 1,024.
pub(crate) struct Map<K, V, M: Memory> {
    tree: Tree<M>,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Storable, V: Storable, M: Memory> Map<K, V, M> {
    /// Opens a map whose header is at the start of its memory, or at an offset of another one. An empty
    /// memory is an empty map.
    pub(crate) fn open(memory: M, home: Option<(M, u64)>, options: Options) -> Result<Self, OpenError> {
        Ok(Self { tree: Tree::open(memory, home, options)?, types: PhantomData })
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.tree.header.get().entries
    }

    /// Returns the value under a key.
    pub(crate) fn get(&self, key: &K) -> Result<Option<V>, Error> {
        self.tree.get_with(&key.to_bytes(), |value| V::from_bytes(value.to_vec().into()))
    }

    /// Calls `f` with the bytes of the value under a key, given by its bytes.
    pub(crate) fn get_with<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        self.tree.get_with(key, f)
    }

    /// Returns a cursor before the first entry from a bound on, in a direction.
    pub(crate) fn cursor(&self, start: Bound<&[u8]>, direction: Direction) -> Result<Cursor<'_, M>, Error> {
        Cursor::new(&self.tree, start, direction)
    }

    /// Iterates over the entries from a key on, in key order, while the predicate accepts their keys. Ends
    /// with the first error.
    pub(crate) fn from<'a>(
        &'a self,
        start: Bound<K>,
        wanted: impl Fn(&[u8]) -> bool + 'a,
    ) -> impl Iterator<Item = Result<(K, V), Error>> + 'a {
        let start = start.as_ref().map(K::to_bytes);
        let mut cursor = Some(self.cursor(start.as_ref().map(|key| &**key), Direction::Forward));
        std::iter::from_fn(move || {
            let mut open = match cursor.take()? {
                Ok(open) => open,
                Err(error) => return Some(Err(error)),
            };
            let next = next_pair(&mut open, &wanted).transpose()?;
            if next.is_ok() {
                cursor = Some(Ok(open));
            }
            Some(next)
        })
    }

    /// Reads up to `pages` inner pages of the upper levels into the cache.
    pub(crate) fn warm(&self, pages: usize) {
        self.tree.warm(pages);
    }

    /// Returns the number of unused whole pages of 64 KiB in the memory.
    pub(crate) fn unused_pages(&self) -> u64 {
        change::unused_pages(&self.tree.header.get(), self.tree.memory.size(), 0)
    }

    /// Returns the bytes of the header of the tree.
    pub(crate) fn header_bytes(&self) -> [u8; HEADER_BYTES] {
        self.tree.header.get().encode()
    }

    /// Begins a change.
    pub(crate) fn begin(&self) -> Transaction<'_, K, V, M> {
        Transaction { change: Change::new(&self.tree), types: PhantomData }
    }
}

fn next_pair<K: Storable, V: Storable, M: Memory>(
    cursor: &mut Cursor<'_, M>,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<Option<(K, V)>, Error> {
    if !cursor.advance()? || !wanted(cursor.key()?) {
        return Ok(None);
    }
    pair(cursor).map(Some)
}

/// Returns the entry that a cursor has passed last.
fn pair<K: Storable, V: Storable, M: Memory>(cursor: &mut Cursor<'_, M>) -> Result<(K, V), Error> {
    // A type of fixed size may panic on a different number of bytes.
    let is_possible = !K::BOUND.is_fixed_size() || cursor.key()?.len() == K::BOUND.max_size() as usize;
    if !is_possible {
        return Err(cursor.damaged("a key does not have the fixed length of all keys"));
    }
    let (key, value) = cursor.entry()?;
    Ok((K::from_bytes(key.to_vec().into()), V::from_bytes(value.to_vec().into())))
}

/// Insertions and removals that take effect together, at [`commit`](Self::commit).
///
/// Nothing is written before the commit, and dropping the transaction changes nothing. Every possible error
/// occurs before the commit.
#[must_use = "a transaction that is not committed changes nothing"]
pub(crate) struct Transaction<'a, K, V, M: Memory> {
    change: Change<'a, M>,
    types: PhantomData<fn(K) -> V>,
}

impl<'a, K: Storable, V: Storable, M: Memory> Transaction<'a, K, V, M> {
    /// Finds a key by its bytes, at most 1,024. The result is used to read and change the entry without
    /// another search.
    pub(crate) fn locate(&mut self, key: &[u8]) -> Result<Located, Error> {
        self.change.locate(key)
    }

    /// Finds the first key that is not less than a bound. Returns `None` if there is none.
    pub(crate) fn locate_from(&mut self, bound: &[u8]) -> Result<Option<Located>, Error> {
        self.change.locate_from(bound)
    }

    /// Calls `f` with the bytes of the key and the value of a located entry. Nothing may have changed since.
    pub(crate) fn look_entry<R>(
        &mut self,
        located: Located,
        f: impl FnOnce(&[u8], &[u8]) -> R,
    ) -> Result<R, Error> {
        self.change.entry_at(located, f)
    }

    /// Calls `f` with the bytes of the value of a located key, if it exists. Nothing may have changed since.
    pub(crate) fn look<R>(
        &mut self,
        located: Located,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        self.change.value_at(located, f)
    }

    /// Inserts a value, given in two parts, under a located key. After an error, the transaction cannot be
    /// committed.
    pub(crate) fn insert_at(
        &mut self,
        located: Located,
        key: &[u8],
        parts: (&[u8], &[u8]),
    ) -> Result<(), Error> {
        self.change.insert_at(located, key, parts)
    }

    /// Removes a located key, and returns whether it existed. After an error, the transaction cannot be
    /// committed.
    pub(crate) fn remove_at(&mut self, located: Located, key: &[u8]) -> Result<bool, Error> {
        self.change.remove_at(located, key)
    }

    /// Returns the value under a key after the changes so far.
    pub(crate) fn get(&mut self, key: &K) -> Result<Option<V>, Error> {
        let located = self.change.locate(&key.to_bytes())?;
        self.change.value_at(located, |value| V::from_bytes(value.to_vec().into()))
    }

    /// Inserts a value under a key, replacing an existing value. After an error, the transaction cannot be
    /// committed.
    pub(crate) fn insert(&mut self, key: &K, value: &V) -> Result<(), Error> {
        let key = key.to_bytes();
        let located = self.change.locate(&key)?;
        self.change.insert_at(located, &key, (&value.to_bytes(), &[]))
    }

    /// Removes the value under a key, and returns whether there was one. After an error, the transaction
    /// cannot be committed.
    pub(crate) fn remove(&mut self, key: &K) -> Result<bool, Error> {
        let key = key.to_bytes();
        let located = self.change.locate(&key)?;
        self.change.remove_at(located, &key)
    }

    /// Returns the number of entries after the commit.
    pub(crate) fn len(&self) -> u64 {
        self.change.header.entries
    }

    /// Returns the growth of the memory by the commit.
    pub(crate) fn growth(&self) -> Growth<'a, M> {
        Growth { memory: &self.change.tree.memory, pages: self.change.pages_to_grow() }
    }

    /// Returns the number of unused whole pages of 64 KiB after the commit, which later insertions can use
    /// without growth.
    pub(crate) fn unused_pages(&self) -> u64 {
        self.change.unused_pages()
    }

    /// Writes the changes.
    ///
    /// # Panics
    ///
    /// Panics if the memory cannot grow by the [`growth`](Self::growth), which the caller has reserved; if an
    /// insertion or a removal returned an error; or if another transaction was committed since this one
    /// began.
    pub(crate) fn commit(&mut self) {
        if self.commit_pages() {
            self.change.tree.write_header();
        }
    }

    /// Makes the changes, but for the header of the tree in memory. Returns whether that has to be written, as
    /// [`header_bytes`](Map::header_bytes) has it then.
    ///
    /// # Panics
    ///
    /// The same as for [`commit`](Self::commit).
    pub(crate) fn commit_pages(&mut self) -> bool {
        let changes_header = self.change.changes_header();
        self.change.commit();
        changes_header
    }
}
