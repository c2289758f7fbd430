//! Pages of objects in key order.
//!
//! A page goes on after a key, not at an offset: a cursor stays good when objects come and go, its own among them.

use std::ops::Bound;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{ITEM_OVERHEAD_BYTES, MAX_REPLY_BYTES};
use stable_storage_api::{Entry as KeyValue, Error, ListArgs, ListPage, ObjectInfo, ScanPage};

use super::entry::Head;
use super::read::check_fits_reply;
use crate::btree::{Direction, Raw};
use crate::key::{Key, key_text};
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
            let mut cursor = self.core.index.cursor(bound.as_ref().map(Key::as_bytes), Direction::Forward)?;
            while cursor.advance()? && cursor.key()?.starts_with(args.prefix.as_bytes()) {
                let (key, entry) = cursor.entry()?;
                let common = listing.common_prefix(key);
                let taken = match common {
                    Some(common) => listing.take_prefix(common)?,
                    None => listing.take_object(key, entry)?,
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
        let mut page = Budget::new(args.most());
        let mut entries = Vec::new();
        let start = start_of(&args.prefix, args.start_after.as_deref());
        let mut cursor = self.core.index.cursor(start.as_ref().map(Key::as_bytes), Direction::Forward)?;
        while cursor.advance()? && cursor.key()?.starts_with(args.prefix.as_bytes()) {
            let (key, entry) = cursor.entry()?;
            let entry = Head::decode(entry)?;
            if !page.takes(key.len() as u64 + entry.size) {
                return Ok(ScanPage { next: last_key(&entries, |entry: &KeyValue| &entry.key), entries });
            }
            check_fits_reply(entry.size)?;
            entries.push(KeyValue { key: key_text(key)?, value: ByteBuf::from(self.value(&entry)?) });
        }
        Ok(ScanPage { entries, next: None })
    }

    /// The objects whose keys start with a prefix and come after a cursor.
    pub(super) fn under<'a>(
        &'a self,
        prefix: &'a str,
        start_after: Option<&str>,
    ) -> impl Iterator<Item = Result<(Key, Raw), Error>> + 'a {
        self.core.index.from(start_of(prefix, start_after), move |key| key.starts_with(prefix.as_bytes()))
    }
}

/// A page of a listing, as far as it is.
struct Listing<'a> {
    args: &'a ListArgs,
    budget: Budget,
    objects: Vec<ObjectInfo>,
    prefixes: Vec<String>,
    /// Whether the last item is a common prefix and not an object.
    ends_in_prefix: bool,
}

impl<'a> Listing<'a> {
    fn new(args: &'a ListArgs) -> Self {
        let budget = Budget::new(args.most());
        // Growing would copy what is there, and memory that is not written costs nothing.
        let objects = Vec::with_capacity(budget.items as usize);
        Self { args, budget, objects, prefixes: Vec::new(), ends_in_prefix: false }
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
        self.prefixes.push(key_text(common)?);
        self.ends_in_prefix = true;
        Ok(true)
    }

    /// Takes an object, if there is room for it.
    fn take_object(&mut self, key: &[u8], entry: &[u8]) -> Result<bool, Error> {
        let head = Head::decode(entry)?;
        if !self.budget.takes(key.len() as u64 + head.fields_bytes()) {
            return Ok(false);
        }
        self.objects.push(head.entry()?.info(key_text(key)?)?);
        self.ends_in_prefix = false;
        Ok(true)
    }

    fn page(self, has_more: bool) -> ListPage {
        let last = if self.ends_in_prefix {
            self.prefixes.last()
        } else {
            self.objects.last().map(|object| &object.key)
        };
        let next = last.filter(|_| has_more).cloned();
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

fn last_key<T>(items: &[T], key: impl Fn(&T) -> &String) -> Option<String> {
    items.last().map(|item| key(item).clone())
}
