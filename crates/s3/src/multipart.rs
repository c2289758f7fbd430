//! Multipart uploads.

use std::{io, ops::Range, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use s3s::{
    S3Request, S3Result,
    dto::{
        Checksum, CopyPartResult, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
        ListPartsInput, ListPartsOutput, Part, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
        UploadPartOutput,
    },
    s3_error,
};
use stable_storage_api::{ObjectInfo, UploadArgs};
use storage_client::{Piece, TransferOptions, Transport, transfer::read_stream};

use crate::{
    body::{self, Checked},
    copy::{self, source_conditions},
    error::of_transfer,
    etag,
    headers::{described, timestamp, with_pair},
    keys,
    object_sums::Plan,
    part_sums,
    staging::{self, Upload},
    store::{CONCURRENCY, Store},
    sums::{Given, Sums, given},
    write::{self, Stored},
};

/// The highest number of a part.
pub(crate) const MAX_PARTS: i32 = 10_000;

/// The most parts or uploads of a page.
const MAX_PAGE: i32 = 1_000;

/// Opens an upload.
pub(crate) async fn create<T: Transport>(
    store: &Store<T>,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let S3Request { mut input, extensions, .. } = request;
    let key = keys::object_key(&input.bucket, &input.key)?;
    let plan = Plan::requested(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    store.require_bucket(&input.bucket).await?;
    let args = described!(input, extensions).args(&key)?;
    // The ETag is added at the end. If there is no room for it, the client learns that now.
    with_pair(args.clone(), etag::pair(&etag::longest_of_parts(MAX_PARTS)))?;
    let id = staging::create(store, args, plan).await?;
    // A bucket that was deleted in between has no uploads.
    if let Err(error) = store.require_bucket(&input.bucket).await {
        staging::remove(store, &id).await?;
        return Err(error);
    }
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: plan.map(|plan| plan.checksum_algorithm()),
        checksum_type: plan.map(|plan| plan.checksum_type()),
        key: Some(input.key),
        upload_id: Some(id),
        ..Default::default()
    })
}

/// Stores a part, in any order, and replaces an earlier part with its number.
pub(crate) async fn put_part<T: Transport>(
    store: &Store<T>,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let given = given!(request);
    let input = request.input;
    let upload = find(store, &input.bucket, &input.key, &input.upload_id).await?;
    let sums = Sums::new(given)?;
    // The checksum of the object is made of those of all parts.
    let sums = upload.plan.map(|plan| plan.algorithm()).into_iter().fold(sums, Sums::with);
    let body = Checked::new(body::pieces(input.body), sums);
    let Stored { verified, .. } = store_part(store, &upload, input.part_number, body).await?;
    let checksum = verified.checksum;
    Ok(UploadPartOutput {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(ETag::Strong(verified.md5)),
        ..Default::default()
    })
}

/// Stores a range of an object as a part. The canister copies it, so the MD5 of its bytes is not known.
pub(crate) async fn copy_part<T: Transport + 'static>(
    store: &Store<T>,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    let S3Request { mut input, headers, .. } = request;
    let upload = find(store, &input.bucket, &input.key, &input.upload_id).await?;
    let info = copy::source(store, &headers, &source_conditions!(input)).await?;
    let range = match input.copy_source_range.as_deref() {
        None => 0..info.size,
        Some(text) => source_range(text, info.size)?,
    };
    check_number(input.part_number)?;
    let etag = etag::of_range(&info, &range);
    let checksum = checksum_of(store, upload.plan, &info, range.clone()).await?;
    let new = upload.new_key()?;
    let piece = Piece { key: info.key, revision: info.revision, range };
    let args = UploadArgs::unsized_new(&*new);
    store.client().compose(&[piece], &args, TransferOptions::default()).await.map_err(of_transfer)?;
    staging::add(store, &upload, input.part_number, (&new, &part_sums::name(&etag, &checksum))).await?;
    let result = CopyPartResult {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        e_tag: Some(ETag::Strong(etag)),
        last_modified: Some(std::time::SystemTime::now().into()),
        ..Default::default()
    };
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
}

/// Returns the checksum of a range that the canister copies, if the object is to have one of all of its bytes. The range is read
/// for it. Objects with a composite checksum have none if a part is a copy: clients ask for those without meaning it.
async fn checksum_of<T: Transport + 'static>(
    store: &Store<T>,
    plan: Option<Plan>,
    info: &ObjectInfo,
    range: Range<u64>,
) -> S3Result<Checksum> {
    let Some(plan) = plan.filter(Plan::is_full_object) else { return Ok(Checksum::default()) };
    let mut sums = Sums::new(Given::default())?.with(plan.algorithm());
    let mut pieces =
        pin!(read_stream(Arc::clone(store.client()), Arc::new(info.clone()), range, CONCURRENCY));
    while let Some(piece) = pieces.next().await {
        sums.update(&piece.map_err(of_transfer)?);
    }
    Ok(sums.finish()?.checksum)
}

