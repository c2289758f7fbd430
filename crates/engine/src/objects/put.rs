//! Inserting and overwriting.

use std::collections::BTreeSet;

use candid::Principal;
use ic_stable_structures::Memory;
use storage_api::{Condition, Error, ObjectInfo, check};

use super::entry::{Body, Entry, Present};
use super::key::Key;
use super::metadata::{Digest, Metadata, Pairs};
use super::{Extents, IndexChange, check_condition, present};
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
        self.validated_key().map(drop)
    }

    fn validated_key(&self) -> Result<Key, Error> {
        check::payload(self.value.len())?;
        check::content_type(self.content_type)?;
        check::content_encoding(self.content_encoding)?;
        check::metadata(self.metadata)?;
        self.sha256.map_or(Ok(()), |digest| check::sha256(digest).map(drop))?;
        Key::new(self.key)
    }
}

/// A put that has been checked: what is there now, and where the new value goes.
struct Planned {
    key: Key,
    present: Option<Present>,
    /// Where a value that is not inline goes.
    extent: Option<Extent>,
    /// The user metadata as it is stored.
    pairs: Vec<u8>,
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
        let mut infos = self.put_many(&[put], now_ns)?;
        Ok(infos.pop().expect("one put gives one answer"))
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
        let mut index = self.index.begin();
        let mut batch = plan(&mut index, puts)?;
        let added = puts.iter().map(|put| put.value.len() as u64).sum();
        let removed = batch.iter().flat_map(|planned| planned.present).map(|present| present.size).sum();
        let ledger = self.ledger.after(batch.len() as u64, added, removed)?;
        let mut extents = self.place(puts, &mut batch)?;
        let mut infos = Vec::with_capacity(puts.len());
        for ((put, planned), revision) in puts.iter().zip(&batch).zip(self.ledger.revision + 1..) {
            let entry = planned.entry(put, revision, now_ns)?;
            index.insert(&planned.key, &entry.encode())?;
            infos.push(entry.info(put.key.to_owned())?);
        }
        self.ensure(&index, &mut extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        for (put, planned) in puts.iter().zip(batch) {
            planned.extent.into_iter().for_each(|extent| self.arena.write(extent, 0, put.value));
        }
        self.write_ledger(ledger);
        Ok(infos)
    }

    /// Takes extents for the values that are not inline, and gives back those of the values they replace.
    fn place(&self, puts: &[Put<'_>], batch: &mut [Planned]) -> Result<Extents<'_, StoreMemory<M>>, Error> {
        let mut extents = Extents::of(&self.arena);
        for (put, planned) in puts.iter().zip(batch) {
            let size = put.value.len() as u64;
            if size > self.options.inline_limit {
                planned.extent = Some(extents.allocate(size)?);
            }
            extents.free(planned.present)?;
        }
        Ok(extents)
    }
}

/// Checks a batch, and finds what is there now.
fn plan<M: Memory>(index: &mut IndexChange<'_, M>, puts: &[Put<'_>]) -> Result<Vec<Planned>, Error> {
    check::batch(puts.len(), "objects in one put_many")?;
    let mut keys = BTreeSet::new();
    puts.iter()
        .map(|put| {
            let key = put.validated_key()?;
            if puts.len() > 1 && !keys.insert(put.key) {
                return Err(Error::invalid(format!("the key {:?} occurs twice in the batch", put.key)));
            }
            let present = present(index, &key)?;
            check_condition(put.condition, present)?;
            Ok(Planned { key, present, extent: None, pairs: Pairs::encode(put.metadata) })
        })
        .collect()
}

impl Planned {
    /// The entry that leads to the new value.
    fn entry<'p>(&'p self, put: &Put<'p>, revision: u64, now_ns: u64) -> Result<Entry<'p>, Error> {
        let metadata = Metadata {
            content_type: put.content_type.filter(|text| !text.is_empty()),
            content_encoding: put.content_encoding.filter(|text| !text.is_empty()),
            pairs: Pairs(&self.pairs),
            owner: put.owner,
            digest: put.sha256.map(check::sha256).transpose()?.map(Digest::declared),
            ..Metadata::default()
        };
        Ok(Entry {
            size: put.value.len() as u64,
            revision,
            created_ns: self.present.map_or(now_ns, |present| present.created_ns),
            modified_ns: now_ns,
            metadata,
            body: self.extent.map_or(Body::Inline(put.value), Body::Extent),
        })
    }
}
