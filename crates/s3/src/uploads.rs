//! `ListMultipartUploads`.

use s3s::{
    S3Result,
    dto::{CommonPrefix, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload},
};
use storage_client::Transport;

use crate::{
    headers::timestamp,
    keys,
    listing::{Encoding, owner},
    multipart::page_limit,
    staging::{self, Upload},
    store::Store,
};

/// What a page consists of. Names are without the bucket.
enum Entry<'u> {
    Upload(&'u str, &'u Upload),
    /// The common prefix of the targets of one or more uploads.
    Prefix(&'u str),
}

/// What a page starts after, and how its uploads are grouped.
struct Request<'r> {
    prefix: &'r str,
    delimiter: Option<&'r str>,
    key_marker: Option<&'r str>,
    id_marker: Option<&'r str>,
}

/// Lists the uploads to a bucket.
pub(crate) async fn list<T: Transport>(
    store: &Store<T>,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    store.require_bucket(&input.bucket).await?;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = page_limit(input.max_uploads, "max-uploads")?;
    let request = Request {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        key_marker: input.key_marker.as_deref().filter(|marker| !marker.is_empty()),
        id_marker: input.upload_id_marker.as_deref(),
    };
    let bucket = keys::bucket_prefix(&input.bucket);
    let uploads = staging::list(store, &format!("{bucket}{}", request.prefix)).await?;
    let mut entries = request.entries(&bucket, &uploads);
    let is_truncated = limit > 0 && entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| is_truncated);
    let (uploads, prefixes) = listed(&entries, encoding);
    Ok(ListMultipartUploadsOutput {
        common_prefixes: Some(prefixes),
        delimiter: request.delimiter.map(|delimiter| encoding.text(delimiter)),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(is_truncated),
        key_marker: input.key_marker.as_deref().map(|marker| encoding.text(marker)),
        max_uploads: i32::try_from(limit).ok(),
        next_key_marker: last.map(|last| encoding.text(last.name())),
        next_upload_id_marker: last.and_then(Entry::id),
        prefix: Some(encoding.text(request.prefix)),
        upload_id_marker: input.upload_id_marker.clone(),
        uploads: Some(uploads),
        bucket: Some(input.bucket),
        ..Default::default()
    })
}

impl Request<'_> {
    /// Returns the entries after the markers. The uploads are in the order of their targets, so those with a common prefix follow
    /// each other.
    fn entries<'u>(&self, bucket: &str, uploads: &'u [Upload]) -> Vec<Entry<'u>> {
        let mut entries = Vec::new();
        // The uploads to the target that is the marker are listed from the one after the named one. If that has ended, all of them
        // are: some may be listed again, but none is left out.
        let is_marker = |upload: &Upload| {
            self.id_marker == Some(&*upload.id) && self.key_marker == Some(&upload.target[bucket.len()..])
        };
        let named = uploads.iter().position(is_marker);
        for (index, upload) in uploads.iter().enumerate() {
            let name = &upload.target[bucket.len()..];
            let prefix = self.common_prefix(name);
            let is_after = self.key_marker.is_none_or(|marker| name > marker && prefix != Some(marker));
            let is_after_named = named.map_or(self.id_marker.is_some(), |named| index > named);
            let is_next = is_after_named && Some(name) == self.key_marker && prefix.is_none();
            match prefix {
                _ if !is_after && !is_next => {}
                None => entries.push(Entry::Upload(name, upload)),
                Some(prefix) if entries.last().is_some_and(|last: &Entry<'_>| last.is_prefix(prefix)) => {}
                Some(prefix) => entries.push(Entry::Prefix(prefix)),
            }
        }
        entries
    }

    /// Returns the name up to and including the first delimiter after the prefix, if it has one.
    fn common_prefix<'n>(&self, name: &'n str) -> Option<&'n str> {
        let delimiter = self.delimiter?;
        let at = name[self.prefix.len()..].find(delimiter)?;
        Some(&name[..self.prefix.len() + at + delimiter.len()])
    }
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Upload(name, _) | Self::Prefix(name) => name,
        }
    }

    fn id(&self) -> Option<String> {
        match self {
            Self::Upload(_, upload) => Some(upload.id.clone()),
            Self::Prefix(_) => None,
        }
    }

    fn is_prefix(&self, name: &str) -> bool {
        matches!(self, Self::Prefix(prefix) if *prefix == name)
    }
}

/// Returns the uploads and the common prefixes of a page.
fn listed(entries: &[Entry<'_>], encoding: Encoding) -> (Vec<MultipartUpload>, Vec<CommonPrefix>) {
    let (mut uploads, mut prefixes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Upload(name, upload) => uploads.push(MultipartUpload {
                checksum_algorithm: upload.plan.map(|plan| plan.checksum_algorithm()),
                checksum_type: upload.plan.map(|plan| plan.checksum_type()),
                initiated: Some(timestamp(upload.info.created_ns)),
                key: Some(encoding.text(name)),
                owner: Some(owner()),
                upload_id: Some(upload.id.clone()),
                ..Default::default()
            }),
            Entry::Prefix(name) => prefixes.push(CommonPrefix { prefix: Some(encoding.text(name)) }),
        }
    }
    (uploads, prefixes)
}
