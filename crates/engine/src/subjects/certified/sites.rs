//! Declaring sites, and certifying their objects in steps.

use std::ops::Bound;

use ic_stable_structures::Memory;
use sha2::{Digest as _, Sha256};
use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{CertifyProgress, Error, Site, SiteStatus};

use super::CertifiedObjects;
use super::steps::Step;
use crate::core::change::Change;
use crate::core::key::key_text;
use crate::structures::btree::Raw;
use crate::subjects::objects::{Entry, StoredObjects, is_hashed, piece_key, read_range, set_fallback};
use crate::subjects::scopes::{SiteScope, site_key};
use crate::subjects::sites::{Objects as _, Record, ServedSite, check_addition, wildcard_labels};

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Adds a site, or replaces the one with the same prefix. Its objects are certified by [`certify`](Self::certify).
    pub(crate) fn set_site(&self, site: &Site) -> Result<(), Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        let others: Vec<_> = known.sites.iter().map(|scope| &scope.served.site).collect();
        check_addition(site, &others)?;
        let existing = known.site(&site.prefix);
        if existing.is_some_and(|scope| scope.served.site == *site) {
            return Ok(());
        }
        let served = ServedSite::new(site.clone());
        let scanned = match site.certified && self.next_key(&site.prefix, "")?.is_some() {
            true => Some(String::new()),
            false => None,
        };
        let mut change = Change::new(self.objects.core);
        if let Some(scope) = existing {
            remove_pages(&mut change, &scope.served)?;
        }
        change.certified()?.scopes()?.insert(&site_key(&site.prefix), &record(&served, scanned.clone()))?;
        if scanned.is_none() {
            set_fallback(&mut change, &served)?;
        }
        self.commit(change)
    }

    /// Removes a site, and returns whether there was one. Its objects stay.
    pub(crate) fn remove_site(&self, prefix: &str) -> Result<bool, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        let Some(scope) = known.site(prefix) else {
            return Ok(false);
        };
        let mut change = Change::new(self.objects.core);
        remove_pages(&mut change, &scope.served)?;
        change.certified()?.scopes()?.remove(&site_key(prefix))?;
        self.commit(change)?;
        Ok(true)
    }

    /// Returns the sites, in the order of their prefixes.
    pub(crate) fn list_sites(&self) -> Result<Vec<SiteStatus>, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        known.sites.iter().map(|scope| self.status_of(scope)).collect()
    }

    fn status_of(&self, scope: &SiteScope) -> Result<SiteStatus, Error> {
        /// More are not counted.
        const MOST: usize = 10_000;
        let site = scope.served.site.clone();
        let certified = self.objects.core.certified().filter(|_| site.certified);
        let pending = match certified {
            Some(certified) => {
                let prefix = site.prefix.as_bytes();
                let start = Bound::Included(Raw(prefix.to_vec()));
                let keys = certified.pending()?.from(start, |key| key.starts_with(prefix)).take(MOST);
                keys.collect::<Result<Vec<_>, _>>()?.len()
            }
            None => 0,
        };
        let complete = scope.scanned.is_none() && pending == 0;
        Ok(SiteStatus { site, pending: pending as u64, complete })
    }

    /// Certifies more of the objects of a site.
    pub(super) fn certify_site(
        &self,
        scope: &SiteScope,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        if !scope.served.site.certified {
            return Ok(CertifyProgress { done: true, ..CertifyProgress::default() });
        }
        match &scope.scanned {
            Some(after) => self.scan_step(&scope.served, after, objects, bytes),
            None => self.pending_step(&scope.served, objects, bytes),
        }
    }

    /// Certifies the objects that existed when the site was declared, from a key on.
    fn scan_step(
        &self,
        served: &ServedSite,
        after: &str,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        let mut step = Step::new(bytes);
        let (mut keys, mut last, mut is_done) = (Vec::new(), after.to_owned(), false);
        while keys.len() < objects {
            let Some(key) = self.next_key(&served.site.prefix, &last)? else {
                is_done = true;
                break;
            };
            let hashed = self.hash(&key, &mut step);
            if !step.part(hashed)? {
                break;
            }
            last.clone_from(&key);
            keys.push(key);
        }
        let stored = self.set_pages(served, &keys, (!is_done).then_some(last));
        let is_stored = step.part(stored.map(|()| true))?;
        let items = if is_stored { keys.len() as u64 } else { 0 };
        let done = is_done && is_stored && self.first_pending(served)?.is_none();
        Ok(CertifyProgress { items, hashed: step.hashed, done })
    }

    /// Stores the pages that depend on objects, and how far the site is certified.
    fn set_pages(&self, served: &ServedSite, keys: &[String], scanned: Option<String>) -> Result<(), Error> {
        let mut change = Change::new(self.objects.core);
        for key in keys {
            self.objects.update_pages(&mut change, key.as_bytes())?;
        }
        if scanned.is_none() {
            // Not before: until then, the tree does not say which paths have no object.
            set_fallback(&mut change, served)?;
        }
        change.certified()?.scopes()?.insert(&site_key(&served.site.prefix), &record(served, scanned))?;
        self.commit(change)
    }

    /// Certifies the objects that were written since.
    fn pending_step(
        &self,
        served: &ServedSite,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        let mut step = Step::new(bytes);
        let mut items = 0;
        while (items as usize) < objects {
            let Some(key) = self.first_pending(served)? else { break };
            let hashed = self.hash(&key, &mut step);
            if !step.part(hashed)? {
                break;
            }
            let certified = self.update_pages_of(&key);
            if !step.part(certified)? {
                break;
            }
            step.took(0);
            items += 1;
        }
        Ok(CertifyProgress { items, hashed: step.hashed, done: self.first_pending(served)?.is_none() })
    }

    fn update_pages_of(&self, key: &str) -> Result<bool, Error> {
        let mut change = Change::new(self.objects.core);
        self.objects.update_pages(&mut change, key.as_bytes())?;
        change.reserve()?.commit();
        Ok(true)
    }

    fn first_pending(&self, served: &ServedSite) -> Result<Option<String>, Error> {
        let Some(certified) = self.objects.core.certified() else { return Ok(None) };
        let prefix = served.site.prefix.as_bytes();
        let mut keys =
            certified.pending()?.from(Bound::Included(Raw(prefix.to_vec())), |key| key.starts_with(prefix));
        keys.next().map(|entry| key_text(&entry?.0.0)).transpose()
    }

    fn next_key(&self, prefix: &str, after: &str) -> Result<Option<String>, Error> {
        Ok(self.next_object(prefix, after, |_| Ok(()))?.map(|(key, ())| key))
    }

    /// Hashes an object as far as the step has room. Returns whether nothing more of it can be hashed.
    fn hash(&self, key: &str, step: &mut Step) -> Result<bool, Error> {
        let Some(object) = StoredObjects(self.objects.core).object(key)? else { return Ok(true) };
        if is_hashed(&object) {
            return Ok(true);
        }
        match object.info.size > HTTP_PIECE_BYTES {
            true => self.hash_pieces(key, object.info.revision, object.info.size, step),
            false => self.hash_whole(key, step),
        }
    }

    /// Hashes the next pieces of a large object, and stores their digests.
    fn hash_pieces(&self, key: &str, revision: u64, size: u64, step: &mut Step) -> Result<bool, Error> {
        let core = self.objects.core;
        let mut change = Change::new(core);
        let pieces = change.certified()?.pieces()?;
        let Raw(mut digests) = pieces.get(&piece_key(revision))?.unwrap_or(Raw(Vec::new()));
        let all = size.div_ceil(HTTP_PIECE_BYTES);
        let first = digests.len() as u64 / 32;
        let most = (step.room() / HTTP_PIECE_BYTES).min(all - first.min(all));
        if most == 0 {
            return Ok(first >= all);
        }
        let mut buffer = vec![0; HTTP_PIECE_BYTES as usize];
        let mut bytes = 0;
        for number in first..first + most {
            let start = number * HTTP_PIECE_BYTES;
            let piece = &mut buffer[..(size - start).min(HTTP_PIECE_BYTES) as usize];
            let read = core.index.get_with(key.as_bytes(), |entry| {
                read_range(&core.arena, Entry::decode(entry)?.location, start, piece)
            })?;
            read.unwrap_or(Err(Error::NotFound))?;
            digests.extend(Sha256::digest(&*piece));
            bytes += piece.len() as u64;
        }
        pieces.insert(&piece_key(revision), &Raw(digests))?;
        change.reserve()?.commit();
        step.took(bytes);
        Ok(first + most == all)
    }
}

fn record(served: &ServedSite, scanned: Option<String>) -> Raw {
    Raw(Record { site: served.site.clone(), scanned }.encode())
}

/// Removes all pages of a site, in one step.
fn remove_pages<M: Memory + Clone>(change: &mut Change<'_, M>, served: &ServedSite) -> Result<(), Error> {
    let labels = wildcard_labels(&served.path);
    let (_, site) = labels.split_last().expect("the labels end with the wildcard");
    let site: Vec<_> = site.iter().map(|label| label.as_bytes()).collect();
    change.certified()?.tree.remove(&site).map(drop)
}
