//! Pages of objects in key order.
//!
//! A page continues after a key, not at an offset, so a cursor stays valid when objects are added or removed.

use std::ops::Bound;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{ITEM_OVERHEAD_BYTES, MAX_REPLY_BYTES};
use stable_storage_api::{Entry as KeyValue, Error, ListArgs, ListPage, ObjectInfo, ScanPage};

use super::Objects;
use super::entry::EntryHeader;
use super::read::{ValueView, check_fits_reply};
use crate::core::key::{Key, key_text};
use crate::structures::btree::Direction;

/// An object of a page, borrowed from the index.
pub struct ObjectView<'a> {
    key: &'a [u8],
    header: EntryHeader<'a>,
}

impl<'a> ObjectView<'a> {
    /// Returns the bytes of the key, which are UTF-8 unless the index is corrupt.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.header.size
    }

    /// Returns the revision of the change that wrote the object.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.header.revision
    }

    /// Returns the time when an object was first put under this key, in nanoseconds since 1970.
    #[must_use]
    pub fn created_ns(&self) -> u64 {
        self.header.created_ns
    }

    /// Returns the time of the last write or rename, in nanoseconds since 1970.
    #[must_use]
    pub fn modified_ns(&self) -> u64 {
        self.header.modified_ns
    }

    /// Returns whether the object has optional fields.
    #[must_use]
    pub fn has_metadata(&self) -> bool {
        self.header.fields_bytes() > 0
    }

    /// Returns the approximate size of the optional fields, in bytes.
    pub(crate) fn fields_bytes(&self) -> u64 {
        self.header.fields_bytes()
    }

    /// Returns everything that `stat` returns.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn info(&self) -> Result<ObjectInfo, Error> {
        self.header.entry()?.info(key_text(self.key)?)
    }
}

/// The end of a page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageEnd {
    /// The common prefixes.
    pub prefixes: Vec<String>,
    /// The `start_after` of the next page; `None` for the last page.
    pub next: Option<String>,
}

impl<M: Memory + Clone> Objects<'_, M> {
    /// Returns a page of the objects under a prefix. With a delimiter, returns only those directly under it.
    pub(crate) fn list(&self, args: &ListArgs) -> Result<ListPage, Error> {
        let mut objects = Vec::new();
        let end = self.list_with(args, |object| {
            objects.push(object.info()?);
            Ok(true)
        })?;
        let PageEnd { prefixes, next } = end.unwrap_or_default();
        Ok(ListPage { objects, prefixes, next })
    }

    /// Passes the objects of a page to `take`, one by one, borrowed from the index. Stops and returns `None`
    /// if `take` returns false.
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
                    let object = ObjectView { key, header: EntryHeader::decode(entry)? };
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
                // One search skips all keys below a common prefix, regardless of their number.
                start = Some(match direction {
                    Direction::Forward => Bound::Included(Key::after_all(common)),
                    Direction::Backward => Bound::Excluded(Key::of(common)),
                });
                break;
            }
        }
        Ok(Some(PageEnd { prefixes: listing.prefixes, next: None }))
    }

    /// Returns a page of the objects under a prefix with their values. The page ends before a value that does
    /// not fit.
    pub(crate) fn scan(&self, args: &ListArgs) -> Result<ScanPage, Error> {
        let mut entries = Vec::new();
        let next = self.scan_with(args, |key, value| {
            entries.push(KeyValue { key: key_text(key)?, value: ByteBuf::from(value.to_vec()?) });
            Ok(())
        })?;
        Ok(ScanPage { entries, next })
    }

    /// Passes the objects of a page to `take`, one by one, with the bytes of the key. Returns the
    /// `start_after` of the next page.
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
            let value = ValueView::of(self.core, &EntryHeader::decode(entry)?);
            if !page.takes(key.len() as u64 + value.size()) {
                return cursor.previous_key().map(key_text).transpose();
            }
            check_fits_reply(value.size())?;
            take(key, &value)?;
        }
        Ok(None)
    }
}

/// A page of a listing that is being collected.
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

    /// Returns the first key of the page. If the previous page ended with a common prefix, skips all keys
    /// below it.
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

    /// Returns the key up to and including the first delimiter after the prefix, if it has one.
    fn common_prefix<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let delimiter = self.args.delimiter.as_deref()?.as_bytes();
        let rest = key.strip_prefix(self.args.prefix.as_bytes())?;
        let index = rest.windows(delimiter.len()).position(|window| window == delimiter)?;
        Some(&key[..self.args.prefix.len() + index + delimiter.len()])
    }

    /// Adds a common prefix, if the page has space for it.
    fn take_prefix(&mut self, common: &[u8]) -> Result<bool, Error> {
        if !self.budget.takes(common.len() as u64) {
            return Ok(false);
        }
        self.prefixes.push(key_text(common)?);
        self.ends_in_prefix = true;
        Ok(true)
    }

    /// Returns whether the page has space for an object, and counts it in that case.
    fn has_room_for(&mut self, object: &ObjectView<'_>) -> bool {
        let has_room = self.budget.takes(object.key.len() as u64 + object.header.fields_bytes());
        self.ends_in_prefix &= !has_room;
        has_room
    }

    /// Ends the page before an item that does not fit. `last` is the key before that item.
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

/// Returns the first key under the prefix and after the cursor.
fn start_of(args: &ListArgs) -> Bound<Key> {
    let (prefix, cursor) = (args.prefix.as_str(), args.start_after.as_deref());
    match direction_of(args) {
        Direction::Forward => match cursor {
            Some(cursor) if cursor >= prefix => Bound::Excluded(Key::bound(cursor)),
            _ => Bound::Included(Key::bound(prefix)),
        },
        Direction::Backward => match cursor {
            // A cursor after all keys under the prefix selects nothing; one before them has no effect.
            Some(cursor) if cursor < prefix || cursor.starts_with(prefix) => {
                Bound::Excluded(Key::bound(cursor))
            }
            _ if prefix.is_empty() => Bound::Unbounded,
            _ => Bound::Excluded(Key::after_all(prefix.as_bytes())),
        },
    }
}

/// The remaining space of a page.
struct Budget {
    items: u32,
    bytes: u64,
    is_empty: bool,
}

impl Budget {
    fn new(limit: u32) -> Self {
        Self { items: limit, bytes: MAX_REPLY_BYTES, is_empty: true }
    }

    /// Counts an item of `bytes` bytes if it fits. The first item always fits, because every value that may
    /// be in a reply fits in one.
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
