//! Iteration from both ends.

use std::marker::PhantomData;
use std::ops::Bound;

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::Error;

use super::{Cursor, Direction, Map, pair};

/// The entries of a range of a [`BPlusTreeMap`](super::BPlusTreeMap), in key order, from either end.
///
/// Ends after the first error, which is [`Error::Corrupted`].
pub struct Iter<'a, K, V, M: Memory> {
    map: &'a Map<K, V, M>,
    /// The rest of the range: after the last key from the front, before the last key from the back.
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    front: Option<Cursor<'a, M>>,
    back: Option<Cursor<'a, M>>,
    has_ended: bool,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: Storable, V: Storable, M: Memory> Iter<'a, K, V, M> {
    pub(super) fn new(map: &'a Map<K, V, M>, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> Self {
        Self { map, start, end, front: None, back: None, has_ended: false, types: PhantomData }
    }

    fn step(&mut self, direction: Direction) -> Result<Option<(K, V)>, Error> {
        let (cursor, from) = match direction {
            Direction::Forward => (&mut self.front, &mut self.start),
            Direction::Backward => (&mut self.back, &mut self.end),
        };
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => {
                let bound = from.as_ref().map(Vec::as_slice);
                cursor.insert(Cursor::new(&self.map.tree, bound, direction)?)
            }
        };
        if !cursor.advance()? {
            return Ok(None);
        }
        let key = cursor.key()?;
        *from = Bound::Excluded(key.to_vec());
        let is_inside = match direction {
            Direction::Forward => is_before(key, &self.end),
            Direction::Backward => is_after(key, &self.start),
        };
        if is_inside { pair(cursor).map(Some) } else { Ok(None) }
    }

    fn guarded(&mut self, direction: Direction) -> Option<Result<(K, V), Error>> {
        if self.has_ended {
            return None;
        }
        let step = self.step(direction).transpose();
        self.has_ended = !matches!(step, Some(Ok(_)));
        step
    }
}

fn is_before(key: &[u8], end: &Bound<Vec<u8>>) -> bool {
    match end {
        Bound::Included(end) => key <= end.as_slice(),
        Bound::Excluded(end) => key < end.as_slice(),
        Bound::Unbounded => true,
    }
}

fn is_after(key: &[u8], start: &Bound<Vec<u8>>) -> bool {
    match start {
        Bound::Included(start) => key >= start.as_slice(),
        Bound::Excluded(start) => key > start.as_slice(),
        Bound::Unbounded => true,
    }
}

impl<K: Storable, V: Storable, M: Memory> Iterator for Iter<'_, K, V, M> {
    type Item = Result<(K, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.guarded(Direction::Forward)
    }
}

impl<K: Storable, V: Storable, M: Memory> DoubleEndedIterator for Iter<'_, K, V, M> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.guarded(Direction::Backward)
    }
}
