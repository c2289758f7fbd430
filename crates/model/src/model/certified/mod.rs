//! What is certified: prefixes, sites and the log. Of the hash tree, the model has the keys of the objects that are in it.

mod step;

use std::collections::{BTreeMap, BTreeSet};

use stable_storage_api::limits::{HTTP_PIECE_BYTES, MAX_PAYLOAD_BYTES};
use stable_storage_api::{CertifiedPrefix, Checksum, ChecksumState, Error, ObjectInfo, Site, SiteStatus};

use super::Model;
use super::objects::Object;
use crate::call::Answer;

pub(super) use step::Refused;
pub(crate) use step::StepLimits;

/// The longest certified prefix, in bytes, as in the engine's `certified/mod.rs`.
const MAX_PREFIX_BYTES: usize = 1_000;

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
