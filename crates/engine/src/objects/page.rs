//! Pages of objects in key order.
//!
//! A page goes on after a key, not at an offset: a cursor stays good when objects come and go, its own among them.

use std::ops::Bound;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use storage_api::limits::{ITEM_OVERHEAD_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_PAGE_ITEMS, MAX_REPLY_BYTES};
use storage_api::{Entry as KeyValue, Error, ListArgs, ListPage, ObjectInfo, ScanPage};

use super::entry::RawEntry;
use super::key::Key;
use super::read::check_fits_reply;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// A page of the objects under a prefix.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, and [`Error::Corrupted`].
    pub fn list(&self, args: &ListArgs) -> Result<ListPage, Error> {
        args.check()?;
        let mut page = Budget::new(args.limit);
        let mut objects = Vec::new();
        for object in self.under(&args.prefix, args.start_after.as_deref()) {
            let (key, raw) = object?;
            if !page.takes(key.len() + MAX_CONTENT_TYPE_BYTES) {
                return Ok(ListPage { next: last_key(&objects, |object: &ObjectInfo| &object.key), objects });
            }
            objects.push(raw.decode()?.info(key.text()?));
        }
        Ok(ListPage { objects, next: None })
    }

    /// A page of the objects under a prefix with their values. It ends before a value that does not fit.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and [`Error::TooLarge`] where the first value does not fit one reply.
    pub fn scan(&self, args: &ListArgs) -> Result<ScanPage, Error> {
        args.check()?;
        let mut page = Budget::new(args.limit);
        let mut entries = Vec::new();
        for object in self.under(&args.prefix, args.start_after.as_deref()) {
            let (key, raw) = object?;
            let entry = raw.decode()?;
            if !page.takes(key.len() + entry.size) {
                return Ok(ScanPage { next: last_key(&entries, |entry: &KeyValue| &entry.key), entries });
            }
            check_fits_reply(entry.size)?;
            entries.push(KeyValue { key: key.text()?, value: ByteBuf::from(self.value(&entry)?) });
        }
        Ok(ScanPage { entries, next: None })
    }

    /// The objects whose keys start with a prefix and come after a cursor.
    pub(super) fn under<'a>(
        &'a self,
        prefix: &'a str,
        start_after: Option<&str>,
    ) -> impl Iterator<Item = Result<(Key, RawEntry), Error>> + 'a {
        let start = match start_after {
            Some(cursor) if cursor >= prefix => Bound::Excluded(Key::bound(cursor)),
            _ => Bound::Included(Key::bound(prefix)),
        };
        self.index.from(start, move |key| key.starts_with(prefix.as_bytes()))
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
        Self { items: limit.min(MAX_PAGE_ITEMS), bytes: MAX_REPLY_BYTES, is_empty: true }
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

fn last_key<T>(items: &[T], key: impl Fn(&T) -> &String) -> Option<String> {
    items.last().map(|item| key(item).clone())
}
