//! Calls for certified reads, and for what is certified.
//!
//! The replies have proofs. [`Verified`](crate::Verified), of the feature `verify`, checks them.

use stable_storage_api::{
    CertifiedInfo, CertifiedLogPage, CertifiedObject, CertifiedPage, CertifiedPrefix, CertifyProgress,
    ListArgs, ReadLogArgs, check,
};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Returns an object that fits one reply, or that there is none, with a proof of it. Only under a certified prefix.
    pub async fn get_certified(&self, key: &str) -> Result<CertifiedObject> {
        self.check("get_certified", || check::key(key))?;
        self.call(method!("get_certified"), (key,)).await
    }

    /// Returns the metadata of an object, or that there is none, with a proof of it. Only under a certified prefix.
    pub async fn stat_certified(&self, key: &str) -> Result<CertifiedInfo> {
        self.check("stat_certified", || check::key(key))?;
        self.call(method!("stat_certified"), (key,)).await
    }

    /// Returns a page of the objects under a prefix, in byte order of their keys, with a proof that none is missing. Only
    /// under a certified prefix, without a delimiter, and in ascending order.
    pub async fn list_certified(&self, args: &ListArgs) -> Result<CertifiedPage> {
        self.check("list_certified", || args.check())?;
        self.call(method!("list_certified"), (args,)).await
    }

    /// Returns a page of entries of the log from an index on, with a proof of them and of the length of the log.
    pub async fn log_certified(
        &self,
        from: u64,
        limit: impl Into<Option<u32>> + Send,
    ) -> Result<CertifiedLogPage> {
        let args = ReadLogArgs { from, limit: limit.into() };
        self.check("log_certified", || args.check())?;
        self.call(method!("log_certified"), (args,)).await
    }

    /// Declares that the objects under a prefix are certified, or that they no longer are. Objects that exist are certified
    /// by [`certify`](Self::certify).
    pub async fn set_certified(&self, prefix: &str, certified: bool) -> Result<()> {
        self.call(method!("set_certified"), (prefix, certified)).await
    }

    /// Returns the prefixes that are certified, and whether all objects under them are.
    pub async fn certified_prefixes(&self) -> Result<Vec<CertifiedPrefix>> {
        self.call(method!("certified_prefixes"), ()).await
    }

    /// Certifies some more of the objects under a certified prefix or of a site. Call it again until it is done.
    pub async fn certify(&self, prefix: &str) -> Result<CertifyProgress> {
        self.call(method!("certify"), (prefix,)).await
    }

    /// Certifies some more entries of the log, and from the first call on those that are appended. Call it again until it is
    /// done.
    pub async fn certify_log(&self) -> Result<CertifyProgress> {
        self.call(method!("certify_log"), ()).await
    }

    /// Certifies all objects under a certified prefix or of a site, step by step. Reports the sum of all steps after each,
    /// and returns the last one.
    pub async fn certify_all(
        &self,
        prefix: &str,
        mut report: impl FnMut(CertifyProgress) + Send,
    ) -> Result<CertifyProgress> {
        let mut sum = CertifyProgress::default();
        while !sum.done {
            sum = added(sum, self.certify(prefix).await?);
            report(sum);
        }
        Ok(sum)
    }

    /// Certifies all entries of the log, step by step. Reports the sum of all steps after each, and returns the last one.
    pub async fn certify_whole_log(
        &self,
        mut report: impl FnMut(CertifyProgress) + Send,
    ) -> Result<CertifyProgress> {
        let mut sum = CertifyProgress::default();
        while !sum.done {
            sum = added(sum, self.certify_log().await?);
            report(sum);
        }
        Ok(sum)
    }
}

/// Returns the sum of some steps and the next one.
fn added(sum: CertifyProgress, step: CertifyProgress) -> CertifyProgress {
    CertifyProgress {
        items: sum.items.saturating_add(step.items),
        hashed: sum.hashed.saturating_add(step.hashed),
        done: step.done,
    }
}
