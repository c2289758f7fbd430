//! What is certified: prefixes, sites and the log. Of the hash tree, the model has the keys of the objects that are in it.

use std::collections::{BTreeMap, BTreeSet};

use stable_storage_api::limits::{HTTP_PIECE_BYTES, MAX_PAYLOAD_BYTES, PAGE_BYTES};
use stable_storage_api::{
    CertifiedPrefix, CertifyProgress, Checksum, ChecksumState, Error, ObjectInfo, Site, SiteStatus,
};

use super::Model;
use super::objects::Object;
use crate::call::Answer;

/// The longest certified prefix, in bytes, as in the engine's `certified/mod.rs`.
const MAX_PREFIX_BYTES: usize = 1_000;

/// The most of one step of `certify` and `certify_log`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepLimits {
    /// Objects.
    pub(crate) objects: usize,
    /// Bytes of objects that are hashed.
    pub(crate) bytes: u64,
    /// Entries of the log.
    pub(crate) entries: u64,
}

/// How far the objects under a prefix are certified.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Complete,
    /// Up to a key. Empty: none.
    After(String),
    Removing,
}

#[derive(Clone, Debug)]
struct SiteScope {
    site: Site,
    /// Key up to which all objects that were there at the start are certified; `None` when all are.
    scanned: Option<String>,
}

/// All that is certified.
#[derive(Clone, Debug, Default)]
pub(super) struct Certification {
    prefixes: BTreeMap<String, Progress>,
    sites: BTreeMap<String, SiteScope>,
    /// Keys of the objects that are in the hash tree.
    leaves: BTreeSet<String>,
    /// Keys of the objects of certified sites whose bytes have to be hashed.
    pending: BTreeSet<String>,
    /// Number of certified entries of the log, once it was switched on.
    log: Option<u64>,
}

impl Certification {
    fn prefix_of(&self, key: &str) -> Option<(&String, &Progress)> {
        self.prefixes.iter().find(|(prefix, _)| key.starts_with(*prefix))
    }

    fn certified_site_of(&self, key: &str) -> Option<&SiteScope> {
        self.sites.values().find(|scope| scope.site.certified && key.starts_with(&scope.site.prefix))
    }

    fn first_pending(&self, prefix: &str) -> Option<String> {
        self.pending.iter().find(|key| key.starts_with(prefix)).cloned()
    }
}

/// Which commits of a step are refused for lack of memory. The first one ends a loop, and only the last one may follow it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refused {
    pub(super) first: Option<usize>,
    pub(super) last: bool,
}

/// One step of `certify`: what it has hashed, and whether it has changed anything. From then on, a refused commit only ends it.
struct Step {
    limits: StepLimits,
    refused: Refused,
    commits: usize,
    hashed: u64,
    has_changed: bool,
}

impl Step {
    fn room(&self) -> u64 {
        self.limits.bytes.saturating_sub(self.hashed)
    }

    /// Returns whether the next commit is carried out.
    fn commits(&mut self, is_last: bool) -> Result<bool, Error> {
        let number = self.commits;
        self.commits += 1;
        let is_refused = match self.refused.first {
            Some(first) => number == first || number > first && is_last && self.refused.last,
            None => false,
        };
        match is_refused {
            true if self.has_changed => Ok(false),
            true => Err(Error::OutOfMemory { requested: 0, available: 0 }),
            false => Ok(true),
        }
    }

    fn took(&mut self, bytes: u64) {
        self.hashed += bytes;
        self.has_changed = true;
    }
}

/// Returns whether nothing more can be hashed of an object of a site.
fn is_hashed(object: &Object) -> bool {
    match object.info.size > HTTP_PIECE_BYTES {
        true => object.pieces == object.info.size.div_ceil(HTTP_PIECE_BYTES),
        false => object.has_verdict(),
    }
}

impl Model {
    /// Returns whether the digest of a key's object is computed when it is written.
    fn needs_digest(&self, key: &str) -> bool {
        self.certified.prefix_of(key).is_some() || self.certified.certified_site_of(key).is_some()
    }

