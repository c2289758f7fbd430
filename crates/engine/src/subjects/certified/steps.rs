//! Certifying the objects that exist when a prefix is declared, in bounded steps.

use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::limits::VERIFY_STEP_BYTES;
use stable_storage_api::{CertifyProgress, Error};

use super::{CertifiedObjects, PREFIXES_LABEL};
use crate::core::change::Change;
use crate::core::key::key_text;
use crate::structures::btree::Direction;
use crate::structures::hash_tree::leaf;
use crate::subjects::objects::{Entry, OBJECTS_LABEL, record};
use crate::subjects::scopes::{Prefix, Progress};

/// The most objects of one step, about 400 million instructions.
const STEP_OBJECTS: usize = 1_000;

/// The most bytes that one step hashes.
const STEP_BYTES: u64 = VERIFY_STEP_BYTES;

/// Whole blocks of the hash function, and whole reads.
const READ_BYTES: u64 = 65_536;

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Certifies more of the objects under a prefix: at most 1,000, and at most 64 MiB that must be hashed first. Or removes as
    /// many from the tree, if the prefix is no longer certified.
    pub(crate) fn certify(&self, prefix: &str) -> Result<CertifyProgress, Error> {
        self.certify_step(prefix, STEP_OBJECTS, STEP_BYTES)
    }

    pub(super) fn certify_step(
        &self,
        prefix: &str,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        if let Some(site) = known.sites.iter().find(|scope| scope.served.site.prefix == prefix)
            && self.declared(prefix)?.is_none_or(|scope| scope.progress == Progress::Complete)
        {
            return self.certify_site(site, objects, bytes);
        }
        match self.declared(prefix)?.ok_or(Error::NotFound)?.progress {
            Progress::Complete => Ok(CertifyProgress { done: true, ..CertifyProgress::default() }),
            Progress::Removing => self.remove_step(prefix, objects),
            Progress::After(key) => self.add_step(prefix, &key, objects, bytes),
        }
    }

    fn add_step(
        &self,
        prefix: &str,
        after: &str,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        let mut hashed = 0;
        let mut ready = Vec::new();
        let mut last = after.to_owned();
        let mut is_done = false;
        while ready.len() < objects {
            let Some((key, has_verdict)) = self.next_object(prefix, &last)? else {
                is_done = true;
                break;
            };
            if !has_verdict {
                match self.hash_some(&key, bytes - hashed) {
                    Ok(Some((more, is_whole))) => {
                        hashed += more;
                        if !is_whole {
                            break;
                        }
                    }
                    Ok(None) => break,
                    // What an earlier object of this step has changed is kept, so this is not an error.
                    Err(_) if hashed > 0 => break,
                    Err(error) => return Err(error),
                }
            }
            last.clone_from(&key);
            ready.push(key);
        }
        let progress = if is_done { Progress::Complete } else { Progress::After(last) };
        self.set_leaves(&ready, Prefix { prefix: prefix.to_owned(), progress })?;
        Ok(CertifyProgress { items: ready.len() as u64, hashed, done: is_done })
    }

    /// Returns the first key under a prefix and after another key, and whether the object's digest has been computed.
    fn next_object(&self, prefix: &str, after: &str) -> Result<Option<(String, bool)>, Error> {
        let start = if after.is_empty() {
            Bound::Included(prefix.as_bytes())
        } else {
            Bound::Excluded(after.as_bytes())
        };
        let mut cursor = self.objects.core.index.cursor(start, Direction::Forward)?;
        if !cursor.advance()? || !cursor.key()?.starts_with(prefix.as_bytes()) {
            return Ok(None);
        }
        let (key, entry) = cursor.entry()?;
        Ok(Some((key_text(key)?, Entry::decode(entry)?.metadata.has_verdict())))
    }

    /// Hashes more of an object, at most `room` bytes. Returns the number of bytes, and whether it is hashed to its end; `None` if
    /// there is no room for a read.
    pub(super) fn hash_some(&self, key: &str, room: u64) -> Result<Option<(u64, bool)>, Error> {
        let room = room / READ_BYTES * READ_BYTES;
        if room == 0 {
            return Ok(None);
        }
        let before = self.objects.hashed_bytes(key)?;
        let progress = self.objects.verify_in_steps(key, room)?;
        Ok(Some((progress.hashed - before, progress.verdict.is_some())))
    }

    /// Puts the records of objects in the tree, and stores how far the prefix is certified.
    fn set_leaves(&self, keys: &[String], prefix: Prefix) -> Result<(), Error> {
        let core = self.objects.core;
        let mut change = Change::new(core);
        for key in keys {
            let record = core.index.get_with(key.as_bytes(), |entry| record(&Entry::decode(entry)?))?;
            let record = record.ok_or(Error::NotFound)??;
            change.certified()?.tree.set(&[OBJECTS_LABEL, key.as_bytes()], leaf(&record))?;
        }
        if prefix.progress == Progress::Complete {
            let path = [PREFIXES_LABEL, prefix.prefix.as_bytes()];
            change.certified()?.tree.set(&path, leaf(b""))?;
        }
        change.certified()?.scopes().insert(&Prefix::key(&prefix.prefix), &prefix.encode())?;
        change.reserve()?.commit();
        self.objects.scopes.forget();
        Ok(())
    }

    fn remove_step(&self, prefix: &str, objects: usize) -> Result<CertifyProgress, Error> {
        let mut change = Change::new(self.objects.core);
        let certified = change.certified()?;
        let (mut items, mut is_done) = (0, false);
        while items < objects as u64 {
            let label = certified.tree.first_label(&[OBJECTS_LABEL], prefix.as_bytes())?;
            let Some(label) = label.filter(|label| label.starts_with(prefix.as_bytes())) else {
                certified.scopes().remove(&Prefix::key(prefix))?;
                is_done = true;
                break;
            };
            certified.tree.remove(&[OBJECTS_LABEL, &label])?;
            items += 1;
        }
        change.reserve()?.commit();
        self.objects.scopes.forget();
        Ok(CertifyProgress { items, hashed: 0, done: is_done })
    }
}
