//! Buckets: first segments of keys. An empty bucket is kept by a marker, an empty object under the bucket's prefix.

use s3s::{
    S3Result,
    dto::{
        Bucket, BucketLocationConstraint, CreateBucketConfiguration, CreateBucketInput, CreateBucketOutput,
        GetBucketLocationOutput, ListBucketsInput, ListBucketsOutput,
    },
    s3_error,
};
use stable_storage_api::{Condition, Error, ListArgs, MetadataPair, ObjectInfo, PutArgs};
use storage_client::Transport;

use crate::{
    error::{not_implemented, of_call},
    headers::timestamp,
    keys::{DELIMITER, bucket_of_prefix, bucket_prefix},
    listing,
    region::REGION,
    staging,
    store::Store,
};

/// Name of the pair with the region of a bucket, in the metadata of its marker.
const LOCATION: &str = ":location";

/// The longest name of a region, in bytes.
const MAX_LOCATION_BYTES: usize = 63;

/// The most buckets that a client can ask for in a page.
const MAX_BUCKETS: i32 = 10_000;

/// Lists the buckets whose names S3 allows: all of them, or a page if the client says how many it has.
pub(crate) async fn list<T: Transport>(
    store: &Store<T>,
    input: ListBucketsInput,
) -> S3Result<ListBucketsOutput> {
    let limit = input.max_buckets.map(page_limit).transpose()?.unwrap_or(usize::MAX);
    let after = input.continuation_token.as_deref().map(listing::decode).transpose()?;
    let prefix = input.prefix.unwrap_or_default();
    let level = store.client().list_level(&prefix, DELIMITER).await.map_err(of_call)?;
    let mut names: Vec<_> = level.prefixes.iter().filter_map(|prefix| bucket_of_prefix(prefix)).collect();
    // Their order is that of the keys, where a slash follows each name.
    names.sort_unstable();
    let (mut buckets, mut is_truncated) = (Vec::new(), false);
    for name in names.into_iter().filter(|name| after.as_deref().is_none_or(|after| *name > after)) {
        // It may have been deleted in the meantime.
        let Some(first) = store.first_of_bucket(name).await? else { continue };
        let region = region_of(name, &first);
        if input.bucket_region.as_ref().is_some_and(|wanted| *wanted != region) {
            continue;
        }
        is_truncated = buckets.len() == limit;
        if is_truncated {
            break;
        }
        buckets.push(bucket(name, region, &first));
    }
    let last = buckets.last().and_then(|bucket| bucket.name.as_ref()).filter(|_| is_truncated);
    Ok(ListBucketsOutput {
        continuation_token: last.map(hex::encode),
        owner: Some(listing::owner()),
        prefix: Some(prefix).filter(|prefix| !prefix.is_empty()),
        buckets: Some(buckets),
    })
}

/// Returns how many buckets a page has.
///
/// # Errors
/// `InvalidArgument`.
fn page_limit(limit: i32) -> S3Result<usize> {
    let is_allowed = (1..=MAX_BUCKETS).contains(&limit);
    let limit = is_allowed.then_some(limit).and_then(|limit| usize::try_from(limit).ok());
    limit.ok_or_else(|| s3_error!(InvalidArgument, "max-buckets is not a number from 1 to {MAX_BUCKETS}"))
}

fn bucket(name: &str, region: String, first: &ObjectInfo) -> Bucket {
    Bucket {
        bucket_region: Some(region),
        creation_date: Some(timestamp(first.created_ns)),
        name: Some(name.to_owned()),
    }
}

/// Returns the region of a bucket, given its first object, which is its marker if it has one.
fn region_of(name: &str, first: &ObjectInfo) -> String {
    let pairs = first.metadata.iter().flatten().filter(|_| first.key == bucket_prefix(name));
    let mut regions = pairs.filter(|pair| pair.name == LOCATION).map(|pair| pair.value.clone());
    regions.next().unwrap_or_else(|| REGION.to_owned())
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
    let location = location_of(input.create_bucket_configuration)?;
    let marker = PutArgs {
        metadata: location.map(|location| vec![MetadataPair::new(LOCATION, location)]),
        ..PutArgs::new(bucket_prefix(&input.bucket), "").when(Condition::Absent)
    };
    match store.client().put_with(marker).await {
        Ok(_) => Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) }),
        Err(error) if error.storage_error() == Some(&Error::AlreadyExists) => Err(exists()),
        Err(error) => Err(of_call(error)),
    }
}

/// Returns the region that a client asks for. Every one is the same; clients expect the one that they asked for.
fn location_of(configuration: Option<CreateBucketConfiguration>) -> S3Result<Option<String>> {
    let Some(CreateBucketConfiguration { bucket, location, location_constraint, .. }) = configuration else {
        return Ok(None);
    };
    if bucket.is_some() || location.is_some() {
        return Err(not_implemented("a directory bucket"));
    }
    let region =
        location_constraint.map(|region| region.as_str().to_owned()).filter(|region| !region.is_empty());
    let is_name = |region: &String| {
        region.len() <= MAX_LOCATION_BYTES
            && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match region {
        Some(region) if !is_name(&region) => Err(s3_error!(InvalidLocationConstraint)),
        region => Ok(region),
    }
}

/// Returns the region that a bucket was created in.
pub(crate) async fn location<T: Transport>(
    store: &Store<T>,
    bucket: &str,
) -> S3Result<GetBucketLocationOutput> {
    store.require_bucket(bucket).await?;
    let marker = store.find(&bucket_prefix(bucket)).await?;
    let pairs = marker.and_then(|marker| marker.metadata).unwrap_or_default();
    let pair = pairs.into_iter().find(|pair| pair.name == LOCATION);
    let location_constraint = pair.map(|pair| BucketLocationConstraint::from(pair.value));
    Ok(GetBucketLocationOutput { location_constraint })
}

/// Deletes an empty bucket, with the uploads to it. They are removed first and the bucket last, so that what fails can be
/// repeated.
pub(crate) async fn delete<T: Transport>(store: &Store<T>, bucket: &str) -> S3Result<()> {
    let first = store.first_of_bucket(bucket).await?.ok_or_else(|| s3_error!(NoSuchBucket))?;
    let marker = bucket_prefix(bucket);
    let page = store.client().list(&ListArgs::prefix(&marker).limited(2)).await.map_err(of_call)?;
    if page.objects.iter().chain([&first]).any(|object| object.key != marker) {
        return Err(s3_error!(BucketNotEmpty));
    }
    staging::remove_all(store, &marker).await?;
    store.client().delete(&marker).await.map_err(of_call)?;
    let deleted = check_deleted(store, &marker).await;
    if deleted.is_err() {
        let restored =
            PutArgs { metadata: first.metadata, ..PutArgs::new(&*marker, "").when(Condition::Absent) };
        // If this fails as well, the first error is the reason.
        let _ = store.client().put_with(restored).await;
    }
    deleted
}

/// Checks that nothing was stored in a bucket while it was deleted, and removes the uploads that were created meanwhile.
///
/// # Errors
/// `BucketNotEmpty`, and those of the calls. Then the bucket still exists.
async fn check_deleted<T: Transport>(store: &Store<T>, marker: &str) -> S3Result<()> {
    let objects = store.client().list_all_replicated(marker).await.map_err(of_call)?;
    if objects.iter().any(|object| object.key != marker) {
        return Err(s3_error!(BucketNotEmpty));
    }
    staging::remove_all(store, marker).await
}
