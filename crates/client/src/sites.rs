//! Calls for web sites.

use stable_storage_api::{Site, SiteStatus};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Makes the objects under a prefix a web site, or changes the site with that prefix. The responses of a certified site
    /// are certified by [`certify`](Self::certify).
    pub async fn set_site(&self, site: &Site) -> Result<()> {
        self.check("set_site", || site.check())?;
        self.call(method!("set_site"), (site,)).await
    }

    /// Removes a site, and returns whether it existed. Its objects stay, and are no longer public over HTTP.
    pub async fn remove_site(&self, prefix: &str) -> Result<bool> {
        self.call(method!("remove_site"), (prefix,)).await
    }

    /// Returns all sites, with the progress of their certification.
    pub async fn list_sites(&self) -> Result<Vec<SiteStatus>> {
        self.call(method!("list_sites"), ()).await
    }
}
