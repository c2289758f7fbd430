//! Pages of objects in key order.
//!
//! A page goes on after a key, not at an offset: a cursor stays good when objects come and go, its own among them.

use std::ops::Bound;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{ITEM_OVERHEAD_BYTES, MAX_REPLY_BYTES};
use stable_storage_api::{Entry as KeyValue, Error, ListArgs, ListPage, ObjectInfo, ScanPage};

use super::Objects;
use super::entry::Head;
use super::read::{ValueView, check_fits_reply};
use crate::core::key::{Key, key_text};
use crate::structures::btree::Direction;

/// An object as a page of the index has it, read in place.
pub struct ObjectView<'a> {
    key: &'a [u8],
    head: Head<'a>,
}

impl<'a> ObjectView<'a> {
    /// The bytes of its key, which are UTF-8 unless the index is damaged.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The revision of the change that wrote it.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.head.revision
    }

    /// When an object was first put under its key, in nanoseconds since 1970.
    #[must_use]
    pub fn created_ns(&self) -> u64 {
        self.head.created_ns
    }

    /// When it was last written or renamed, in nanoseconds since 1970.
    #[must_use]
    pub fn modified_ns(&self) -> u64 {
        self.head.modified_ns
    }

    /// Whether it has anything but these.
    #[must_use]
    pub fn has_metadata(&self) -> bool {
        self.head.fields_bytes() > 0
    }

    /// Everything that `stat` returns.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn info(&self) -> Result<ObjectInfo, Error> {
        self.head.entry()?.info(key_text(self.key)?)
    }
}

/// What a page of a listing has besides its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageEnd {
    /// The common prefixes.
    pub prefixes: Vec<String>,
    /// The `start_after` of the next page, or nothing where this page is the last.
    pub next: Option<String>,
}

impl<M: Memory + Clone> Objects<'_, M> {
    /// A page of the objects under a prefix; with a delimiter, of what is directly under it.
    pub(crate) fn list(&self, args: &ListArgs) -> Result<ListPage, Error> {
        let mut objects = Vec::new();
        let end = self.list_with(args, |object| {
            objects.push(object.info()?);
            Ok(true)
        })?;
        let PageEnd { prefixes, next } = end.unwrap_or_default();
        Ok(ListPage { objects, prefixes, next })
    }

    /// The same, object by object as they lie in the index. Ends early, with `None`, where `take` returns false.
    pub(crate) fn list_with(
        &self,
        args: &ListArgs,
        mut take: impl FnMut(&ObjectView<'_>) -> Result<bool, Error>,
    ) -> Result<Option<PageEnd>, Error> {
        args.check()?;
        let mut listing = Listing::new(args);
        let mut start = Some(listing.start());
        while let Some(bound) = start.take() {
            let direction = direction_of(args);
            let mut cursor = self.core.index.cursor(bound.as_ref().map(Key::as_bytes), direction)?;
            while cursor.advance()? && cursor.key()?.starts_with(args.prefix.as_bytes()) {
                let (key, entry) = cursor.entry()?;
                let Some(common) = listing.common_prefix(key) else {
                    let object = ObjectView { key, head: Head::decode(entry)? };
                    if !listing.has_room_for(&object) {
                        return listing.end(cursor.previous_key()).map(Some);
                    }
                    if !take(&object)? {
                        return Ok(None);
                    }
                    continue;
                };
                if !listing.take_prefix(common)? {
                    return listing.end(cursor.previous_key()).map(Some);
                }
                // What is below a common prefix is passed over with one search, however much it is.
                start = Some(match direction {
                    Direction::Forward => Bound::Included(Key::after_all(common)),
                    Direction::Backward => Bound::Excluded(Key::of(common)),
                });
                break;
            }
        }
        Ok(Some(PageEnd { prefixes: listing.prefixes, next: None }))
    }

    /// A page of the objects under a prefix with their values. It ends before a value that does not fit.
    pub(crate) fn scan(&self, args: &ListArgs) -> Result<ScanPage, Error> {
        let mut entries = Vec::new();
        let next = self.scan_with(args, |key, value| {
            entries.push(KeyValue { key: key_text(key)?, value: ByteBuf::from(value.to_vec()?) });
            Ok(())
        })?;
        Ok(ScanPage { entries, next })
    }

    /// The same, object by object with the bytes of its key. Returns the `start_after` of the next page.
    pub(crate) fn scan_with(
        &self,
        args: &ListArgs,
        mut take: impl FnMut(&[u8], &ValueView<'_, M>) -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        args.check_scan()?;
        let mut page = Budget::new(args.most());
        let start = start_of(args);
        let mut cursor = self.core.index.cursor(start.as_ref().map(Key::as_bytes), direction_of(args))?;
        while cursor.advance()? && cursor.key()?.starts_with(args.prefix.as_bytes()) {
            let (key, entry) = cursor.entry()?;
            let value = ValueView::of(self.core, &Head::decode(entry)?);
            if !page.takes(key.len() as u64 + value.size()) {
                return cursor.previous_key().map(key_text).transpose();
            }
            check_fits_reply(value.size())?;
            take(key, &value)?;
        }
        Ok(None)
    }
}

/// A page of a listing, as far as it is.
struct Listing<'a> {
    args: &'a ListArgs,
    budget: Budget,
    prefixes: Vec<String>,
    /// Whether the last item is a common prefix and not an object.
    ends_in_prefix: bool,
}

