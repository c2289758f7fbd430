//! Inserting and overwriting.

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::{Condition, Error, Written, check};

use super::Objects;
use super::entry::{EntryNumbers, MAX_HEADER_BYTES, ValueLocation, encode_header};
use super::metadata::{Metadata, Pairs};
use super::{check_condition, existing_at, free};
use crate::core::change::Change;

/// A value to store. It is borrowed, so that it is copied only once: into stable memory.
///
/// ```
/// use storage_engine::{Condition, Error, Put, Store, VectorMemory};
///
/// let mut store = Store::open(VectorMemory::default())?;
/// let put = Put { content_type: Some("text/plain"), condition: Condition::Absent, ..Put::new("key", b"value") };
/// store.put(put.clone(), 0)?;
/// assert_eq!(store.put(put, 0), Err(Error::AlreadyExists));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Put<'a> {
    /// The key: 1 to 1,024 bytes.
    pub key: &'a str,
    /// The value: 0 to 2,031,616 bytes.
    pub value: &'a [u8],
    /// Media type of the value, at most 255 bytes; an empty text is the same as `None`.
    pub content_type: Option<&'a str>,
    /// Encoding of the value, at most 64 bytes; an empty text is the same as `None`.
    pub content_encoding: Option<&'a str>,
    /// User metadata: at most 16 pairs of a name and a value, and 2,048 bytes in total.
    pub metadata: &'a [(&'a str, &'a str)],
    /// Declared SHA-256 of the value, 32 bytes.
    pub sha256: Option<&'a [u8]>,
    /// Owner to record.
    pub owner: Option<Principal>,
    /// Condition on the existing object.
    pub condition: Condition,
}

impl<'a> Put<'a> {
    /// Creates an unconditional put of a value without metadata.
    #[must_use]
    pub fn new(key: &'a str, value: &'a [u8]) -> Self {
        Self {
            key,
            value,
            content_type: None,
            content_encoding: None,
            metadata: &[],
            sha256: None,
            owner: None,
            condition: Condition::Any,
        }
    }

    /// Checks that key, value, metadata and condition are within their limits. Needs no store.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`].
    pub fn check(&self) -> Result<(), Error> {
        check::payload(self.value.len())?;
        check::content_type(self.content_type)?;
        check::content_encoding(self.content_encoding)?;
        check::metadata(self.metadata.iter().copied())?;
        self.sha256.map_or(Ok(()), |digest| check::sha256(digest).map(drop))?;
        check::condition(Some(&self.condition))?;
        check::key(self.key)
    }
}

impl<M: Memory + Clone> Objects<'_, M> {
    /// Stores a value under a key, replacing an existing object. `now_ns` is the time in nanoseconds since
    /// 1970.
    pub(crate) fn put(&self, put: Put<'_>, now_ns: u64) -> Result<Written, Error> {
        let mut change = Change::new(self.core);
        let written = self.stage_put(&mut change, &put, now_ns)?;
        change.reserve()?.commit();
        Ok(written)
    }

    /// Stores up to 1,000 values under different keys: all of them or none. Keys in ascending order cost the
    /// least.
    pub(crate) fn put_many<'p>(
        &self,
        puts: impl IntoIterator<Item = Put<'p>, IntoIter: ExactSizeIterator>,
        now_ns: u64,
    ) -> Result<Vec<Written>, Error> {
        let puts = puts.into_iter();
        check::batch(puts.len(), "objects in one put_many")?;
        let (mut change, mut batch) = (Change::new(self.core), Vec::with_capacity(puts.len()));
        for put in puts {
            batch.push(self.stage_put(&mut change, &put, now_ns)?);
        }
        change.reserve()?.commit();
        Ok(batch)
    }

    /// Adds a put to a change.
    fn stage_put<'a>(
        &self,
        change: &mut Change<'a, M>,
        put: &Put<'a>,
        now_ns: u64,
    ) -> Result<Written, Error> {
        put.check()?;
        let key = put.key.as_bytes();
        let located = change.index.locate(key)?;
        let existing = existing_at(change, located)?;
        // An object that this change has put has a revision that the store does not have yet.
        if existing.is_some_and(|existing| existing.revision > self.core.ledger().revision) {
            return Err(Error::invalid(format!("the key {:?} occurs twice in the batch", put.key)));
        }
        check_condition(change, located, existing, &put.condition)?;
        let size = put.value.len() as u64;
        let location = if size <= self.core.inline_limit {
            ValueLocation::Inline(put.value)
        } else {
            let extent = change.extents.allocate(size)?;
            change.write(extent, 0, put.value);
            ValueLocation::Extent(extent)
        };
        free(&mut change.extents, existing)?;
        change.ledger = change.ledger.after(1, size, existing.map_or(0, |existing| existing.size))?;
        let numbers = EntryNumbers {
            size,
            revision: change.ledger.revision,
            created_ns: existing.map_or(now_ns, |existing| existing.created_ns),
            modified_ns: now_ns,
        };
        let mut header = Vec::with_capacity(MAX_HEADER_BYTES);
        let declared = put.sha256.map(check::sha256).transpose()?;
        let digest = self.digest_of(put.key, put.value, declared)?;
        if put.has_metadata() || digest.is_some() {
            let pairs = Pairs::encode(put.metadata.iter().copied());
            let metadata = Metadata { digest, ..put.metadata(&pairs) };
            encode_header(&mut header, &numbers, location, Some(&metadata));
        } else {
            encode_header(&mut header, &numbers, location, None);
        }
        self.write(change, located, key, (&header, location.inline()))?;
        Ok(Written { revision: numbers.revision })
    }
}

impl<'a> Put<'a> {
    /// Returns whether there is anything to record besides the value and a digest.
    fn has_metadata(&self) -> bool {
        let has_text = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        has_text(self.content_type)
            || has_text(self.content_encoding)
            || !self.metadata.is_empty()
            || self.owner.is_some()
    }

    /// Returns the optional fields to record except the digest, with the pairs in their stored form.
    fn metadata<'e>(&self, pairs: &'e [u8]) -> Metadata<'e>
    where
        'a: 'e,
    {
        Metadata {
            content_type: self.content_type.filter(|text| !text.is_empty()),
            content_encoding: self.content_encoding.filter(|text| !text.is_empty()),
            pairs: Pairs(pairs),
            owner: self.owner,
            ..Metadata::default()
        }
    }
}
