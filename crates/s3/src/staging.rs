//! Where multipart uploads are kept until they are completed or aborted: in the store itself, so that they survive a restart.
//!
//! ```text
//! :s3/uploads/ID              the target key, with the metadata of the object to be
//! :s3/parts/ID/NUMBER-ETAG    a part; its checksums follow, see `part_sums`
//! :s3/parts/ID/new-RANDOM     a part that is arriving
//! ```
//!
//! An identifier is random digits; those of an upload whose object is to have a checksum are followed by the name of that.
//!
//! The ETag of a part is known after its last byte, so a part is stored under another key and renamed. Of several parts with
//! one number, the newest counts. No bucket has a name with a colon, so none of these keys is in a bucket.

use std::collections::BTreeMap;

use s3s::{S3Result, s3_error};
use stable_storage_api::{Condition, Error, ListArgs, Object, ObjectInfo, PutArgs, UploadArgs};
use storage_client::Transport;

use crate::{error::of_call, object_sums::Plan, part::Part, part_sums, store::Store};

const UPLOADS: &str = ":s3/uploads/";
const PARTS: &str = ":s3/parts/";
const NEW: &str = "new-";

/// Number of keys of one `get_many`.
const BATCH: usize = 1_000;

/// Random bytes of an upload's identifier.
const ID_BYTES: usize = 16;

/// A multipart upload.
pub(crate) struct Upload {
    pub(crate) id: String,
    /// The checksum that the object is to have.
    pub(crate) plan: Option<Plan>,
    /// The key of the object to be.
    pub(crate) target: String,
    /// The metadata of the object to be, as that of the record, and the time when the upload was created.
    pub(crate) info: ObjectInfo,
}

impl Upload {
    /// Returns the arguments of the upload of the whole object.
    pub(crate) fn args(&self) -> UploadArgs {
        UploadArgs {
            content_type: self.info.content_type.clone(),
            content_encoding: self.info.content_encoding.clone(),
            metadata: self.info.metadata.clone(),
            ..UploadArgs::unsized_new(&self.target)
        }
    }

    /// Returns the key of a part.
    fn part_key(&self, number: i32, etag: &str) -> String {
        format!("{}{number:05}-{etag}", parts_prefix(&self.id))
    }

    /// Returns a key for a part that is arriving.
    pub(crate) fn new_key(&self) -> S3Result<String> {
        Ok(format!("{}{NEW}{}", parts_prefix(&self.id), random()?))
    }
}

fn record_key(id: &str) -> String {
    format!("{UPLOADS}{id}")
}

fn parts_prefix(id: &str) -> String {
    format!("{PARTS}{id}/")
}

fn random() -> S3Result<String> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| s3_error!(InternalError, "no random bytes: {error}"))?;
    Ok(hex::encode(bytes))
}

/// Records a new upload with the metadata in `args`, whose key is the target, and returns its identifier.
pub(crate) async fn create<T: Transport>(
    store: &Store<T>,
    args: UploadArgs,
    plan: Option<Plan>,
) -> S3Result<String> {
    let id = match plan {
        Some(plan) => format!("{}-{}", random()?, plan.name()),
        None => random()?,
    };
    let record = PutArgs {
        content_type: args.content_type,
        content_encoding: args.content_encoding,
        metadata: args.metadata,
        ..PutArgs::new(record_key(&id), args.key)
    };
    store.client().put_with(record).await.map_err(of_call)?;
    Ok(id)
}

/// Returns the checksum that an identifier names.
///
/// # Errors
/// `NoSuchUpload` for a text that does not have the form of an identifier.
fn plan_of(id: &str) -> S3Result<Option<Plan>> {
    let (digits, name) = id.split_once('-').map_or((id, None), |(digits, name)| (digits, Some(name)));
    let plan = name.map(Plan::named);
    let is_id = digits.len() == 2 * ID_BYTES && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match plan {
        None if is_id => Ok(None),
        Some(Some(plan)) if is_id => Ok(Some(plan)),
        _ => Err(s3_error!(NoSuchUpload)),
    }
}

/// Returns whether a text has the form of an identifier.
pub(crate) fn is_id(id: &str) -> bool {
    plan_of(id).is_ok()
}

/// Returns an upload to a target.
///
/// # Errors
/// `NoSuchUpload`.
pub(crate) async fn find<T: Transport>(store: &Store<T>, id: &str, target: &str) -> S3Result<Upload> {
    let plan = plan_of(id)?;
    let found = record(store, &record_key(id)).await?;
    let found = found.filter(|record| record.value.as_slice() == target.as_bytes());
    let Object { info, .. } = found.ok_or_else(|| s3_error!(NoSuchUpload))?;
    Ok(Upload { id: id.to_owned(), plan, target: target.to_owned(), info })
}

/// Returns the record of an upload, if there is one.
async fn record<T: Transport>(store: &Store<T>, key: &str) -> S3Result<Option<Object>> {
    match store.client().get_with_info_confirmed(key).await {
        Ok(record) => Ok(Some(record)),
        Err(error) if error.storage_error() == Some(&Error::NotFound) => Ok(None),
        Err(error) => Err(of_call(error)),
    }
}

/// Returns whether an upload was neither completed nor aborted.
pub(crate) async fn is_open<T: Transport>(store: &Store<T>, id: &str) -> S3Result<bool> {
    Ok(store.find_replicated(&record_key(id)).await?.is_some())
}

