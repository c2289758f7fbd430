//! What a change of an object changes of the sites: the pages of the paths that depend on it.
//!
//! Pieces: the digests of an object larger than one piece of a response are in the map of pieces, under its revision in 8 bytes,
//! big-endian: 32 bytes for each piece that has been hashed, in order. Pending: the keys of objects of certified sites whose
//! bytes have not been hashed, without contents.

use std::cell::RefCell;

use ic_stable_structures::Memory;
use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{ChecksumState, Error, ObjectInfo};

use super::Objects;
use super::entry::{Entry, EntryHeader};
use crate::core::Core;
use crate::core::certified::damaged;
use crate::core::change::Change;
use crate::core::key::key_text;
use crate::structures::btree::Raw;
use crate::structures::hash_tree::{Digest, EMPTY, MAX_PATH};
use crate::subjects::sites::{self, Resource, ServedSite, dependents, exact_labels, wildcard_labels};

/// The objects of a store, as the sites see them.
pub(crate) struct StoredObjects<'a, M: Memory>(pub(crate) &'a Core<M>);

impl<M: Memory + Clone> sites::Objects for StoredObjects<'_, M> {
    fn object(&self, key: &str) -> Result<Option<sites::Object>, Error> {
        let core = self.0;
        let info = core.index.get_with(key.as_bytes(), |entry| Entry::decode(entry)?.info(key.to_owned()))?;
        let Some(info) = info.transpose()? else { return Ok(None) };
        let pieces = match core.certified() {
            Some(certified) if info.size > HTTP_PIECE_BYTES => {
                certified.pieces()?.get(&piece_key(info.revision))?
            }
            _ => None,
        };
        object(info, pieces).map(Some)
    }
}

/// The objects after a change that is not committed.
struct PlannedObjects<'c, 'a, M: Memory>(RefCell<&'c mut Change<'a, M>>);

impl<M: Memory + Clone> sites::Objects for PlannedObjects<'_, '_, M> {
    fn object(&self, key: &str) -> Result<Option<sites::Object>, Error> {
        let change = &mut **self.0.borrow_mut();
        let located = change.index.locate(key.as_bytes())?;
        let info = change.index.look(located, |entry| Entry::decode(entry)?.info(key.to_owned()))?;
        let Some(info) = info.transpose()? else { return Ok(None) };
        let pieces = match info.size > HTTP_PIECE_BYTES {
            true => change.certified()?.pieces()?.get(&piece_key(info.revision))?,
            false => None,
        };
        object(info, pieces).map(Some)
    }
}

/// Returns an object with its pieces, if all of them are hashed.
fn object(info: ObjectInfo, pieces: Option<Raw>) -> Result<sites::Object, Error> {
    let pieces = pieces.map(|Raw(bytes)| digests(&bytes)).transpose()?;
    let pieces = pieces.filter(|pieces| pieces.len() as u64 == info.size.div_ceil(HTTP_PIECE_BYTES));
    Ok(sites::Object { info, pieces })
}

/// Returns the digests of pieces.
fn digests(bytes: &[u8]) -> Result<Vec<Digest>, Error> {
    match bytes.as_chunks::<32>() {
        (digests, []) => Ok(digests.to_vec()),
        _ => Err(damaged("the digests of pieces have a wrong length")),
    }
}

/// Returns the key of an object's pieces.
pub(crate) fn piece_key(revision: u64) -> Raw {
    Raw(revision.to_be_bytes().to_vec())
}

/// Returns whether nothing more can be hashed of an object: its responses can be certified, or its digest was declared wrongly.
pub(crate) fn is_hashed(object: &sites::Object) -> bool {
    if object.info.size > HTTP_PIECE_BYTES {
        return object.pieces.is_some();
    }
    object.info.sha256.as_ref().is_some_and(|checksum| checksum.state != ChecksumState::Declared)
}