    /// Returns the digest to record for a value.
    pub(super) fn digest_of(
        &self,
        key: &str,
        value: &[u8],
        declared: Option<&serde_bytes::ByteBuf>,
    ) -> Result<Option<Checksum>, Error> {
        let declare = |digest: &serde_bytes::ByteBuf| Checksum {
            digest: digest.clone(),
            state: ChecksumState::Declared,
        };
        if !self.needs_digest(key) {
            return Ok(declared.map(declare));
        }
        let digest = super::objects::sha256(value);
        match declared {
            Some(declared) if *declared != digest => Err(Error::invalid("the digest")),
            _ => Ok(Some(Checksum { digest, state: ChecksumState::Verified })),
        }
    }

    /// Computes the digest of an object that is moved or copied to a key, if it is needed there.
    pub(super) fn judge_under(&self, key: &str, object: &mut Object) {
        let is_due = !object.has_verdict() && object.info.size <= MAX_PAYLOAD_BYTES;
        if is_due && self.needs_digest(key) {
            object.judge();
        }
    }

    /// Follows the writing or the removal of the object under a key.
    pub(super) fn touch(&mut self, key: &str) {
        let is_leaf = self.objects.contains_key(key) && self.certified.prefix_of(key).is_some();
        match is_leaf {
            true => self.certified.leaves.insert(key.into()),
            // Under a prefix that is no longer certified, there is none.
            false => self.certified.leaves.remove(key),
        };
        self.touch_pages(key);
    }

    /// Follows a change of the pages that depend on an object.
    fn touch_pages(&mut self, key: &str) {
        if self.certified.certified_site_of(key).is_none() {
            return;
        }
        match self.objects.get(key).is_some_and(|object| !is_hashed(object)) {
            true => self.certified.pending.insert(key.into()),
            false => self.certified.pending.remove(key),
        };
    }

    pub(super) fn set_certified(&mut self, prefix: &str, is_certified: bool) -> Result<Answer, Error> {
        let progress = match (self.certified.prefixes.get(prefix), is_certified) {
            (None, false) => return Err(Error::NotFound),
            (Some(Progress::Removing), true) => return Err(Error::invalid("the prefix is being removed")),
            (Some(Progress::Removing), false) | (Some(Progress::Complete | Progress::After(_)), true) => {
                return Ok(Answer::Nothing);
            }
            (Some(_), false) => Progress::Removing,
            (None, true) => {
                let overlaps =
                    |other: &String| other.starts_with(prefix) || prefix.starts_with(other.as_str());
                if prefix.len() > MAX_PREFIX_BYTES || self.certified.prefixes.keys().any(overlaps) {
                    return Err(Error::invalid("the prefix"));
                }
                Progress::After(String::new())
            }
        };
        self.certified.prefixes.insert(prefix.into(), progress);
        Ok(Answer::Nothing)
    }

    pub(super) fn set_site(&mut self, site: &Site) -> Result<Answer, Error> {
        site.check()?;
        let overlap = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
        let others = self.certified.sites.values().map(|scope| &scope.site);
        for other in others.filter(|other| other.prefix != site.prefix) {
            if overlap(&site.prefix, &other.prefix) || overlap(&site.url_path(), &other.url_path()) {
                return Err(Error::invalid("the site"));
            }
        }
        let existing = self.certified.sites.get(&site.prefix);
        if existing.is_none_or(|existing| existing.site != *site) {
            let is_scanned = site.certified && self.next_key(&site.prefix, "").is_some();
            let scope = SiteScope { site: site.clone(), scanned: is_scanned.then(String::new) };
            self.certified.sites.insert(site.prefix.clone(), scope);
        }
        Ok(Answer::Nothing)
    }

    pub(super) fn remove_site(&mut self, prefix: &str) -> Answer {
        Answer::WasThere(self.certified.sites.remove(prefix).is_some())
    }

    pub(super) fn certify(&mut self, prefix: &str, refused: Refused) -> Result<Answer, Error> {
        let step = Step { limits: self.step_limits, refused, commits: 0, hashed: 0, has_changed: false };
        let progress = self.certified.prefixes.get(prefix).cloned();
        let certified = match (progress, self.certified.sites.get(prefix).cloned()) {
            (None, None) => Err(Error::NotFound),
            (None | Some(Progress::Complete), Some(SiteScope { site, scanned })) => match scanned {
                _ if !site.certified => Ok(CertifyProgress { done: true, ..CertifyProgress::default() }),
                Some(after) => self.scan_site(prefix, after, step),
                None => self.certify_pending(prefix, step),
            },
            (Some(Progress::Complete), None) => {
                Ok(CertifyProgress { done: true, ..CertifyProgress::default() })
            }
            (Some(Progress::Removing), _) => self.remove_leaves(prefix, step),
            (Some(Progress::After(after)), _) => self.add_leaves(prefix, after, step),
        };
        certified.map(Answer::Certified)
    }

