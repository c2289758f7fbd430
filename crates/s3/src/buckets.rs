//! Buckets: first segments of keys. An empty bucket is kept by a marker, an empty object under the bucket's prefix.

use s3s::{
    S3Result,
    dto::{Bucket, CreateBucketInput, CreateBucketOutput, ListBucketsInput, ListBucketsOutput},
    s3_error,
};
use stable_storage_api::{Condition, Error, ListArgs, PutArgs};
use storage_client::Transport;

use crate::{
    error::{not_implemented, of_call},
    headers::timestamp,
    keys::{DELIMITER, bucket_of_prefix, bucket_prefix},
    store::Store,
};

/// Lists the buckets whose names S3 allows.
pub(crate) async fn list<T: Transport>(
    store: &Store<T>,
    input: ListBucketsInput,
) -> S3Result<ListBucketsOutput> {
    if input.continuation_token.is_some() || input.max_buckets.is_some() || input.bucket_region.is_some() {
        return Err(not_implemented("ListBuckets with max-buckets, a continuation token or a region"));
    }
    let prefix = input.prefix.unwrap_or_default();
    let level = store.client().list_level(&prefix, DELIMITER).await.map_err(of_call)?;
    let mut buckets = Vec::new();
    for name in level.prefixes.iter().filter_map(|prefix| bucket_of_prefix(prefix)) {
        // It may have been deleted in the meantime.
        let Some(first) = store.first_of_bucket(name).await? else { continue };
        buckets.push(Bucket {
            creation_date: Some(timestamp(first.created_ns)),
            name: Some(name.to_owned()),
            ..Default::default()
        });
    }
    let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
    Ok(ListBucketsOutput { buckets: Some(buckets), prefix, ..Default::default() })
}

/// Creates an empty bucket.
pub(crate) async fn create<T: Transport>(
    store: &Store<T>,
    input: CreateBucketInput,
) -> S3Result<CreateBucketOutput> {
    let exists = || s3_error!(BucketAlreadyOwnedByYou);
    if store.first_of_bucket(&input.bucket).await?.is_some() {
        return Err(exists());
    }
    let marker = PutArgs::new(bucket_prefix(&input.bucket), "").when(Condition::Absent);
    match store.client().put_with(marker).await {
        Ok(_) => Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) }),
        Err(error) if error.storage_error() == Some(&Error::AlreadyExists) => Err(exists()),
        Err(error) => Err(of_call(error)),
    }
}

/// Deletes an empty bucket.
pub(crate) async fn delete<T: Transport>(store: &Store<T>, bucket: &str) -> S3Result<()> {
    store.require_bucket(bucket).await?;
    let marker = bucket_prefix(bucket);
    let page = store.client().list(&ListArgs::prefix(&marker).limited(2)).await.map_err(of_call)?;
    if page.objects.iter().any(|object| object.key != marker) {
        return Err(s3_error!(BucketNotEmpty));
    }
    store.client().delete(&marker).await.map_err(of_call)?;
    Ok(())
}
