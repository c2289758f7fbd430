//! The store as the operations see it.

use std::{num::NonZeroUsize, sync::Arc};

use s3s::{S3Result, s3_error};
use stable_storage_api::{Error, ListArgs, ObjectInfo};
use storage_client::{Client, Transport};

use crate::{error::of_call, keys};

/// Number of pieces of one object that a request reads at the same time.
pub(crate) const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// A client that all requests share.
pub(crate) struct Store<T> {
    client: Arc<Client<T>>,
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self { client: Arc::clone(&self.client) }
    }
}

impl<T: Transport> Store<T> {
    pub(crate) fn new(client: Arc<Client<T>>) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Arc<Client<T>> {
        &self.client
    }

    /// Returns the metadata of the object under a key, if there is one.
    pub(crate) async fn find(&self, key: &str) -> S3Result<Option<ObjectInfo>> {
        match self.client.stat_confirmed(key).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.storage_error() == Some(&Error::NotFound) => Ok(None),
            Err(error) => Err(of_call(error)),
        }
    }

    /// Returns the metadata of the object under a key, by a replicated call: what a client has just written counts for its
    /// conditions, whichever node executes queries.
    pub(crate) async fn find_replicated(&self, key: &str) -> S3Result<Option<ObjectInfo>> {
        self.client.find_replicated(key).await.map_err(of_call)
    }

    /// Returns the metadata of an object.
    ///
    /// # Errors
    /// `NoSuchKey`, `NoSuchBucket`.
    pub(crate) async fn object(&self, bucket: &str, object: &str) -> S3Result<ObjectInfo> {
        let key = keys::object_key(bucket, object)?;
        if let Some(info) = self.find(&key).await? {
            return Ok(info);
        }
        self.require_bucket(bucket).await?;
        Err(s3_error!(NoSuchKey))
    }

    /// Returns the first object of a bucket, which may be its marker, or `None` if the bucket does not exist.
    pub(crate) async fn first_of_bucket(&self, bucket: &str) -> S3Result<Option<ObjectInfo>> {
        let prefix = keys::bucket_prefix(bucket);
        let page = self.client.list(&ListArgs::prefix(&prefix).limited(1)).await.map_err(of_call)?;
        match page.objects.into_iter().next() {
            Some(first) => Ok(Some(first)),
            // A node that lags may not have seen a new bucket yet.
            None => self.find(&prefix).await,
        }
    }

    /// Checks that a bucket exists: it was created, or has an object.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub(crate) async fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        let first = self.first_of_bucket(bucket).await?;
        first.map(drop).ok_or_else(|| s3_error!(NoSuchBucket))
    }
}