/// Returns the range of a source. Unlike that of a read, it has both ends, and both are within the object.
///
/// # Errors
/// `InvalidArgument` for another form, `InvalidRange` for a range that the source does not have.
fn source_range(text: &str, size: u64) -> S3Result<Range<u64>> {
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let ends = text.strip_prefix("bytes=").and_then(|text| text.split_once('-'));
    let ends = ends.and_then(|(first, last)| Some((number(first)?, number(last)?)));
    let (first, last) = ends
        .ok_or_else(|| s3_error!(InvalidArgument, "the range is {text:?}; its form is bytes=FIRST-LAST"))?;
    match first <= last && last < size {
        true => Ok(first..last + 1),
        false => Err(s3_error!(InvalidRange, "the source has {size} bytes")),
    }
}

async fn find<T: Transport>(store: &Store<T>, bucket: &str, object: &str, id: &str) -> S3Result<Upload> {
    staging::find(store, id, &keys::object_key(bucket, object)?).await
}

/// Checks the number of a part.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn check_number(number: i32) -> S3Result<()> {
    match (1..=MAX_PARTS).contains(&number) {
        true => Ok(()),
        false => {
            Err(s3_error!(InvalidArgument, "the part number is {number}; the limits are 1 and {MAX_PARTS}"))
        }
    }
}

async fn store_part<T: Transport, S>(
    store: &Store<T>,
    upload: &Upload,
    number: i32,
    body: Checked<S>,
) -> S3Result<Stored>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
{
    check_number(number)?;
    let new = upload.new_key()?;
    let stored = write::store(store, UploadArgs::unsized_new(&new), body).await?;
    let name = part_sums::name(&stored.verified.md5, &stored.verified.checksum);
    staging::add(store, upload, number, (&new, &name)).await?;
    Ok(stored)
}

/// Removes an upload and its parts.
pub(crate) async fn abort<T: Transport>(
    store: &Store<T>,
    bucket: &str,
    object: &str,
    id: &str,
) -> S3Result<()> {
    let upload = find(store, bucket, object, id).await?;
    staging::remove(store, &upload.id).await
}

/// Lists the parts of an upload.
pub(crate) async fn list_parts<T: Transport>(
    store: &Store<T>,
    input: ListPartsInput,
) -> S3Result<ListPartsOutput> {
    let upload = find(store, &input.bucket, &input.key, &input.upload_id).await?;
    let after = input.part_number_marker.unwrap_or_default();
    let limit = page_limit(input.max_parts, "max-parts")?;
    let parts = staging::parts(store, &upload.id).await?;
    let mut rest = parts.into_iter().filter(|(number, _)| *number > after);
    let parts: Vec<_> = rest.by_ref().take(limit).map(part).collect();
    let is_truncated = rest.next().is_some();
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: upload.plan.map(|plan| plan.checksum_algorithm()),
        checksum_type: upload.plan.map(|plan| plan.checksum_type()),
        is_truncated: Some(is_truncated),
        key: Some(input.key),
        max_parts: i32::try_from(limit).ok(),
        next_part_number_marker: parts.last().and_then(|part| part.part_number).filter(|_| is_truncated),
        part_number_marker: Some(after),
        parts: Some(parts),
        upload_id: Some(input.upload_id),
        ..Default::default()
    })
}

fn part((number, part): (i32, crate::part::Part)) -> Part {
    let checksum = part.checksum;
    Part {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(timestamp(part.info.modified_ns)),
        part_number: Some(number),
        size: i64::try_from(part.info.size).ok(),
    }
}

/// Returns how many parts or uploads a page has.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn page_limit(limit: Option<i32>, what: &str) -> S3Result<usize> {
    let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
    usize::try_from(limit).map_err(|_| s3_error!(InvalidArgument, "{what} is negative"))
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    #[test]
    fn the_range_of_a_source_has_both_ends_within_the_object() {
        for (text, expected) in [("bytes=0-0", 0..1), ("bytes=0-9", 0..10), ("bytes=3-4", 3..5)] {
            assert_eq!(source_range(text, 10).unwrap(), expected, "{text}");
        }
        for text in ["bytes=0-10", "bytes=10-10", "bytes=4-3", "bytes=0-18446744073709551615"] {
            assert_eq!(source_range(text, 10).unwrap_err().code(), &S3ErrorCode::InvalidRange, "{text}");
        }
        for text in
            ["0-2", "bytes=0", "bytes=0-", "bytes=-5", "bytes=a-b", "bytes=+1-2", "bytes=0-2,3-5", "bytes=-"]
        {
            assert_eq!(source_range(text, 10).unwrap_err().code(), &S3ErrorCode::InvalidArgument, "{text}");
        }
    }
}
