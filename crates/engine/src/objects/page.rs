//! Pages of objects in key order.
//!
//! A page goes on after a key, not at an offset: a cursor stays good when objects come and go, its own among them.

use std::ops::Bound;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use storage_api::limits::{ITEM_OVERHEAD_BYTES, MAX_PAGE_ITEMS, MAX_REPLY_BYTES};
use storage_api::{Entry as KeyValue, Error, ListArgs, ListPage, ObjectInfo, ScanPage};

use super::entry::RawEntry;
use super::key::{Key, key_text};
use super::read::check_fits_reply;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// A page of the objects under a prefix; with a delimiter, of what is directly under it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0 or an empty delimiter, and [`Error::Corrupted`].
    pub fn list(&self, args: &ListArgs) -> Result<ListPage, Error> {
        args.check()?;
        let mut listing = Listing::new(args);
        let mut start = Some(listing.start());
        while let Some(bound) = start.take() {
            for object in self.index.from(bound, |key| key.starts_with(args.prefix.as_bytes())) {
                let (key, raw) = object?;
                let common = listing.common_prefix(key.as_bytes());
                let taken = match common {
                    Some(common) => listing.take_prefix(common)?,
                    None => listing.take_object(&key, &raw)?,
                };
                if !taken {
                    return Ok(listing.page(true));
                }
                // What is below a common prefix is passed over with one search, however much it is.
                if let Some(common) = common {
                    start = Some(Bound::Included(Key::after_all(common)));
                    break;
                }
            }
        }
        Ok(listing.page(false))
    }

    /// A page of the objects under a prefix with their values. It ends before a value that does not fit.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and [`Error::TooLarge`] where the first value does not fit one reply.
    pub fn scan(&self, args: &ListArgs) -> Result<ScanPage, Error> {
        args.check_scan()?;
        let mut page = Budget::new(args.limit);
        let mut entries = Vec::new();
        for object in self.under(&args.prefix, args.start_after.as_deref()) {
            let (key, raw) = object?;
            let entry = raw.head()?;
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
        self.index.from(start_of(prefix, start_after), move |key| key.starts_with(prefix.as_bytes()))
    }
}

/// A page of a listing, as far as it is.
struct Listing<'a> {
    args: &'a ListArgs,
    budget: Budget,
    objects: Vec<ObjectInfo>,
    prefixes: Vec<String>,
    /// The last item: a key or a common prefix.
    last: Option<String>,
}

impl<'a> Listing<'a> {
    fn new(args: &'a ListArgs) -> Self {
        let budget = Budget::new(args.limit);
        Self { args, budget, objects: Vec::new(), prefixes: Vec::new(), last: None }
    }

    /// Where the keys of the page start. After a page that ended with a common prefix, all that is below it is behind.
    fn start(&self) -> Bound<Key> {
        match self.args.start_after.as_deref() {
            Some(cursor) if self.common_prefix(cursor.as_bytes()) == Some(cursor.as_bytes()) => {
                Bound::Included(Key::after_all(cursor.as_bytes()))
            }
            cursor => start_of(&self.args.prefix, cursor),
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
        let text = key_text(common)?;
        self.last = Some(text.clone());
        self.prefixes.push(text);
        Ok(true)
    }

    /// Takes an object, if there is room for it.
    fn take_object(&mut self, key: &Key, raw: &RawEntry) -> Result<bool, Error> {
        let head = raw.head()?;
        if !self.budget.takes(key.len() + head.fields_bytes()) {
            return Ok(false);
        }
        let text = key.text()?;
        self.last = Some(text.clone());
        self.objects.push(head.entry()?.info(text)?);
        Ok(true)
    }

    fn page(self, has_more: bool) -> ListPage {
        let next = if has_more { self.last } else { None };
        ListPage { objects: self.objects, prefixes: self.prefixes, next }
    }
}

/// Where the keys under a prefix and after a cursor start.
fn start_of(prefix: &str, start_after: Option<&str>) -> Bound<Key> {
    match start_after {
        Some(cursor) if cursor >= prefix => Bound::Excluded(Key::bound(cursor)),
        _ => Bound::Included(Key::bound(prefix)),
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
