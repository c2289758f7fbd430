//! Where multipart uploads are kept until they are completed or aborted: in the store itself, so that they survive a restart.
//!
//! ```text
//! :s3/uploads/ID              the target key, with the metadata of the object to be
//! :s3/parts/ID/NUMBER-MD5     a part
//! :s3/parts/ID/new-RANDOM     a part that is arriving
//! ```
//!
//! The MD5 of a part is known after its last byte, so a part is stored under another key and renamed. Of several parts with
//! one number, the newest counts. No bucket has a name with a colon, so none of these keys is in a bucket.

use std::{collections::BTreeMap, sync::Arc};

use s3s::{S3Error, S3Result, s3_error};
use stable_storage_api::{Error, ListArgs, Object, ObjectInfo, PutArgs, UploadArgs};
use storage_client::Transport;

use crate::{error::of_call, store::Store};

const UPLOADS: &str = ":s3/uploads/";
const PARTS: &str = ":s3/parts/";
const NEW: &str = "new-";

/// Number of keys of one `get_many`.
const BATCH: usize = 1_000;

/// Bytes of an upload's identifier.
const ID_BYTES: usize = 16;

/// A multipart upload.
pub(crate) struct Upload {
    pub(crate) id: String,
    /// The key of the object to be.
    pub(crate) target: String,
    /// The metadata of the object to be, as that of the record, and the time when the upload was created.
    pub(crate) info: ObjectInfo,
}

/// A part of an upload.
pub(crate) struct Part {
    pub(crate) info: Arc<ObjectInfo>,
    /// The MD5, in hexadecimal.
    pub(crate) md5: String,
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
    pub(crate) fn part_key(&self, number: i32, md5: &str) -> String {
        format!("{PARTS}{}/{number:05}-{md5}", self.id)
    }

    /// Returns a key for a part that is arriving.
    pub(crate) fn new_key(&self) -> S3Result<String> {
        Ok(format!("{PARTS}{}/{NEW}{}", self.id, random()?))
    }
}

fn random() -> S3Result<String> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| s3_error!(InternalError, "no random bytes: {error}"))?;
    Ok(hex::encode(bytes))
}

/// Records a new upload with the metadata in `args`, whose key is the target, and returns its identifier.
pub(crate) async fn create<T: Transport>(store: &Store<T>, args: UploadArgs) -> S3Result<String> {
    let id = random()?;
    let record = PutArgs {
        content_type: args.content_type,
        content_encoding: args.content_encoding,
        metadata: args.metadata,
        ..PutArgs::new(format!("{UPLOADS}{id}"), args.key)
    };
    store.client().put_with(record).await.map_err(of_call)?;
    Ok(id)
}

/// Returns an upload to a target.
///
/// # Errors
/// `NoSuchUpload`.
pub(crate) async fn find<T: Transport>(store: &Store<T>, id: &str, target: &str) -> S3Result<Upload> {
    let none = || s3_error!(NoSuchUpload);
    let is_id = id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(none());
    }
    match store.client().get_with_info(&format!("{UPLOADS}{id}")).await {
        Ok(Object { info, value }) if value.as_slice() == target.as_bytes() => {
            Ok(Upload { id: id.to_owned(), target: target.to_owned(), info })
        }
        Ok(_) => Err(none()),
        Err(error) if error.storage_error() == Some(&Error::NotFound) => Err(none()),
        Err(error) => Err(of_call(error)),
    }
}

/// Returns all uploads to targets that start with a prefix, in the order of their targets and times.
pub(crate) async fn list<T: Transport>(store: &Store<T>, prefix: &str) -> S3Result<Vec<Upload>> {
    let infos = store.client().list_all(UPLOADS).await.map_err(of_call)?;
    let mut uploads = Vec::new();
    for batch in infos.chunks(BATCH) {
        let keys: Vec<_> = batch.iter().map(|info| &info.key).collect();
        let targets = store.client().get_many(&keys).await.map_err(of_call)?;
        for (info, target) in batch.iter().zip(targets) {
            // An upload may have ended in the meantime.
            let Some(target) = target.and_then(|bytes| String::from_utf8(bytes).ok()) else { continue };
            if target.starts_with(prefix) {
                let id = info.key[UPLOADS.len()..].to_owned();
                uploads.push(Upload { id, target, info: info.clone() });
            }
        }
    }
    uploads.sort_by(|one, other| (&one.target, one.info.revision).cmp(&(&other.target, other.info.revision)));
    Ok(uploads)
}

/// Returns the parts of an upload by their numbers.
pub(crate) async fn parts<T: Transport>(store: &Store<T>, upload: &Upload) -> S3Result<BTreeMap<i32, Part>> {
    let prefix = format!("{PARTS}{}/", upload.id);
    let mut parts = BTreeMap::<i32, Part>::new();
    for info in store.client().list_all(&prefix).await.map_err(of_call)? {
        let Some((number, md5)) = parse(&info.key[prefix.len()..]) else { continue };
        let is_newer = parts.get(&number).is_none_or(|part| part.info.revision < info.revision);
        if is_newer {
            let md5 = md5.to_owned();
            parts.insert(number, Part { info: Arc::new(info), md5 });
        }
    }
    Ok(parts)
}

/// Returns number and MD5 of a part from the end of its key.
fn parse(name: &str) -> Option<(i32, &str)> {
    let (number, md5) = name.split_once('-')?;
    Some((number.parse().ok()?, md5))
}

/// Removes older parts with the number of a new one.
pub(crate) async fn remove_older<T: Transport>(
    store: &Store<T>,
    upload: &Upload,
    number: i32,
    newest: &str,
) -> Result<(), S3Error> {
    let args = ListArgs::prefix(format!("{PARTS}{}/{number:05}-", upload.id));
    let page = store.client().list(&args).await.map_err(of_call)?;
    for older in page.objects.iter().filter(|info| info.key != newest) {
        store.client().delete(&older.key).await.map_err(of_call)?;
    }
    Ok(())
}

/// Removes an upload and its parts. The record is removed first, so that no more parts are accepted.
pub(crate) async fn remove<T: Transport>(store: &Store<T>, upload: &Upload) -> S3Result<()> {
    store.client().delete(&format!("{UPLOADS}{}", upload.id)).await.map_err(of_call)?;
    store.client().delete_all(&format!("{PARTS}{}/", upload.id)).await.map_err(of_call)?;
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
