//! Methods of a store for certification: see [`crate::subjects::certified`].

use ic_stable_structures::Memory;
use stable_storage_api::{
    CertifiedPrefix, CertifyProgress, Error, HttpRequest, ListArgs, Object, ObjectInfo, ReadLogArgs, Site,
    SiteStatus,
};

use super::Store;
use crate::structures::hash_tree::Digest;
use crate::subjects::certified::{CertifiedObjects, HttpReply, InfoPage, LogProof, Witnessed};

impl<M: Memory + Clone> Store<M> {
    pub(crate) fn certified_objects(&self) -> CertifiedObjects<'_, M> {
        CertifiedObjects { objects: self.objects() }
    }

    /// Returns the digest to certify, after every change of the store; `None` if nothing has ever been certified.
    #[must_use]
    pub fn certified_digest(&self) -> Option<Digest> {
        self.core.certified().map(|certified| certified.tree.digest())
    }

    /// Declares that the objects under a prefix are certified, or that they no longer are. The objects that exist are certified
    /// step by step by [`certify`](Self::certify), and so is their removal from the hash tree.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a prefix of more than 1,000 bytes, one that overlaps another certified prefix, and one that
    /// is still being removed; [`Error::LimitExceeded`] for more than 100 prefixes; [`Error::NotFound`] for the removal of a
    /// prefix that is not certified; and [`Error::OutOfMemory`].
    pub fn set_certified(&mut self, prefix: &str, is_certified: bool) -> Result<(), Error> {
        self.certified_objects().set_certified(prefix, is_certified)
    }

    /// Returns the certified prefixes, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn certified_prefixes(&self) -> Result<Vec<CertifiedPrefix>, Error> {
        self.certified_objects().certified_prefixes()
    }

    /// Certifies more of the objects under a prefix that was declared: at most 1,000 objects, and at most 64 MiB that must be
    /// hashed first. Call it until it is done.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a prefix that was not declared, and [`Error::OutOfMemory`].
    pub fn certify(&mut self, prefix: &str) -> Result<CertifyProgress, Error> {
        self.certified_objects().certify(prefix)
    }

    /// Certifies at most this many objects, and hashes at most `bytes`: for tests, whose objects are few and small.
    ///
    /// # Errors
    ///
    /// The same as for [`certify`](Self::certify).
    #[cfg(any(test, feature = "testing"))]
    pub fn certify_in_steps(
        &mut self,
        prefix: &str,
        objects: usize,
        bytes: u64,
    ) -> Result<CertifyProgress, Error> {
        self.certified_objects().certify_step(prefix, objects, bytes)
    }

    /// Returns an object with its value, or `None`, with a witness of either.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key that is not valid or not under a certified prefix, [`Error::TooLarge`] for an object
    /// that does not fit in one reply, and [`Error::Corrupted`].
    pub fn get_certified(&self, key: &str) -> Result<Witnessed<Option<Object>>, Error> {
        self.certified_objects().get(key)
    }

    /// Returns the metadata of an object, or `None`, with a witness of either.
    ///
    /// # Errors
    ///
    /// The same as for [`get_certified`](Self::get_certified), except [`Error::TooLarge`].
    pub fn stat_certified(&self, key: &str) -> Result<Witnessed<Option<ObjectInfo>>, Error> {
        self.certified_objects().stat(key)
    }

    /// Returns a page of the objects under a prefix, and the `start_after` of the next page, with a witness that no object is
    /// missing. The page may be shorter than for [`list`](Self::list).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a prefix that is not under a certified one, a limit of 0, a delimiter, and the descending
    /// order; and [`Error::Corrupted`].
    pub fn list_certified(&self, args: &ListArgs) -> Result<Witnessed<InfoPage>, Error> {
        self.certified_objects().list(args)
    }

    /// Certifies more of the entries of the log: at most 10,000, and at most 64 MiB. The first call switches the certification of the log
    /// on, permanently. Call it until it is done; from then on, every append certifies its entries.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] and [`Error::Corrupted`].
    pub fn certify_log(&mut self) -> Result<CertifyProgress, Error> {
        self.certified_log().certify()
    }

    /// Certifies at most this many entries: for tests, whose logs are short.
    ///
    /// # Errors
    ///
    /// The same as for [`certify_log`](Self::certify_log).
    #[cfg(any(test, feature = "testing"))]
    pub fn certify_log_in_steps(&mut self, entries: u64) -> Result<CertifyProgress, Error> {
        self.certified_log().certify_step(entries, u64::MAX)
    }

    /// Returns a page of entries of the certified log, oldest first, with a witness of the root and the length. At most 500
    /// entries.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a log that is not certified and for a limit of 0, [`Error::OutOfRange`] for an index after the end
    /// of the log, and [`Error::Corrupted`].
    pub fn log_certified(&self, args: &ReadLogArgs) -> Result<Witnessed<LogProof>, Error> {
        self.certified_log().read(args)
    }

    /// Adds a site, or replaces the one with the same prefix. Its objects are public over HTTP. The responses of a certified site are
    /// certified step by step by [`certify`](Self::certify), called with the site's prefix.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a site that is not valid or overlaps another one, [`Error::LimitExceeded`] for more than 100
    /// sites, and [`Error::OutOfMemory`].
    pub fn set_site(&mut self, site: &Site) -> Result<(), Error> {
        self.certified_objects().set_site(site)
    }

    /// Removes the site with this prefix, and returns whether there was one. Its objects stay.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn remove_site(&mut self, prefix: &str) -> Result<bool, Error> {
        self.certified_objects().remove_site(prefix)
    }

    /// Returns the sites with the progress of their certification, in the order of their prefixes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn list_sites(&self) -> Result<Vec<SiteStatus>, Error> {
        self.certified_objects().list_sites()
    }

    /// Returns whether there is a site.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn has_sites(&self) -> Result<bool, Error> {
        Ok(!self.scopes.all(&self.core)?.sites.is_empty())
    }

    /// Answers an HTTP request. `certificate` is the one of the platform for [`certified_digest`](Self::certified_digest), which
    /// only a query has. Without it, the answer is that of `http_request_update`, which the subnet certifies.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn http(&self, request: &HttpRequest, certificate: Option<&[u8]>) -> Result<HttpReply, Error> {
        self.certified_objects().http(request, certificate)
    }
}
