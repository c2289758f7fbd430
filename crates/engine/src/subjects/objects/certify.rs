//! What is certified of an object: the record under its key in the hash tree.
//!
//! # Layout v1
//!
//! The record is the contents of a leaf. It is not stored, but computed from the entry of the object:
//!
//! ```text
//! bytes  field
//!     1  version, 1
//!     8  size
//!     8  revision
//!     8  time of creation
//!     8  time of the last change
//!     n  content type, if there is one: see below
//!     n  content encoding, if there is one
//!     n  owner, if there is one
//!     2  number of pairs of user metadata; for each pair the name and the value, with their lengths
//!     1  digest: 0 none, 1 declared, 2 verified, 3 mismatch
//!    32  the digest, if there is one
//! ```
//!
//! All integers are little-endian. A field that may be absent is a zero, or a one and the field. Texts and the owner have their length
//! in two bytes before them.

use ic_stable_structures::Memory;
use sha2::{Digest as _, Sha256};
use stable_storage_api::limits::MAX_PAYLOAD_BYTES;
use stable_storage_api::{ChecksumState, Error, MetadataPair};

use super::Objects;
use super::entry::{Entry, EntryHeader};
use super::metadata::{Digest, Metadata};
use crate::core::change::Change;
use crate::structures::btree::Located;
use crate::structures::hash_tree::leaf;

/// Label of the tree of certified objects.
pub(crate) const OBJECTS_LABEL: &[u8] = b"objects";

const VERSION: u8 = 1;

impl<M: Memory + Clone> Objects<'_, M> {
    /// Adds the entry of the object under a key to a change, in two parts, and certifies it if it is under a certified prefix.
    pub(crate) fn write(
        &self,
        change: &mut Change<'_, M>,
        located: Located,
        key: &[u8],
        (header, inline): (&[u8], &[u8]),
    ) -> Result<(), Error> {
        if self.core.certified().is_none() {
            return change.index.insert_at(located, key, (header, inline));
        }
        self.write_certified(change, located, key, (header, inline))
    }

    #[cold]
    #[inline(never)]
    fn write_certified(
        &self,
        change: &mut Change<'_, M>,
        located: Located,
        key: &[u8],
        (header, inline): (&[u8], &[u8]),
    ) -> Result<(), Error> {
        let whole = [header, inline].concat();
        let entry = EntryHeader::decode(&whole)?;
        self.forget_pieces(change, key, Some(entry.revision))?;
        change.index.insert_at(located, key, (header, inline))?;
        if self.scopes.all(self.core)?.prefix_of(key).is_some() {
            let record = record(&entry.entry()?)?;
            change.certified()?.tree.set(&[OBJECTS_LABEL, key], leaf(&record))?;
        }
        self.update_pages(change, key)
    }

    /// Adds the removal of the object under a key to a change.
    pub(crate) fn erase(
        &self,
        change: &mut Change<'_, M>,
        located: Located,
        key: &[u8],
    ) -> Result<(), Error> {
        if self.core.certified().is_none() {
            return change.index.remove_at(located, key).map(drop);
        }
        self.erase_certified(change, located, key)
    }

    #[cold]
    #[inline(never)]
    fn erase_certified(&self, change: &mut Change<'_, M>, located: Located, key: &[u8]) -> Result<(), Error> {
        self.forget_pieces(change, key, None)?;
        change.index.remove_at(located, key)?;
        if self.scopes.all(self.core)?.prefix_of(key).is_some() {
            change.certified()?.tree.remove(&[OBJECTS_LABEL, key])?;
        }
        self.update_pages(change, key)
    }

    /// Returns the digest to record for a value: where something of it is certified, the one of its bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if another one was declared.
    pub(super) fn digest_of(
        &self,
        key: &str,
        value: &[u8],
        declared: Option<[u8; 32]>,
    ) -> Result<Option<Digest>, Error> {
        if self.core.certified().is_none() || !self.scopes.all(self.core)?.needs_digest(key.as_bytes()) {
            return Ok(declared.map(Digest::declared));
        }
        let bytes: [u8; 32] = Sha256::digest(value).into();
        if declared.is_some_and(|declared| declared != bytes) {
            return Err(Error::invalid(format!("the value of {key:?} does not have the declared SHA-256")));
        }
        Ok(Some(Digest { bytes, state: ChecksumState::Verified }))
    }

    /// Returns the metadata of an object that moves to a key. Under a certified prefix, it has the digest of the bytes, unless the object
    /// is so large that [`verify`](Self::verify) must compute it.
    pub(super) fn metadata_under<'e>(&self, key: &[u8], entry: &Entry<'e>) -> Result<Metadata<'e>, Error> {
        let is_computed = entry.metadata.has_verdict() || entry.size > MAX_PAYLOAD_BYTES;
        if is_computed || !self.scopes.all(self.core)?.needs_digest(key) {
            return Ok(entry.metadata);
        }
        let digest = self.verdict_on(entry)?;
        Ok(Metadata { digest: Some(digest), progress: None, ..entry.metadata })
    }

    /// Returns the record of the object under a key.
    pub(crate) fn record_of(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.core.index.get_with(key, |entry| record(&Entry::decode(entry)?))?.transpose()
    }
}

/// Returns the record of an object.
pub(crate) fn record(entry: &Entry<'_>) -> Result<Vec<u8>, Error> {
    let metadata = &entry.metadata;
    let mut bytes = Vec::with_capacity(128);
    bytes.push(VERSION);
    for number in [entry.size, entry.revision, entry.created_ns, entry.modified_ns] {
        bytes.extend(number.to_le_bytes());
    }
    put_optional(&mut bytes, metadata.content_type.map(str::as_bytes));
    put_optional(&mut bytes, metadata.content_encoding.map(str::as_bytes));
    put_optional(&mut bytes, metadata.owner.as_ref().map(|owner| owner.as_slice()));
    let pairs = metadata.pairs.decode()?.unwrap_or_default();
    bytes.extend((pairs.len() as u16).to_le_bytes());
    for MetadataPair { name, value } in &pairs {
        put_bytes(&mut bytes, name.as_bytes());
        put_bytes(&mut bytes, value.as_bytes());
    }
    match metadata.digest {
        None => bytes.push(0),
        Some(Digest { bytes: digest, state }) => {
            bytes.push(match state {
                ChecksumState::Declared => 1,
                ChecksumState::Verified => 2,
                ChecksumState::Mismatch => 3,
            });
            bytes.extend(digest);
        }
    }
    Ok(bytes)
}

fn put_optional(bytes: &mut Vec<u8>, field: Option<&[u8]>) {
    bytes.push(u8::from(field.is_some()));
    if let Some(field) = field {
        put_bytes(bytes, field);
    }
}

/// Appends bytes of which the limits of the contract allow fewer than 65,536.
fn put_bytes(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u16).to_le_bytes());
    bytes.extend_from_slice(field);
}