    /// Returns all results that a step can have when memory is short, with the state after each.
    pub(crate) fn certified_with_refusals(&self, prefix: &str) -> Vec<(Self, Answer)> {
        let mut outcomes = Vec::new();
        // Every object is hashed by one commit and certified by another, and the last commit is about all.
        for first in 0..=2 * self.objects.len() {
            for last in [false, true] {
                let mut model = self.clone();
                let answer = model.certify(prefix, Refused { first: Some(first), last });
                outcomes.extend(answer.ok().map(|answer| (model, answer)));
            }
        }
        outcomes
    }

    fn add_leaves(&mut self, prefix: &str, after: String, mut step: Step) -> Result<CertifyProgress, Error> {
        let (keys, last, is_done) = self.ready_keys(prefix, after, &mut step, |model, key, step| {
            Ok(model.objects[key].has_verdict() || model.hash_whole(key, step)?)
        })?;
        let hashed = step.hashed;
        if !step.commits(true)? {
            return Ok(CertifyProgress { items: 0, hashed, done: false });
        }
        let items = keys.len() as u64;
        self.certified.leaves.extend(keys);
        let progress = if is_done { Progress::Complete } else { Progress::After(last) };
        self.certified.prefixes.insert(prefix.into(), progress);
        Ok(CertifyProgress { items, hashed, done: is_done })
    }

    /// Returns the next keys after one, each hashed, with the last of them and whether no other follows.
    fn ready_keys(
        &mut self,
        prefix: &str,
        after: String,
        step: &mut Step,
        hash: impl Fn(&mut Self, &str, &mut Step) -> Result<bool, Error>,
    ) -> Result<(Vec<String>, String, bool), Error> {
        let (mut keys, mut last) = (Vec::new(), after);
        while keys.len() < step.limits.objects {
            let Some(key) = self.next_key(prefix, &last) else { return Ok((keys, last, true)) };
            if !hash(self, &key, step)? {
                break;
            }
            last.clone_from(&key);
            keys.push(key);
        }
        Ok((keys, last, false))
    }

    fn remove_leaves(&mut self, prefix: &str, mut step: Step) -> Result<CertifyProgress, Error> {
        let under: Vec<_> =
            self.certified.leaves.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        let items = under.len().min(step.limits.objects);
        step.commits(true)?;
        self.certified.leaves.retain(|key| !under[..items].contains(key));
        let done = items < step.limits.objects;
        if done {
            self.certified.prefixes.remove(prefix);
        }
        Ok(CertifyProgress { items: items as u64, hashed: 0, done })
    }

    fn scan_site(&mut self, prefix: &str, after: String, mut step: Step) -> Result<CertifyProgress, Error> {
        let (keys, last, is_done) = self.ready_keys(prefix, after, &mut step, Self::hash)?;
        let hashed = step.hashed;
        if !step.commits(true)? {
            return Ok(CertifyProgress { items: 0, hashed, done: false });
        }
        keys.iter().for_each(|key| self.touch_pages(key));
        let scope = self.certified.sites.get_mut(prefix).expect("it is being certified");
        scope.scanned = (!is_done).then_some(last);
        let done = is_done && self.certified.first_pending(prefix).is_none();
        Ok(CertifyProgress { items: keys.len() as u64, hashed, done })
    }

    fn certify_pending(&mut self, prefix: &str, mut step: Step) -> Result<CertifyProgress, Error> {
        let mut items = 0;
        while items < step.limits.objects {
            let Some(key) = self.certified.first_pending(prefix) else { break };
            if !self.hash(&key, &mut step)? || !step.commits(false)? {
                break;
            }
            self.touch_pages(&key);
            step.took(0);
            items += 1;
        }
        let done = self.certified.first_pending(prefix).is_none();
        Ok(CertifyProgress { items: items as u64, hashed: step.hashed, done })
    }

