//! `DeleteObject` and `DeleteObjects`.

use std::collections::BTreeSet;

use s3s::{
    S3Error, S3Result,
    dto::{
        DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error,
        ObjectIdentifier,
    },
    s3_error,
};
use stable_storage_api::{DeleteArgs, limits::MAX_BATCH_ITEMS};
use storage_client::Transport;

use crate::{
    conditions,
    error::{not_implemented, of_call},
    keys,
    store::Store,
};

/// Deletes an object. One that does not exist is a success.
pub(crate) async fn object<T: Transport>(
    store: &Store<T>,
    input: DeleteObjectInput,
) -> S3Result<DeleteObjectOutput> {
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(not_implemented("a delete on the condition of a time or size"));
    }
    check_version(input.version_id.as_deref())?;
    let key = keys::object_key(&input.bucket, &input.key)?;
    store.require_bucket(&input.bucket).await?;
    let condition = conditions::of_write(store, &key, input.if_match.as_ref(), None).await?;
    let deleted = store.client().delete_when(&key, condition.clone()).await;
    deleted.map_err(|error| conditions::named(of_call(error), &condition))?;
    Ok(DeleteObjectOutput::default())
}

/// Deletes up to 1,000 objects in one step.
pub(crate) async fn objects<T: Transport>(
    store: &Store<T>,
    input: DeleteObjectsInput,
) -> S3Result<DeleteObjectsOutput> {
    let objects = input.delete.objects;
    if objects.is_empty() || objects.len() as u64 > MAX_BATCH_ITEMS {
        return Err(s3_error!(
            MalformedXML,
            "{} keys; the limits are 1 and {MAX_BATCH_ITEMS}",
            objects.len()
        ));
    }
    store.require_bucket(&input.bucket).await?;
    let (mut keys, mut deleted, mut errors) = (BTreeSet::new(), Vec::new(), Vec::new());
    for object in objects {
        match key(&input.bucket, &object) {
            Ok(key) => {
                keys.insert(key);
                deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
            }
            Err(error) => errors.push(failed(object.key, &error)),
        }
    }
    let deletes: Vec<_> = keys.into_iter().map(DeleteArgs::new).collect();
    if !deletes.is_empty() {
        store.client().delete_many(&deletes).await.map_err(of_call)?;
    }
    let is_quiet = input.delete.quiet.unwrap_or_default();
    Ok(DeleteObjectsOutput {
        deleted: (!is_quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..Default::default()
    })
}

fn key(bucket: &str, object: &ObjectIdentifier) -> S3Result<String> {
    if object.e_tag.is_some() || object.last_modified_time.is_some() || object.size.is_some() {
        return Err(not_implemented("a condition of DeleteObjects"));
    }
    check_version(object.version_id.as_deref())?;
    keys::object_key(bucket, &object.key)
}

fn check_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion, "objects have no versions")),
    }
}

fn failed(key: String, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        ..Default::default()
    }
}