impl<'a> Listing<'a> {
    fn new(args: &'a ListArgs) -> Self {
        Self { args, budget: Budget::new(args.most()), prefixes: Vec::new(), ends_in_prefix: false }
    }

    /// Where the keys of the page start. After a page that ended with a common prefix, all that is below it is behind.
    fn start(&self) -> Bound<Key> {
        match self.args.start_after.as_deref() {
            Some(cursor)
                if direction_of(self.args) == Direction::Forward
                    && self.common_prefix(cursor.as_bytes()) == Some(cursor.as_bytes()) =>
            {
                Bound::Included(Key::after_all(cursor.as_bytes()))
            }
            _ => start_of(self.args),
        }
    }

    /// The key up to the first delimiter after the prefix, where it has one.
    fn common_prefix<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let delimiter = self.args.delimiter.as_deref()?.as_bytes();
        let rest = key.strip_prefix(self.args.prefix.as_bytes())?;
        let at = rest.windows(delimiter.len()).position(|window| window == delimiter)?;
        Some(&key[..self.args.prefix.len() + at + delimiter.len()])
    }

    /// Takes a common prefix, if there is room for it.
    fn take_prefix(&mut self, common: &[u8]) -> Result<bool, Error> {
        if !self.budget.takes(common.len() as u64) {
            return Ok(false);
        }
        self.prefixes.push(key_text(common)?);
        self.ends_in_prefix = true;
        Ok(true)
    }

    /// Whether there is room for an object, which the page then has.
    fn has_room_for(&mut self, object: &ObjectView<'_>) -> bool {
        let has_room = self.budget.takes(object.key.len() as u64 + object.head.fields_bytes());
        self.ends_in_prefix &= !has_room;
        has_room
    }

    /// Ends the page before an item for which there is no room. `last` is the key before that.
    fn end(self, last: Option<&[u8]>) -> Result<PageEnd, Error> {
        let next = match self.prefixes.last().filter(|_| self.ends_in_prefix) {
            Some(prefix) => Some(prefix.clone()),
            None => last.map(key_text).transpose()?,
        };
        Ok(PageEnd { prefixes: self.prefixes, next })
    }
}

fn direction_of(args: &ListArgs) -> Direction {
    if args.descending == Some(true) { Direction::Backward } else { Direction::Forward }
}

/// Where the keys under a prefix and beyond a cursor start.
fn start_of(args: &ListArgs) -> Bound<Key> {
    let (prefix, cursor) = (args.prefix.as_str(), args.start_after.as_deref());
    match direction_of(args) {
        Direction::Forward => match cursor {
            Some(cursor) if cursor >= prefix => Bound::Excluded(Key::bound(cursor)),
            _ => Bound::Included(Key::bound(prefix)),
        },
        Direction::Backward => match cursor {
            // A cursor beyond all keys under the prefix is as good as none.
            Some(cursor) if cursor < prefix || cursor.starts_with(prefix) => {
                Bound::Excluded(Key::bound(cursor))
            }
            _ if prefix.is_empty() => Bound::Unbounded,
            _ => Bound::Excluded(Key::after_all(prefix.as_bytes())),
        },
    }
}

/// What one page may still take.
struct Budget {
    items: u32,
    bytes: u64,
    is_empty: bool,
}

impl Budget {
    fn new(limit: u32) -> Self {
        Self { items: limit, bytes: MAX_REPLY_BYTES, is_empty: true }
    }

    /// Takes an item of so many bytes if there is room. The first item always has room, because every value that may be
    /// in a reply fits one.
    fn takes(&mut self, bytes: u64) -> bool {
        let bytes = bytes + ITEM_OVERHEAD_BYTES;
        if !self.is_empty && (self.items == 0 || self.bytes < bytes) {
            return false;
        }
        self.is_empty = false;
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}