impl<M: Memory + Clone> Objects<'_, M> {
    /// Returns whether there are pieces of any object.
    fn has_pieces(&self) -> Result<bool, Error> {
        let Some(certified) = self.core.certified() else { return Ok(false) };
        Ok(certified.pieces()?.len() > 0)
    }

    /// Removes the pieces of the object under a key, which a change is about to replace or remove.
    pub(super) fn forget_pieces(
        &self,
        change: &mut Change<'_, M>,
        key: &[u8],
        kept: Option<u64>,
    ) -> Result<(), Error> {
        if !self.has_pieces()? {
            return Ok(());
        }
        let located = change.index.locate(key)?;
        let old = change
            .index
            .look(located, |entry| EntryHeader::decode(entry).map(|old| (old.size, old.revision)))?;
        if let Some((size, revision)) = old.transpose()?
            && size > HTTP_PIECE_BYTES
            && kept != Some(revision)
        {
            change.certified()?.pieces()?.remove(&piece_key(revision))?;
        }
        Ok(())
    }

    /// Gives the pieces of an object to its next revision.
    pub(super) fn keep_pieces(&self, change: &mut Change<'_, M>, old: u64, new: u64) -> Result<(), Error> {
        if !self.has_pieces()? {
            return Ok(());
        }
        let pieces = change.certified()?.pieces()?;
        if let Some(digests) = pieces.get(&piece_key(old))? {
            pieces.insert(&piece_key(new), &digests)?;
        }
        Ok(())
    }

    /// Computes the pages again that depend on the object under a key, after a change of it.
    pub(crate) fn update_pages(&self, change: &mut Change<'_, M>, key: &[u8]) -> Result<(), Error> {
        let known = self.scopes.all(self.core)?;
        let Some(site) = known.certified_site_of(key) else { return Ok(()) };
        let key = key_text(key)?;
        let dependents = dependents(&site.served, &key);
        for path in &dependents.paths {
            set_page(change, &site.served, path)?;
        }
        if dependents.fallback && site.scanned.is_none() {
            set_fallback(change, &site.served)?;
        }
        let objects = PlannedObjects(RefCell::new(&mut *change));
        let is_pending = sites::Objects::object(&objects, &key)?.is_some_and(|object| !is_hashed(&object));
        let pending = change.certified()?.pending()?;
        let key = Raw(key.into_bytes());
        if is_pending {
            pending.insert(&key, &Raw(Vec::new()))?;
        } else if pending.len() > 0 {
            pending.remove(&key)?;
        }
        Ok(())
    }
}

/// Computes the page of a path again.
fn set_page<M: Memory + Clone>(
    change: &mut Change<'_, M>,
    served: &ServedSite,
    path: &str,
) -> Result<(), Error> {
    let digest = {
        let objects = PlannedObjects(RefCell::new(&mut *change));
        page_digest(&Resource::at(served, path, &objects)?, served)
    };
    set_leaf(change, &exact_labels(path), digest)
}

/// Returns the digest of the page of exactly one path; `None` if nothing is there. A page that cannot be certified yet is an empty
/// tree, which shows that the path is not one of those without an object.
pub(crate) fn page_digest(resource: &Resource, served: &ServedSite) -> Option<Digest> {
    match resource {
        Resource::Nothing => None,
        resource => Some(resource.page(&served.headers).map_or(EMPTY, |page| page.digest())),
    }
}

/// Computes the page again of the paths of a site without a separate page.
pub(crate) fn set_fallback<M: Memory + Clone>(
    change: &mut Change<'_, M>,
    served: &ServedSite,
) -> Result<(), Error> {
    let page = {
        let objects = PlannedObjects(RefCell::new(&mut *change));
        Resource::fallback(served, &objects)?.fallback_page(served)
    };
    set_leaf(change, &wildcard_labels(&served.path), page.map(|page| page.digest()))
}

/// A path of more labels than the tree takes has no page: requests for it are answered by updates.
fn set_leaf<M: Memory + Clone>(
    change: &mut Change<'_, M>,
    labels: &[&str],
    digest: Option<Digest>,
) -> Result<(), Error> {
    let labels: Vec<_> = labels.iter().map(|label| label.as_bytes()).collect();
    let tree = &mut change.certified()?.tree;
    match digest {
        _ if labels.len() > MAX_PATH => Ok(()),
        Some(digest) => tree.set(&labels, digest),
        None => tree.remove(&labels).map(drop),
    }
}
