//! Scopes: the prefixes of which something is certified, and whether an object is under one of them.

mod prefix;

use std::cell::RefCell;
use std::ops::Bound::Unbounded;
use std::rc::Rc;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::core::Core;
use crate::core::certified::{Certified, damaged};
use crate::structures::btree::Raw;
use crate::subjects::sites::{Record, ServedSite};
pub(crate) use prefix::{Prefix, Progress};

/// First byte of the key of a site.
const SITE: u8 = b's';

/// The scopes of a store, which are read when they are first needed and then kept on the heap. Changes are written through.
#[derive(Default)]
pub(crate) struct Scopes {
    known: RefCell<Option<Rc<Known>>>,
}

/// All scopes.
#[derive(Default)]
pub(crate) struct Known {
    /// The certified prefixes, in their order. None is under another one.
    pub(crate) prefixes: Vec<Prefix>,
    /// The sites, in the order of their prefixes.
    pub(crate) sites: Vec<SiteScope>,
}

/// A site, and how far its objects are certified.
pub(crate) struct SiteScope {
    pub(crate) served: ServedSite,
    /// Key up to which all objects are certified: empty at the start, `None` when all are.
    pub(crate) scanned: Option<String>,
}

/// Returns the key of the record of a site.
pub(crate) fn site_key(prefix: &str) -> Raw {
    Raw([&[SITE], prefix.as_bytes()].concat())
}

impl Scopes {
    /// Returns all scopes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    #[inline(never)]
    pub(crate) fn all<M: Memory + Clone>(&self, core: &Core<M>) -> Result<Rc<Known>, Error> {
        let Some(certified) = core.certified() else { return Ok(Rc::default()) };
        let known = self.known.borrow().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let read = Rc::new(Known::read(certified)?);
        *self.known.borrow_mut() = Some(read.clone());
        Ok(read)
    }

    /// Forgets what is on the heap, after a change of the scopes.
    pub(crate) fn forget(&self) {
        *self.known.borrow_mut() = None;
    }
}

impl Known {
    /// Returns the certified prefix of a key.
    pub(crate) fn prefix_of(&self, key: &[u8]) -> Option<&Prefix> {
        self.prefixes.iter().find(|scope| key.starts_with(scope.prefix.as_bytes()))
    }

    /// Returns the certified site of a key.
    pub(crate) fn certified_site_of(&self, key: &[u8]) -> Option<&SiteScope> {
        let of_key = |scope: &&SiteScope| key.starts_with(scope.served.site.prefix.as_bytes());
        self.sites.iter().find(of_key).filter(|scope| scope.served.site.certified)
    }

    /// Returns the site with this prefix.
    pub(crate) fn site(&self, prefix: &str) -> Option<&SiteScope> {
        self.sites.iter().find(|scope| scope.served.site.prefix == prefix)
    }

    /// Returns whether the digest of an object's bytes is needed: under a certified prefix, and in a certified site.
    pub(crate) fn needs_digest(&self, key: &[u8]) -> bool {
        self.prefix_of(key).is_some() || self.certified_site_of(key).is_some()
    }

    fn read<M: Memory + Clone>(certified: &Certified<M>) -> Result<Self, Error> {
        let mut known = Self::default();
        for entry in certified.scopes()?.from(Unbounded, |_| true) {
            let (Raw(key), Raw(record)) = entry?;
            match key.split_first() {
                Some((&prefix::KIND, prefix)) => known.prefixes.push(Prefix::decode(prefix, &record)?),
                Some((&SITE, prefix)) => {
                    let Record { site, scanned } = Record::decode(&record)?;
                    if site.prefix.as_bytes() != prefix {
                        return Err(damaged("the record of a site has another prefix than its key"));
                    }
                    known.sites.push(SiteScope { served: ServedSite::new(site), scanned });
                }
                _ => return Err(damaged("a scope is of an unknown kind")),
            }
        }
        Ok(known)
    }
}
