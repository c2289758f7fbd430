//! `GetObject` and `HeadObject`.

use std::{ops::Range, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{
    S3Result,
    dto::{
        self, Checksum, ChecksumMode, ChecksumType, GetObjectInput, GetObjectOutput, HeadObjectInput,
        HeadObjectOutput,
    },
    s3_error,
};
use stable_storage_api::{ObjectInfo, headers as names};
use storage_client::{Transport, transfer::read_stream};

use crate::{
    body,
    conditions::ReadConditions,
    error::not_implemented,
    etag,
    headers::{expires, header, timestamp, user_metadata},
    recorded::Recorded,
    store::{CONCURRENCY, Store},
};

/// The type of an object that was stored without one.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Takes the conditions of a read from an input.
macro_rules! read_conditions {
    ($input:expr) => {
        ReadConditions {
            if_match: $input.if_match.take(),
            if_none_match: $input.if_none_match.take(),
            if_modified_since: $input.if_modified_since.take(),
            if_unmodified_since: $input.if_unmodified_since.take(),
        }
    };
}

/// Makes an output with what both operations return of an object.
macro_rules! output {
    ($output:ident, $found:ident, $mode:expr) => {{
        let (checksum, checksum_type) = checksum(&$found, $mode);
        let Found { info, range, content_range } = &$found;
        $output {
            accept_ranges: Some("bytes".into()),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type,
            cache_control: header(info, names::CACHE_CONTROL),
            content_disposition: header(info, names::CONTENT_DISPOSITION),
            content_encoding: info.content_encoding.clone(),
            content_language: header(info, names::CONTENT_LANGUAGE),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range: content_range.clone(),
            // S3 has no object without one.
            content_type: Some(info.content_type.clone().unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())),
            e_tag: Some(etag::of(info)),
            expires: expires(info),
            last_modified: Some(timestamp(info.modified_ns)),
            metadata: user_metadata(info),
            ..Default::default()
        }
    }};
}

/// What both operations find of an object.
struct Found {
    info: ObjectInfo,
    range: Range<u64>,
    /// The header `Content-Range`, if the client asked for a range.
    content_range: Option<String>,
}

async fn find<T: Transport>(
    store: &Store<T>,
    bucket: &str,
    object: &str,
    conditions: &ReadConditions,
    range: Option<&dto::Range>,
) -> S3Result<Found> {
    let info = store.object(bucket, object).await?;
    conditions.check(&info)?;
    let size = info.size;
    let Some(range) = range else { return Ok(Found { info, range: 0..size, content_range: None }) };
    let range = range.check(size).ok().filter(|range| !range.is_empty());
    let range = range.ok_or_else(|| s3_error!(InvalidRange, "the object has {size} bytes"))?;
    let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    Ok(Found { info, range, content_range: Some(content_range) })
}

/// Returns the checksum of a whole object for a client that asks for checksums: that of its multipart upload, or else its SHA-256,
/// so that the client verifies what it receives.
fn checksum(found: &Found, mode: Option<&ChecksumMode>) -> (Checksum, Option<ChecksumType>) {
    let is_asked = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    if !is_asked || found.content_range.is_some() {
        return (Checksum::default(), None);
    }
    if let Some(sum) = Recorded::of(&found.info).sum {
        return (sum.checksum(), Some(sum.plan.checksum_type()));
    }
    let checksum_sha256 = found.info.sha256.as_ref().map(|sha256| STANDARD.encode(&sha256.digest));
    let kind = checksum_sha256.is_some().then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    (Checksum { checksum_sha256, ..Default::default() }, kind)
}

/// Refuses what would have to return something else than the current object as a whole.
fn check_version(version: Option<&str>, part: Option<i32>) -> S3Result<()> {
    match (version, part) {
        (Some(version), _) if version != "null" => Err(s3_error!(NoSuchVersion, "objects have no versions")),
        (_, Some(_)) => Err(not_implemented("partNumber")),
        _ => Ok(()),
    }
}

/// Returns the bytes of an object, or a range of them.
pub(crate) async fn get<T: Transport + 'static>(
    store: &Store<T>,
    mut input: GetObjectInput,
) -> S3Result<GetObjectOutput> {
    check_version(input.version_id.as_deref(), input.part_number)?;
    let conditions = read_conditions!(input);
    let found = find(store, &input.bucket, &input.key, &conditions, input.range.as_ref()).await?;
    let output = output!(GetObjectOutput, found, input.checksum_mode.as_ref());
    let Found { info, range, .. } = found;
    let length = range.end - range.start;
    let pieces = read_stream(Arc::clone(store.client()), Arc::new(info), range, CONCURRENCY);
    Ok(GetObjectOutput { body: Some(body::response(pieces, length)), ..output })
}

/// Returns what [`get`] returns, without the bytes.
pub(crate) async fn head<T: Transport>(
    store: &Store<T>,
    mut input: HeadObjectInput,
) -> S3Result<HeadObjectOutput> {
    check_version(input.version_id.as_deref(), input.part_number)?;
    let conditions = read_conditions!(input);
    let found = find(store, &input.bucket, &input.key, &conditions, input.range.as_ref()).await?;
    Ok(output!(HeadObjectOutput, found, input.checksum_mode.as_ref()))
}
