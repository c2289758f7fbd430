//! Declaring which prefixes are certified.

use ic_stable_structures::Memory;
use stable_storage_api::limits::MAX_CERTIFIED_PREFIXES;
use stable_storage_api::{CertifiedPrefix, Error};

use super::{CertifiedObjects, MAX_PREFIX_BYTES, PREFIXES_LABEL};
use crate::core::change::Change;
use crate::subjects::scopes::{Prefix, Progress};

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Declares that objects under a prefix are certified, or that they no longer are. The objects that exist are certified or
    /// removed from the tree by [`certify`](Self::certify).
    pub(crate) fn set_certified(&self, prefix: &str, is_certified: bool) -> Result<(), Error> {
        let existing = self.declared(prefix)?;
        let existing = existing.map(|existing| existing.progress);
        let was_complete = existing == Some(Progress::Complete);
        let progress = match (existing, is_certified) {
            (None, false) => return Err(Error::NotFound),
            (Some(Progress::Removing), true) => return Err(is_being_removed(prefix)),
            (Some(Progress::Removing), false) | (Some(Progress::Complete | Progress::After(_)), true) => {
                return Ok(());
            }
            (None, true) => {
                self.check_new(prefix)?;
                Progress::After(String::new())
            }
            (Some(_), false) => Progress::Removing,
        };
        let mut change = Change::new(self.objects.core);
        if was_complete {
            change.certified()?.tree.remove(&[PREFIXES_LABEL, prefix.as_bytes()])?;
        }
        let prefix = Prefix { prefix: prefix.to_owned(), progress };
        change.certified()?.scopes()?.insert(&Prefix::key(&prefix.prefix), &prefix.encode())?;
        self.commit(change)
    }

    /// Returns the certified prefixes, except those that are being removed.
    pub(crate) fn certified_prefixes(&self) -> Result<Vec<CertifiedPrefix>, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        let declared = known.prefixes.iter().filter(|prefix| prefix.progress != Progress::Removing);
        Ok(declared
            .map(|Prefix { prefix, progress }| CertifiedPrefix {
                prefix: prefix.clone(),
                complete: *progress == Progress::Complete,
            })
            .collect())
    }

    /// Returns the record of a prefix.
    pub(super) fn declared(&self, prefix: &str) -> Result<Option<Prefix>, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        Ok(known.prefixes.iter().find(|known| known.prefix == prefix).cloned())
    }

    fn check_new(&self, prefix: &str) -> Result<(), Error> {
        if prefix.len() > MAX_PREFIX_BYTES {
            let bytes = prefix.len();
            return Err(Error::invalid(format!(
                "the prefix has {bytes} bytes; the limit is {MAX_PREFIX_BYTES}"
            )));
        }
        let known = self.objects.scopes.all(self.objects.core)?;
        if known.prefixes.len() as u64 >= MAX_CERTIFIED_PREFIXES {
            return Err(Error::LimitExceeded {
                what: "certified prefixes".into(),
                limit: MAX_CERTIFIED_PREFIXES,
            });
        }
        let overlaps =
            |other: &&Prefix| other.prefix.starts_with(prefix) || prefix.starts_with(&other.prefix);
        match known.prefixes.iter().find(overlaps) {
            Some(other) => Err(Error::invalid(format!(
                "the prefix {prefix:?} overlaps the certified prefix {:?}",
                other.prefix
            ))),
            None => Ok(()),
        }
    }
}

fn is_being_removed(prefix: &str) -> Error {
    Error::invalid(format!("the prefix {prefix:?} is still being removed; call certify until it is done"))
}
