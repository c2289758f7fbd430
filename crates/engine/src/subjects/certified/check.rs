//! Checks that the hash tree agrees with the objects and the scopes.

use std::collections::BTreeMap;
use std::ops::Bound::Included;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::{CertifiedObjects, PREFIXES_LABEL};
use crate::base::problem::Problem;
use crate::core::certified::{Certified, damaged};
use crate::core::key::key_text;
use crate::structures::btree::Direction;
use crate::structures::hash_tree::{Digest, MAX_PATH, leaf};
use crate::subjects::objects::{OBJECTS_LABEL, StoredObjects, page_digest};
use crate::subjects::scopes::{Known, Prefix, Progress, SiteScope};
use crate::subjects::sites::{HTTP_EXPR, Resource, ServedSite, dependents, exact_labels, wildcard_labels};

/// The digests of the pages in the tree, by their labels.
type Pages = BTreeMap<Vec<Vec<u8>>, Digest>;

/// The digests that pages must have, and whether each must be in the tree.
type Expected = BTreeMap<Vec<Vec<u8>>, (Option<Digest>, bool)>;

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Checks the tree and the maps of certification, and that every object that must be in the tree is there with its record, and
    /// no other.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let core = self.objects.core;
        let Some(certified) = core.certified() else { return };
        let maps = [certified.scopes(), certified.pieces(), certified.pending()];
        let are_sound = maps.map(|map| match map {
            Ok(map) => map.check(problems),
            Err(error) => {
                problems.push(error.into());
                false
            }
        });
        let are_sound = are_sound.iter().all(|is_sound| *is_sound);
        // The check of the objects has reported the problems of the index.
        if !are_sound || !core.index.check(&mut Vec::new()) {
            return;
        }
        let known = match self.objects.scopes.all(core) {
            Ok(known) => known,
            Err(error) => return problems.push(error.into()),
        };
        let mut pages = Pages::new();
        let is_sound = certified.tree.check(problems, &mut |path, digest| match path {
            [tree, ..] if tree == HTTP_EXPR.as_bytes() => {
                pages.insert(path.to_vec(), digest);
                Ok(())
            }
            _ => self.check_leaf(&known, path, digest),
        });
        if is_sound {
            let missing = known.prefixes.iter().find_map(|prefix| self.check_prefix(certified, prefix).err());
            let wrong = missing.or_else(|| self.check_pages(&known, pages).err());
            problems.extend(wrong.map(Problem::from));
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
        let scope = known.prefix_of(key).ok_or_else(|| damaged("a leaf is not under a certified prefix"))?;
        if scope.progress == Progress::Removing {
            return Ok(());
        }
        match self.objects.record_of(key)? {
            Some(record) if leaf(&record) == digest => Ok(()),
            Some(_) => Err(damaged("a leaf is not that of its object")),
            None => Err(damaged("a leaf has no object")),
        }
    }

    /// Checks that the objects under a prefix are in the tree, as far as they have been certified.
    fn check_prefix(
        &self,
        Certified { tree, .. }: &Certified<M>,
        Prefix { prefix, progress }: &Prefix,
    ) -> Result<(), Error> {
        let shown = tree.get(&[PREFIXES_LABEL, prefix.as_bytes()])?;
        if *progress == Progress::Complete && shown.is_none() {
            return Err(damaged("a certified prefix is not in the tree"));
        }
        let start = Included(prefix.as_bytes());
        let mut cursor = self.objects.core.index.cursor(start, Direction::Forward)?;
        while cursor.advance()? && cursor.key()?.starts_with(prefix.as_bytes()) {
            let key = cursor.key()?.to_vec();
            let is_due = match progress {
                Progress::Complete => true,
                Progress::After(last) => key.as_slice() <= last.as_bytes(),
                Progress::Removing => false,
            };
            if is_due && tree.get(&[OBJECTS_LABEL, &key])?.is_none() {
                return Err(damaged("an object under a certified prefix has no leaf"));
            }
        }
        Ok(())
    }

    /// Checks that each page in the tree is that of its objects, and that none is missing of those that have been certified.
    fn check_pages(&self, known: &Known, mut pages: Pages) -> Result<(), Error> {
        for SiteScope { served, scanned } in &known.sites {
            for (labels, (page, is_due)) in self.expected_pages(served, scanned.as_deref())? {
                match (pages.remove(&labels), page) {
                    (stored, page) if stored == page => {}
                    (None, Some(_)) if !is_due => {}
                    _ => return Err(damaged("a page of a site is not that of its objects")),
                }
            }
        }
        if pages.is_empty() { Ok(()) } else { Err(damaged("a page belongs to no site")) }
    }

    /// Returns the pages that the objects of a site can have, and whether each must be in the tree.
    fn expected_pages(&self, served: &ServedSite, scanned: Option<&str>) -> Result<Expected, Error> {
        let core = self.objects.core;
        let view = StoredObjects(core);
        let mut expected = Expected::new();
        let mut add = |labels: Vec<&str>, page: Option<Digest>, is_due: bool| {
            if labels.len() <= MAX_PATH {
                let labels = labels.into_iter().map(|label| label.as_bytes().to_vec()).collect();
                let known: &mut (_, bool) = expected.entry(labels).or_insert((None, false));
                *known = (page, known.1 | is_due);
            }
        };
        let fallback = Resource::fallback(served, &view)?.fallback_page(served);
        add(
            wildcard_labels(&served.path),
            fallback.filter(|_| scanned.is_none()).map(|page| page.digest()),
            true,
        );
        let prefix = served.site.prefix.as_bytes();
        let mut cursor = core.index.cursor(Included(prefix), Direction::Forward)?;
        while served.site.certified && cursor.advance()? && cursor.key()?.starts_with(prefix) {
            let key = key_text(cursor.key()?)?;
            let is_due = scanned.is_none_or(|scanned| *key <= *scanned);
            for path in dependents(served, &key).paths {
                let page = page_digest(&Resource::at(served, &path, &view)?, served);
                add(exact_labels(&path), page, is_due);
            }
        }
        Ok(expected)
    }
}
