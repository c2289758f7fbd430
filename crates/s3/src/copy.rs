//! `CopyObject`, and the source of a copy.

use axum::http::{
    HeaderMap,
    header::{IF_MATCH, IF_NONE_MATCH},
};
use s3s::{
    S3Request, S3Result,
    dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective},
    s3_error,
};
use stable_storage_api::{CopyArgs, CopyMetadata, ObjectInfo, UploadArgs};
use storage_client::{TransferOptions, Transport};

use crate::{
    conditions::{self, ReadConditions},
    error::{not_implemented, of_transfer},
    etag,
    headers::{described, with_pair},
    keys,
    recorded::Recorded,
    store::Store,
};

/// Takes the conditions on the source of a copy from an input.
macro_rules! source_conditions {
    ($input:expr) => {
        $crate::conditions::ReadConditions {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}
pub(crate) use source_conditions;

/// Returns the source of a copy, if the conditions on it hold.
///
/// # Errors
/// `PreconditionFailed`, also where a read would have the status *not modified*.
pub(crate) async fn source<T: Transport>(
    store: &Store<T>,
    headers: &HeaderMap,
    conditions: &ReadConditions,
) -> S3Result<ObjectInfo> {
    let CopySource::Bucket { bucket, key, version_id } = &named_source(headers)? else {
        return Err(not_implemented("a copy from an access point"));
    };
    if version_id.as_deref().is_some_and(|version| version != "null") {
        return Err(s3_error!(NoSuchVersion, "objects have no versions"));
    }
    let info = store.find_replicated(&keys::object_key(bucket, key)?).await?;
    let info = match info {
        Some(info) => info,
        // Which of the two is missing.
        None => store.object(bucket, key).await?,
    };
    conditions.check_source(&info)?;
    Ok(info)
}

/// Returns the source that a request names. As in a form, a plus stands for a space there; `s3s` takes it for a plus.
fn named_source(headers: &HeaderMap) -> S3Result<CopySource> {
    let invalid = || s3_error!(InvalidArgument, "x-amz-copy-source is not BUCKET/KEY");
    let text = headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok()).ok_or_else(invalid)?;
    CopySource::parse(&text.replace('+', "%20")).map_err(|_| invalid())
}

/// Copies an object inside the canister.
pub(crate) async fn copy<T: Transport>(
    store: &Store<T>,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let S3Request { mut input, headers, extensions, .. } = request;
    let key = keys::object_key(&input.bucket, &input.key)?;
    store.require_bucket(&input.bucket).await?;
    // s3s does not read these.
    let if_match = conditions::in_header(&headers, &IF_MATCH)?;
    let if_none_match = conditions::in_header(&headers, &IF_NONE_MATCH)?;
    let condition = conditions::of_write(store, &key, if_match.as_ref(), if_none_match.as_ref()).await?;
    let info = source(store, &headers, &source_conditions!(input)).await?;
    let replaces = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    let metadata = match replaces {
        true => Some(replaced(with_pairs_of(&info, described!(input, extensions).args(&key)?)?)),
        false if info.key == key => {
            return Err(s3_error!(InvalidRequest, "an object is copied to itself only with other metadata"));
        }
        false => None,
    };
    // The version on which the conditions were checked.
    let args = CopyArgs {
        condition: Some(condition.clone()),
        revision: Some(info.revision),
        metadata,
        ..CopyArgs::new(&*info.key, &*key)
    };
    let written = store.client().copy(&args, TransferOptions::default()).await;
    let written = written.map_err(|error| conditions::named(of_transfer(error), &condition))?;
    // What is known of the copy: a query might be executed by a node that has not seen it yet.
    let described = args.metadata.map_or(info.metadata, |described| described.metadata);
    let copied = ObjectInfo { revision: written.revision, metadata: described, ..info };
    let result = CopyObjectResult {
        e_tag: Some(etag::of(&copied)),
        last_modified: Some(std::time::SystemTime::now().into()),
        ..Default::default()
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

/// Returns the metadata of a copy that the request describes.
fn replaced(args: UploadArgs) -> CopyMetadata {
    let UploadArgs { content_type, content_encoding, metadata, .. } = args;
    CopyMetadata { content_type, content_encoding, metadata }
}

/// Adds what is recorded of the source, because the bytes are the same.
fn with_pairs_of(info: &ObjectInfo, args: UploadArgs) -> S3Result<UploadArgs> {
    let args = match etag::recorded(info) {
        Some(etag) => with_pair(args, etag::pair(etag))?,
        None => args,
    };
    Ok(Recorded::of(info).add_to(args))
}
