//! Checks that the hash tree agrees with the objects and the scopes.

use std::ops::Bound::Included;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::{CertifiedObjects, PREFIXES_LABEL};
use crate::base::problem::Problem;
use crate::core::certified::damaged;
use crate::structures::btree::Direction;
use crate::structures::hash_tree::{Digest, leaf};
use crate::subjects::objects::{Entry, OBJECTS_LABEL, record};
use crate::subjects::scopes::{Known, Prefix, Progress};

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Checks the tree and the maps of certification, and that every object that must be in the tree is there with its record, and
    /// no other.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let core = self.objects.core;
        let Some(certified) = core.certified() else { return };
        let maps = [&certified.scopes, &certified.pieces, &certified.pending];
        let are_sound = maps.map(|map| map.check(problems)).iter().all(|is_sound| *is_sound);
        // The check of the objects has reported the problems of the index.
        if !are_sound || !core.index.check(&mut Vec::new()) {
            return;
        }
        let known = match self.objects.scopes.all(core) {
            Ok(known) => known,
            Err(error) => return problems.push(error.into()),
        };
        let is_sound =
            certified.tree.check(problems, &mut |path, digest| self.check_leaf(&known, path, digest));
        if is_sound {
            let missing = known.prefixes.iter().find_map(|prefix| self.check_prefix(prefix).err());
            problems.extend(missing.map(Problem::from));
        }
    }

    /// Checks that a leaf has the record of the object under its key.
    fn check_leaf(&self, known: &Known, path: &[Vec<u8>], digest: Digest) -> Result<(), Error> {
        let [tree, key] = path else { return Ok(()) };
        if tree == PREFIXES_LABEL {
            let is_complete =
                |known: &Prefix| known.prefix.as_bytes() == key && known.progress == Progress::Complete;
            let is_right = digest == leaf(b"") && known.prefixes.iter().any(is_complete);
            return if is_right { Ok(()) } else { Err(damaged("a prefix in the tree is not certified")) };
        }
        if tree != OBJECTS_LABEL {
            return Ok(());
        }
        let scope = known.prefixes.iter().find(|scope| key.starts_with(scope.prefix.as_bytes()));
        let scope = scope.ok_or_else(|| damaged("a leaf is not under a certified prefix"))?;
        if scope.progress == Progress::Removing {
            return Ok(());
        }
        match self.leaf_of(key)? {
            Some(expected) if expected == digest => Ok(()),
            Some(_) => Err(damaged("a leaf is not that of its object")),
            None => Err(damaged("a leaf has no object")),
        }
    }

    /// Checks that the objects under a prefix are in the tree, as far as they have been certified.
    fn check_prefix(&self, Prefix { prefix, progress }: &Prefix) -> Result<(), Error> {
        let core = self.objects.core;
        let tree = core.certified().map(|certified| &certified.tree);
        let shown = tree.map_or(Ok(None), |tree| tree.get(&[PREFIXES_LABEL, prefix.as_bytes()]))?;
        if *progress == Progress::Complete && shown.is_none() {
            return Err(damaged("a certified prefix is not in the tree"));
        }
        let start = Included(prefix.as_bytes());
        let mut cursor = core.index.cursor(start, Direction::Forward)?;
        while cursor.advance()? && cursor.key()?.starts_with(prefix.as_bytes()) {
            let key = cursor.key()?.to_vec();
            let is_due = match progress {
                Progress::Complete => true,
                Progress::After(last) => key.as_slice() <= last.as_bytes(),
                Progress::Removing => false,
            };
            let stored = tree.map_or(Ok(None), |tree| tree.get(&[OBJECTS_LABEL, &key]))?;
            if is_due && stored.is_none() {
                return Err(damaged("an object under a certified prefix has no leaf"));
            }
        }
        Ok(())
    }

    /// Returns the digest of the leaf that an object must have.
    fn leaf_of(&self, key: &[u8]) -> Result<Option<Digest>, Error> {
        let record = self.objects.core.index.get_with(key, |entry| record(&Entry::decode(entry)?))?;
        Ok(record.transpose()?.map(|record| leaf(&record)))
    }
}
