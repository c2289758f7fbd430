//! `GetObject` and `HeadObject`.

use std::{ops::Range, sync::Arc};

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{
    S3Error, S3Request, S3Response, S3Result,
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
    conditions::{self, ReadConditions},
    details,
    error::{no_such_part, not_implemented},
    etag,
    headers::{content_encoding, content_type, expires, header, timestamp, user_metadata},
    multipart::check_number,
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
        let Found { info, range, content_range, parts_count } = &$found;
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
            content_encoding: content_encoding(info),
            content_language: header(info, names::CONTENT_LANGUAGE),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range: content_range.clone(),
            // S3 has no object without one.
            content_type: Some(content_type(info).unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())),
            e_tag: Some(etag::of(info)),
            last_modified: Some(timestamp(info.modified_ns)),
            metadata: user_metadata(info),
            parts_count: *parts_count,
            ..Default::default()
        }
    }};
}

/// What both operations find of an object.
struct Found {
    info: ObjectInfo,
    range: Range<u64>,
    /// The header `Content-Range`, if the client asked for a range or a part.
    content_range: Option<String>,
    /// How many parts the object was uploaded in, if the client asked for one of them.
    parts_count: Option<i32>,
}

/// What a client reads of an object.
enum Selection<'r> {
    Whole,
    Range(&'r dto::Range),
    /// The number of a part, of which 1 is the first.
    Part(i32),
}

impl<'r> Selection<'r> {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// `NoSuchVersion` for another object than the current one, `InvalidRequest` for a range of a part, `InvalidArgument`.
    fn of(version: Option<&str>, range: Option<&'r dto::Range>, part: Option<i32>) -> S3Result<Self> {
        if version.is_some_and(|version| version != "null") {
            return Err(s3_error!(NoSuchVersion, "objects have no versions"));
        }
        match (range, part) {
            (None, None) => Ok(Self::Whole),
            (Some(range), None) => Ok(Self::Range(range)),
            (None, Some(number)) => check_number(number).map(|()| Self::Part(number)),
            (Some(_), Some(_)) => Err(s3_error!(InvalidRequest, "a range and partNumber exclude each other")),
        }
    }
}

async fn find<T: Transport>(
    store: &Store<T>,
    bucket: &str,
    object: &str,
    conditions: &ReadConditions,
    selection: Selection<'_>,
    headers: &HeaderMap,
) -> S3Result<Found> {
    let info = store.object(bucket, object).await?;
    conditions.check(&info)?;
    let size = info.size;
    let selection = match selection {
        Selection::Range(_) if !conditions::holds_if_range(headers, &info) => Selection::Whole,
        selection => selection,
    };
    let (range, parts_count) = match selection {
        Selection::Whole => {
            return Ok(Found { info, range: 0..size, content_range: None, parts_count: None });
        }
        Selection::Range(range) => {
            let found = range.check(size).ok().filter(|range| !range.is_empty());
            (found.ok_or_else(|| no_such_range(range, size))?, None)
        }
        Selection::Part(number) => part(&info, number)?,
    };
    // That of no bytes cannot be written.
    let content_range =
        (!range.is_empty()).then(|| format!("bytes {}-{}/{size}", range.start, range.end - 1));
    Ok(Found { info, range, content_range, parts_count })
}

/// Returns the error for a range that an object does not have. Clients that read in ranges learn the size of the object from it.
fn no_such_range(range: &dto::Range, size: u64) -> S3Error {
    let error = s3_error!(InvalidRange, "the object has {size} bytes");
    let error = details::with(error, "RangeRequested", &range.to_header_string());
    details::with(error, "ActualObjectSize", &size.to_string())
}

/// Returns the range of a part, and how many parts there are. An object that was not uploaded in parts is one part.
///
/// # Errors
/// `InvalidPartNumber`; `NotImplemented` if the sizes of the parts are not known.
fn part(info: &ObjectInfo, number: i32) -> S3Result<(Range<u64>, Option<i32>)> {
    match Recorded::of(info).sizes {
        Some(sizes) => {
            let range = u64::try_from(number).ok().and_then(|number| sizes.range(number));
            Ok((range.ok_or_else(|| no_such_part(number))?, i32::try_from(sizes.count()).ok()))
        }
        None if etag::is_of_parts(info) => Err(not_implemented(
            "partNumber of an object whose metadata had no room for the sizes of its parts",
        )),
        None if number == 1 => Ok((0..info.size, None)),
        None => Err(no_such_part(number)),
    }
}

/// Returns the checksum of a whole object for a client that asks for checksums: that of its multipart upload, or else its SHA-256,
/// so that the client verifies what it receives.
fn checksum(found: &Found, mode: Option<&ChecksumMode>) -> (Checksum, Option<ChecksumType>) {
    let is_asked = mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case(ChecksumMode::ENABLED));
    if !is_asked || found.content_range.is_some() || found.parts_count.is_some() {
        return (Checksum::default(), None);
    }
    if let Some(sum) = Recorded::of(&found.info).sum {
        return (sum.checksum(), Some(sum.plan.checksum_type()));
    }
    let checksum_sha256 = found.info.sha256.as_ref().map(|sha256| STANDARD.encode(&sha256.digest));
    let kind = checksum_sha256.is_some().then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    (Checksum { checksum_sha256, ..Default::default() }, kind)
}

/// Returns the bytes of an object, or a range of them.
pub(crate) async fn get<T: Transport + 'static>(
    store: &Store<T>,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let S3Request { mut input, headers, .. } = request;
    let selection = Selection::of(input.version_id.as_deref(), input.range.as_ref(), input.part_number)?;
    let conditions = read_conditions!(input);
    let found = find(store, &input.bucket, &input.key, &conditions, selection, &headers).await?;
    let output = output!(GetObjectOutput, found, input.checksum_mode.as_ref());
    let Found { info, range, .. } = found;
    let expires = expires(&info).filter(|_| input.response_expires.is_none());
    let length = range.end - range.start;
    let pieces = read_stream(Arc::clone(store.client()), Arc::new(info), range, CONCURRENCY);
    let mut response =
        S3Response::new(GetObjectOutput { body: Some(body::response(pieces, length)), ..output });
    response.headers.extend(expires);
    Ok(response)
}

/// Returns what [`get`] returns, without the bytes.
pub(crate) async fn head<T: Transport>(
    store: &Store<T>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let S3Request { mut input, headers, .. } = request;
    let selection = Selection::of(input.version_id.as_deref(), input.range.as_ref(), input.part_number)?;
    let conditions = read_conditions!(input);
    let found = find(store, &input.bucket, &input.key, &conditions, selection, &headers).await?;
    let mut response = S3Response::new(output!(HeadObjectOutput, found, input.checksum_mode.as_ref()));
    response.headers.extend(expires(&found.info));
    Ok(response)
}
