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
use crate::subjects::objects::{Entry, HASHED_READ_BYTES, OBJECTS_LABEL};
use crate::subjects::scopes::{Prefix, Progress};

/// The most objects of one step: about 400 million instructions under a prefix, and a billion in a site.
const STEP_OBJECTS: usize = 1_000;

/// What one step has done so far.
pub(super) struct Step {
    /// The most bytes to hash.
    bytes: u64,
    pub(super) hashed: u64,
    /// Whether it has changed anything. From then on, an error only ends the step: it would say that nothing has changed.
    has_changed: bool,
}

impl Step {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, hashed: 0, has_changed: false }
    }

    /// Returns the number of bytes that can still be hashed.
    pub(super) fn room(&self) -> u64 {
        self.bytes.saturating_sub(self.hashed)
    }

    /// Records a change, before which this many bytes were hashed.
    pub(super) fn took(&mut self, bytes: u64) {
        self.hashed += bytes;
        self.has_changed = true;
    }

    /// Returns the result of a part of the step, or that it is not done, if an earlier part has changed something.
    pub(super) fn part(&self, result: Result<bool, Error>) -> Result<bool, Error> {
        match result {
            Err(_) if self.has_changed => Ok(false),
            result => result,
        }
    }
}

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Certifies more of the objects under a prefix: at most 1,000, and at most 64 MiB that must be hashed first. Or removes as
    /// many from the tree, if the prefix is no longer certified.
    pub(crate) fn certify(&self, prefix: &str) -> Result<CertifyProgress, Error> {
        self.certify_step(prefix, STEP_OBJECTS, VERIFY_STEP_BYTES)
    }

    pub(crate) fn certify_step(
        &self,
        prefix: &str,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        let progress = self.declared(prefix)?.map(|declared| declared.progress);
        match (progress, known.site(prefix)) {
            (None, None) => Err(Error::NotFound),
            (None | Some(Progress::Complete), Some(site)) => self.certify_site(site, objects, bytes),
            (Some(Progress::Complete), None) => {
                Ok(CertifyProgress { done: true, ..CertifyProgress::default() })
            }
            (Some(Progress::Removing), _) => self.remove_step(prefix, objects),
            (Some(Progress::After(key)), _) => self.add_step(prefix, &key, objects, bytes),
        }
    }

    fn add_step(
        &self,
        prefix: &str,
        after: &str,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        let mut step = Step::new(bytes);
        let (mut ready, mut last, mut is_done) = (Vec::new(), after.to_owned(), false);
        while ready.len() < objects {
            let has_verdict = |entry: &[u8]| Ok(Entry::decode(entry)?.metadata.has_verdict());
            let Some((key, has_verdict)) = self.next_object(prefix, &last, has_verdict)? else {
                is_done = true;
                break;
            };
            if !has_verdict {
                let hashed = self.hash_whole(&key, &mut step);
                if !step.part(hashed)? {
                    break;
                }
            }
            last.clone_from(&key);
            ready.push(key);
        }
        let progress = if is_done { Progress::Complete } else { Progress::After(last) };
        let stored = self.set_leaves(&ready, Prefix { prefix: prefix.to_owned(), progress });
        let is_stored = step.part(stored.map(|()| true))?;
        let items = if is_stored { ready.len() as u64 } else { 0 };
        Ok(CertifyProgress { items, hashed: step.hashed, done: is_done && is_stored })
    }

    /// Returns the first key under a prefix and after another key, with what `look` returns for the entry of the object.
    pub(super) fn next_object<R>(
        &self,
        prefix: &str,
        after: &str,
        look: impl FnOnce(&[u8]) -> Result<R, Error>,
    ) -> Result<Option<(String, R)>, Error> {
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
        Ok(Some((key_text(key)?, look(entry)?)))
    }

    /// Hashes more of an object, as far as the step has room. Returns whether it is hashed to its end.
    pub(super) fn hash_whole(&self, key: &str, step: &mut Step) -> Result<bool, Error> {
        let room = step.room() / HASHED_READ_BYTES * HASHED_READ_BYTES;
        if room == 0 {
            return Ok(false);
        }
        let before = self.objects.hashed_bytes(key)?;
        let progress = self.objects.verify_in_steps(key, room)?;
        step.took(progress.hashed - before);
        Ok(progress.verdict.is_some())
    }

    /// Commits a change of the scopes.
    pub(super) fn commit(&self, mut change: Change<'_, M>) -> Result<(), Error> {
        change.reserve()?.commit();
        self.objects.scopes.forget();
        Ok(())
    }

    /// Puts the records of objects in the tree, and stores how far the prefix is certified.
    fn set_leaves(&self, keys: &[String], prefix: Prefix) -> Result<(), Error> {
        let mut change = Change::new(self.objects.core);
        for key in keys {
            let record = self.objects.record_of(key.as_bytes())?.ok_or(Error::NotFound)?;
            change.certified()?.tree.set(&[OBJECTS_LABEL, key.as_bytes()], leaf(&record))?;
        }
        if prefix.progress == Progress::Complete {
            let path = [PREFIXES_LABEL, prefix.prefix.as_bytes()];
            change.certified()?.tree.set(&path, leaf(b""))?;
        }
        change.certified()?.scopes()?.insert(&Prefix::key(&prefix.prefix), &prefix.encode())?;
        self.commit(change)
    }

    fn remove_step(&self, prefix: &str, objects: usize) -> Result<CertifyProgress, Error> {
        let mut change = Change::new(self.objects.core);
        let certified = change.certified()?;
        let (mut items, mut is_done) = (0, false);
        while items < objects as u64 {
            let label = certified.tree.first_label(&[OBJECTS_LABEL], prefix.as_bytes())?;
            let Some(label) = label.filter(|label| label.starts_with(prefix.as_bytes())) else {
                certified.scopes()?.remove(&Prefix::key(prefix))?;
                is_done = true;
                break;
            };
            certified.tree.remove(&[OBJECTS_LABEL, &label])?;
            items += 1;
        }
        self.commit(change)?;
        Ok(CertifyProgress { items, hashed: 0, done: is_done })
    }
}
