//! Inserting and overwriting.

use std::collections::BTreeSet;

use candid::Principal;
use ic_stable_structures::Memory;
use storage_api::{Condition, Error, ObjectInfo, check};

use super::entry::{Body, Entry, Present};
use super::metadata::{Digest, Metadata, Pairs};
use super::{Extents, IndexChange, check_condition, present_at};
use crate::arena::Extent;
use crate::space::StoreMemory;
use crate::store::Store;

/// A value to store, borrowed from wherever it is, so that it is copied once: into stable memory.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The key: 1 to 1,024 bytes.
    pub key: &'a str,
    /// The value: 0 to 2,031,616 bytes.
    pub value: &'a [u8],
    /// What the bytes are, at most 255 bytes; the empty text is the same as none.
    pub content_type: Option<&'a str>,
    /// How the bytes are encoded, at most 64 bytes; the empty text is the same as none.
    pub content_encoding: Option<&'a str>,
    /// Names and values of the writer's choice: at most 16 pairs and 2,048 bytes in all.
    pub metadata: &'a [(&'a str, &'a str)],
    /// The SHA-256 of the value, 32 bytes, where the writer declares one.
    pub sha256: Option<&'a [u8]>,
    /// Who writes it, where that is to be recorded.
    pub owner: Option<Principal>,
    /// What must hold of the object that is there now.
    pub condition: Condition,
}

impl<'a> Put<'a> {
    /// An unconditional put of nothing but a value.
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

    /// Checks what can be checked without a store: that key, value and metadata are within their limits.
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
        check::key(self.key)
    }
}

/// A put that is part of a change.
struct Staged {
    info: ObjectInfo,
    /// The bytes of the value that it replaces.
    removed: u64,
    /// Where the value goes, if it is not inline.
    extent: Option<Extent>,
}

impl<M: Memory + Clone> Store<M> {
    /// Stores a value under a key, whether there is one already or not. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`] for a key, value or metadata outside of its limits,
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not hold, and
    /// [`Error::OutOfMemory`]. Nothing has changed then.
    pub fn put(&mut self, put: Put<'_>, now_ns: u64) -> Result<ObjectInfo, Error> {
        let (mut index, mut extents) = (self.index.begin(), Extents::of(&self.arena));
        let revision = self.ledger.revision + 1;
        let staged = self.stage(&mut index, &mut extents, &put, revision, now_ns)?;
        let ledger = self.ledger.after(1, put.value.len() as u64, staged.removed)?;
        self.ensure(&index, &mut extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        staged.extent.into_iter().for_each(|extent| self.arena.write(extent, 0, put.value));
        self.write_ledger(ledger);
        Ok(staged.info)
    }

    /// Stores up to 1,000 values under different keys, all of them or none.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put) for the first value that cannot be stored, [`Error::LimitExceeded`] for more than 1,000
    /// values, and [`Error::InvalidArgument`] for a key that occurs twice.
    pub fn put_many(&mut self, puts: &[Put<'_>], now_ns: u64) -> Result<Vec<ObjectInfo>, Error> {
        if puts.is_empty() {
            return Ok(Vec::new());
        }
        check::batch(puts.len(), "objects in one put_many")?;
        let (mut index, mut extents) = (self.index.begin(), Extents::of(&self.arena));
        let (mut keys, mut batch) = (BTreeSet::new(), Vec::with_capacity(puts.len()));
        let (mut added, mut removed) = (0, 0);
        for (put, revision) in puts.iter().zip(self.ledger.revision + 1..) {
            if puts.len() > 1 && !keys.insert(put.key) {
                return Err(Error::invalid(format!("the key {:?} occurs twice in the batch", put.key)));
            }
            let staged = self.stage(&mut index, &mut extents, put, revision, now_ns)?;
            added += put.value.len() as u64;
            removed += staged.removed;
            batch.push(staged);
        }
        let ledger = self.ledger.after(batch.len() as u64, added, removed)?;
        self.ensure(&index, &mut extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        for (put, staged) in puts.iter().zip(&batch) {
            staged.extent.into_iter().for_each(|extent| self.arena.write(extent, 0, put.value));
        }
        self.write_ledger(ledger);
        Ok(batch.into_iter().map(|staged| staged.info).collect())
    }

    /// Makes a put a part of a change of the index and the arena.
    fn stage(
        &self,
        index: &mut IndexChange<'_, M>,
        extents: &mut Extents<'_, StoreMemory<M>>,
        put: &Put<'_>,
        revision: u64,
        now_ns: u64,
    ) -> Result<Staged, Error> {
        put.check()?;
        let located = index.locate(put.key.as_bytes())?;
        let present = present_at(index, located)?;
        check_condition(put.condition, present)?;
        let size = put.value.len() as u64;
        let extent = if size > self.options.inline_limit { Some(extents.allocate(size)?) } else { None };
        extents.free(present)?;
        let pairs = Pairs::encode(put.metadata.iter().copied());
        let entry = put.entry(present, extent, &pairs, revision, now_ns)?;
        let (head, inline) = entry.encode_parts();
        index.insert_at(located, put.key.as_bytes(), (&head, inline))?;
        let removed = present.map_or(0, |present| present.size);
        Ok(Staged { info: entry.info(put.key.to_owned())?, removed, extent })
    }
}

impl<'a> Put<'a> {
    /// The entry that leads to the value, in place of what is there.
    fn entry<'e>(
        &self,
        present: Option<Present>,
        extent: Option<Extent>,
        pairs: &'e [u8],
        revision: u64,
        now_ns: u64,
    ) -> Result<Entry<'e>, Error>
    where
        'a: 'e,
    {
        let metadata = Metadata {
            content_type: self.content_type.filter(|text| !text.is_empty()),
            content_encoding: self.content_encoding.filter(|text| !text.is_empty()),
            pairs: Pairs(pairs),
            owner: self.owner,
            digest: self.sha256.map(check::sha256).transpose()?.map(Digest::declared),
            ..Metadata::default()
        };
        Ok(Entry {
            size: self.value.len() as u64,
            revision,
            created_ns: present.map_or(now_ns, |present| present.created_ns),
            modified_ns: now_ns,
            metadata,
            body: extent.map_or(Body::Inline(self.value), Body::Extent),
        })
    }
}
