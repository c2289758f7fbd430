//! Inserting and overwriting.

use std::collections::BTreeSet;

use ic_stable_structures::Memory;
use storage_api::limits::{MAX_BATCH_ITEMS, MAX_CONTENT_TYPE_BYTES, MAX_PAYLOAD_BYTES};
use storage_api::{Condition, Error, ObjectInfo};

use super::entry::{Body, Entry, MAX_METADATA_BYTES, Present};
use super::key::Key;
use super::{Extents, check_condition};
use crate::arena::Extent;
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
    /// What must hold of the object that is there now.
    pub condition: Condition,
}

impl<'a> Put<'a> {
    /// An unconditional put without a content type.
    #[must_use]
    pub fn new(key: &'a str, value: &'a [u8]) -> Self {
        Self { key, value, content_type: None, condition: Condition::Any }
    }

    /// Checks what can be checked without a store: that key, value and content type are within their limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`].
    pub fn check(&self) -> Result<(), Error> {
        self.validated_key().map(drop)
    }

    fn validated_key(&self) -> Result<Key, Error> {
        let size = self.value.len() as u64;
        if size > MAX_PAYLOAD_BYTES {
            return Err(Error::TooLarge { size, limit: MAX_PAYLOAD_BYTES });
        }
        check_content_type(self.content_type)?;
        Key::new(self.key)
    }
}

/// Checks a content type that a caller gave.
pub(crate) fn check_content_type(content_type: Option<&str>) -> Result<(), Error> {
    let bytes = content_type.map_or(0, str::len) as u64;
    if bytes > MAX_CONTENT_TYPE_BYTES {
        return Err(Error::invalid(format!(
            "the content type has {bytes} bytes, at most {MAX_CONTENT_TYPE_BYTES} are allowed"
        )));
    }
    Ok(())
}

/// A put that has been checked: what is there now, and where the new value goes.
struct Planned {
    key: Key,
    present: Option<Present>,
    /// Where a value that is not inline goes.
    extent: Option<Extent>,
}

impl<M: Memory + Clone> Store<M> {
    /// Stores a value under a key, whether there is one already or not. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`] for a key, value or content type outside of its limits,
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
        let mut batch = self.plan(puts)?;
        let added = puts.iter().map(|put| put.value.len() as u64).sum();
        let removed = batch.iter().flat_map(|planned| planned.present).map(|present| present.size).sum();
        let ledger = self.ledger.after(batch.len() as u64, added, removed)?;
        let extents = self.place(puts, &mut batch)?;
        self.ensure_for_put(puts, &batch, &extents)?;
        // From here on nothing can fail. New extents were taken before the old ones were given back, and a value is
        // written before the entry that leads to it.
        extents.commit();
        let revisions = self.ledger.revision + 1..;
        let infos = puts.iter().zip(batch).zip(revisions);
        let infos =
            infos.map(|((put, planned), revision)| self.write(put, planned, revision, now_ns)).collect();
        self.write_ledger(ledger);
        Ok(infos)
    }

    fn plan(&self, puts: &[Put<'_>]) -> Result<Vec<Planned>, Error> {
        if puts.len() as u64 > MAX_BATCH_ITEMS {
            return Err(Error::LimitExceeded {
                what: "objects in one put_many".into(),
                limit: MAX_BATCH_ITEMS,
            });
        }
        let mut keys = BTreeSet::new();
        puts.iter()
            .map(|put| {
                let key = put.validated_key()?;
                if puts.len() > 1 && !keys.insert(put.key) {
                    return Err(Error::invalid(format!("the key {:?} occurs twice in the batch", put.key)));
                }
                let present = self.present(&key)?;
                check_condition(put.condition, present)?;
                Ok(Planned { key, present, extent: None })
            })
            .collect()
    }

    /// Takes extents for the values that are not inline, and gives back those of the values they replace.
    fn place(
        &self,
        puts: &[Put<'_>],
        batch: &mut [Planned],
    ) -> Result<Extents<'_, crate::space::StoreMemory<M>>, Error> {
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

    fn ensure_for_put(
        &self,
        puts: &[Put<'_>],
        batch: &[Planned],
        extents: &Extents<'_, crate::space::StoreMemory<M>>,
    ) -> Result<(), Error> {
        let index_bytes = puts.iter().zip(batch).map(|(put, planned)| {
            let inline = if planned.extent.is_some() { 0 } else { put.value.len() as u64 };
            planned.key.len() + MAX_METADATA_BYTES + inline
        });
        let index_pages = self.index.pages_to_insert(batch.len() as u64, index_bytes.sum());
        self.ensure(index_pages, extents)
    }

    /// Writes a value and its entry. Everything it needs was made sure of.
    fn write(&mut self, put: &Put<'_>, planned: Planned, revision: u64, now_ns: u64) -> ObjectInfo {
        let body = match planned.extent {
            None => Body::Inline(put.value),
            Some(extent) => {
                self.arena.write(extent, 0, put.value);
                Body::Extent(extent)
            }
        };
        let entry = Entry {
            size: put.value.len() as u64,
            revision,
            created_ns: planned.present.map_or(now_ns, |present| present.created_ns),
            modified_ns: now_ns,
            content_type: put.content_type.filter(|text| !text.is_empty()),
            digest: None,
            progress: None,
            body,
        };
        self.index.insert(planned.key, entry.encode());
        entry.info(put.key.to_owned())
    }
}