/// Returns all uploads to targets that start with a prefix, in the order of their targets and times.
pub(crate) async fn list<T: Transport>(store: &Store<T>, prefix: &str) -> S3Result<Vec<Upload>> {
    let infos = store.client().list_all(UPLOADS).await.map_err(of_call)?;
    let mut uploads = Vec::new();
    for batch in infos.chunks(BATCH) {
        uploads.extend(to_targets(store, batch, prefix).await?);
    }
    uploads.sort_by(|one, other| (&one.target, one.info.revision).cmp(&(&other.target, other.info.revision)));
    Ok(uploads)
}

/// Returns the uploads of these records whose targets start with a prefix.
async fn to_targets<T: Transport>(
    store: &Store<T>,
    records: &[ObjectInfo],
    prefix: &str,
) -> S3Result<Vec<Upload>> {
    let keys: Vec<_> = records.iter().map(|info| &info.key).collect();
    let targets = store.client().get_many(&keys).await.map_err(of_call)?;
    let mut uploads = Vec::new();
    for (info, target) in records.iter().zip(targets) {
        let target = match target {
            Some(target) => Some(target),
            // A node that lags may not have seen a new upload yet; or it has ended in the meantime.
            None => record(store, &info.key).await?.map(|record| record.value.into_vec()),
        };
        let target = target.and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(target) = target.filter(|target| target.starts_with(prefix)) {
            let id = info.key[UPLOADS.len()..].to_owned();
            let plan = plan_of(&id).ok().flatten();
            uploads.push(Upload { id, plan, target, info: info.clone() });
        }
    }
    Ok(uploads)
}

/// Returns the parts of an upload by their numbers.
pub(crate) async fn parts<T: Transport>(store: &Store<T>, id: &str) -> S3Result<BTreeMap<i32, Part>> {
    let prefix = parts_prefix(id);
    let mut parts = BTreeMap::<i32, Part>::new();
    // Parts that were answered a moment ago must be there, so no single node is asked.
    for info in store.client().list_all_replicated(&prefix).await.map_err(of_call)? {
        let Some((number, etag)) = parse(&info.key[prefix.len()..]) else { continue };
        let is_newer = parts.get(&number).is_none_or(|part| part.info.revision < info.revision);
        if is_newer {
            let (etag, checksum) = part_sums::parse(etag);
            let etag = etag.to_owned();
            parts.insert(number, Part { info, etag, checksum });
        }
    }
    Ok(parts)
}

/// Returns number and ETag of a part from the end of its key.
fn parse(name: &str) -> Option<(i32, &str)> {
    let (number, etag) = name.split_once('-')?;
    Some((number.parse().ok()?, etag))
}

/// Makes a stored object part of an upload, and removes older parts with its number.
///
/// # Errors
/// `NoSuchUpload` if the upload has ended in the meantime: then the part is removed.
pub(crate) async fn add<T: Transport>(
    store: &Store<T>,
    upload: &Upload,
    number: i32,
    (new, etag): (&str, &str),
) -> S3Result<()> {
    let key = upload.part_key(number, etag);
    let written = store.client().rename(new, &key).await.map_err(of_call)?;
    // The call that ends an upload removes its record after the parts that were there, and those that came until then.
    if !is_open(store, &upload.id).await? {
        remove_if_unchanged(store, &key, written.revision).await?;
        return Err(s3_error!(NoSuchUpload));
    }
    let args = ListArgs::prefix(upload.part_key(number, ""));
    let page = store.client().list(&args).await.map_err(of_call)?;
    // A newer one is of a request that was answered later, or will be.
    for older in page.objects.iter().filter(|info| info.revision < written.revision) {
        remove_if_unchanged(store, &older.key, older.revision).await?;
    }
    Ok(())
}

/// Removes the object under a key, unless it is another one by now.
async fn remove_if_unchanged<T: Transport>(store: &Store<T>, key: &str, revision: u64) -> S3Result<()> {
    match store.client().delete_when(key, Condition::Revision(revision)).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.storage_error(), Some(Error::RevisionMismatch { .. })) => Ok(()),
        Err(error) => Err(of_call(error)),
    }
}

/// Removes the parts of an upload, then its record, so that what fails can be repeated and is listed until then; then the parts
/// that came in between. A part that comes later finds no record.
pub(crate) async fn remove<T: Transport>(store: &Store<T>, id: &str) -> S3Result<()> {
    let parts = parts_prefix(id);
    store.client().delete_all(&parts).await.map_err(of_call)?;
    store.client().delete(&record_key(id)).await.map_err(of_call)?;
    store.client().delete_all(&parts).await.map_err(of_call)?;
    Ok(())
}

/// Removes all uploads to targets that start with a prefix, as [`remove`] does.
pub(crate) async fn remove_all<T: Transport>(store: &Store<T>, prefix: &str) -> S3Result<()> {
    // None of them may be left, so no single node is asked.
    let records = store.client().list_all_replicated(UPLOADS).await.map_err(of_call)?;
    for batch in records.chunks(BATCH) {
        for upload in to_targets(store, batch, prefix).await? {
            remove(store, &upload.id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_arriving_do_not_count() {
        assert_eq!(parse("00007-abc"), Some((7, "abc")));
        assert_eq!(parse("new-0123"), None);
    }
}