    /// Hashes an object of a site as far as the step has room. Returns whether nothing more can be hashed.
    fn hash(&mut self, key: &str, step: &mut Step) -> Result<bool, Error> {
        match self.objects.get(key) {
            Some(object) if !is_hashed(object) => match object.info.size > HTTP_PIECE_BYTES {
                true => self.hash_pieces(key, step),
                false => self.hash_whole(key, step),
            },
            _ => Ok(true),
        }
    }

    fn hash_whole(&mut self, key: &str, step: &mut Step) -> Result<bool, Error> {
        let room = step.room() / PAGE_BYTES * PAGE_BYTES;
        if room == 0 || !step.commits(false)? {
            return Ok(false);
        }
        let before = self.objects[key].hashed;
        let progress = self.verify_in_steps(key, room)?;
        step.took(progress.hashed - before);
        Ok(progress.verdict.is_some())
    }

    fn hash_pieces(&mut self, key: &str, step: &mut Step) -> Result<bool, Error> {
        let object = self.objects.get_mut(key).expect("it is being hashed");
        let (size, first) = (object.info.size, object.pieces);
        let all = size.div_ceil(HTTP_PIECE_BYTES);
        let end = all.min(first + step.room() / HTTP_PIECE_BYTES);
        if end == first || !step.commits(false)? {
            return Ok(false);
        }
        object.pieces = end;
        step.took(size.min(end * HTTP_PIECE_BYTES) - first * HTTP_PIECE_BYTES);
        Ok(end == all)
    }

    fn next_key(&self, prefix: &str, after: &str) -> Option<String> {
        let is_next = |key: &&String| key.starts_with(prefix) && (after.is_empty() || key.as_str() > after);
        self.objects.keys().find(is_next).cloned()
    }

    pub(super) fn certify_log(&mut self) -> Answer {
        let (length, first) = (self.log.len() as u64, self.certified.log.unwrap_or(0));
        let end = length.min(first + self.step_limits.entries);
        let new = &self.log[first as usize..end as usize];
        let hashed = new.iter().map(|entry| entry.len() as u64).sum();
        self.certified.log = Some(end);
        Answer::Certified(CertifyProgress { items: end - first, hashed, done: end == length })
    }

    /// Returns whether all entries of the log are certified. Then new ones are certified when they are appended.
    #[must_use]
    pub fn has_certified_log(&self) -> bool {
        self.certified.log == Some(self.log.len() as u64)
    }

    /// Follows an append to the log, which had this certification before.
    pub(super) fn follow_append(&mut self, was_certified: bool) {
        if was_certified {
            self.certified.log = Some(self.log.len() as u64);
        }
    }

    /// Returns the certified prefix of a key, if all objects under it are certified.
    #[must_use]
    pub fn complete_prefix_of(&self, key: &str) -> Option<&str> {
        let found = self.certified.prefix_of(key).filter(|(_, progress)| **progress == Progress::Complete);
        found.map(|(prefix, _)| prefix.as_str())
    }

    /// Returns the certified prefixes, except those that are being removed.
    pub(super) fn certified_prefixes(&self) -> Vec<CertifiedPrefix> {
        let declared =
            self.certified.prefixes.iter().filter(|(_, progress)| **progress != Progress::Removing);
        let prefix = |(prefix, progress): (&String, &Progress)| CertifiedPrefix {
            prefix: prefix.clone(),
            complete: *progress == Progress::Complete,
        };
        declared.map(prefix).collect()
    }

    pub(super) fn site_statuses(&self) -> Vec<SiteStatus> {
        let status = |SiteScope { site, scanned }: &SiteScope| {
            let of_site = |key: &&String| site.certified && key.starts_with(&site.prefix);
            let pending = self.certified.pending.iter().filter(of_site).count() as u64;
            SiteStatus { site: site.clone(), pending, complete: scanned.is_none() && pending == 0 }
        };
        self.certified.sites.values().map(status).collect()
    }

    /// Returns whether there is a certified prefix, also one that is being removed, or a site.
    pub(crate) fn certifies_objects(&self) -> bool {
        !(self.certified.prefixes.is_empty() && self.certified.sites.is_empty())
    }

    /// Returns the metadata of the object under a key.
    #[must_use]
    pub fn info(&self, key: &str) -> Option<&ObjectInfo> {
        self.objects.get(key).map(|object| &object.info)
    }
}
