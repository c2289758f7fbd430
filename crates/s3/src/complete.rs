//! Completing a multipart upload: its parts become the object.

use std::collections::BTreeMap;

use s3s::{
    S3ErrorCode, S3Result,
    dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag},
    s3_error,
};
use stable_storage_api::{UploadArgs, headers, limits::MAX_STABLE_BYTES};
use storage_client::{Piece, TransferOptions, Transport};

use crate::{
    conditions,
    error::{not_implemented, of_transfer},
    etag,
    headers::with_pair,
    keys, part_sums,
    staging::{self, Upload},
    store::Store,
};

/// The smallest part, except the last, in bytes.
const MIN_PART_BYTES: u64 = 5 << 20;

/// From this size on, the response to a completion starts before it has ended, so that the client keeps waiting.
const KEEP_ALIVE_BYTES: u64 = 64 << 20;

/// Makes the parts that the client lists the object, and removes the upload. A completion that is sent again, because its
/// response was lost, has the same result.
pub(crate) async fn complete<T: Transport + 'static>(
    store: &Store<T>,
    mut input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    check_supported(&input)?;
    let listed = input.multipart_upload.take().and_then(|listed| listed.parts).unwrap_or_default();
    let key = keys::object_key(&input.bucket, &input.key)?;
    let upload = match staging::find(store, &input.upload_id, &key).await {
        Err(error) if *error.code() == S3ErrorCode::NoSuchUpload => {
            return match was_completed(store, &key, &listed).await? {
                true => Ok(output(&input, etag_of(&listed))),
                false => Err(error),
            };
        }
        found => found?,
    };
    let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
    let current = async || store.find(&key).await;
    let condition = conditions::of_write(if_match, if_none_match, current).await?;
    let parts = chosen(staging::parts(store, &upload).await?, &listed)?;
    let size = size_of(&parts, input.mpu_object_size)?;
    let etag = etag_of(&listed);
    let args = UploadArgs { condition: Some(condition), ..with_pair(upload.args(), etag::pair(&etag))? };
    let output = output(&input, etag);
    let compose = compose(store.clone(), upload, parts, args, output);
    match size < KEEP_ALIVE_BYTES {
        true => compose.await,
        false => {
            // It runs to its end, also if the client disconnects.
            let composed = tokio::spawn(compose);
            let future = async move {
                composed
                    .await
                    .map_err(|error| s3_error!(InternalError, "the operation has failed: {error}"))?
            };
            Ok(CompleteMultipartUploadOutput { future: Some(Box::pin(future)), ..Default::default() })
        }
    }
}

/// Has the canister put the parts together, and removes the upload.
async fn compose<T: Transport>(
    store: Store<T>,
    upload: Upload,
    parts: Vec<staging::Part>,
    args: UploadArgs,
    output: CompleteMultipartUploadOutput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let sources: Vec<_> = parts.iter().map(|part| Piece::whole(&part.info)).collect();
    store.client().compose(&sources, &args, TransferOptions::default()).await.map_err(of_transfer)?;
    // The object is stored. If this fails, the upload is listed until it is aborted.
    let _ = staging::remove(&store, &upload).await;
    Ok(output)
}

fn check_supported(input: &CompleteMultipartUploadInput) -> S3Result<()> {
    let checksums = [
        &input.checksum_crc32,
        &input.checksum_crc32c,
        &input.checksum_crc64nvme,
        &input.checksum_sha1,
        &input.checksum_sha256,
    ];
    match checksums.into_iter().any(Option::is_some) {
        true => Err(not_implemented("a checksum of the whole object in CompleteMultipartUpload")),
        false => Ok(()),
    }
}

/// Returns the size of the object.
///
/// # Errors
/// `InvalidRequest` if the client expects another one, `EntityTooLarge`.
fn size_of(parts: &[staging::Part], expected: Option<i64>) -> S3Result<u64> {
    let size: u64 = parts.iter().map(|part| part.info.size).sum();
    if expected.is_some_and(|expected| u64::try_from(expected) != Ok(size)) {
        return Err(s3_error!(InvalidRequest, "the parts have {size} bytes"));
    }
    match size > MAX_STABLE_BYTES {
        true => {
            Err(s3_error!(EntityTooLarge, "the parts have {size} bytes; the limit is {MAX_STABLE_BYTES}"))
        }
        false => Ok(size),
    }
}

fn output(input: &CompleteMultipartUploadInput, etag: String) -> CompleteMultipartUploadOutput {
    CompleteMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        e_tag: Some(ETag::Strong(etag)),
        key: Some(input.key.clone()),
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        ..Default::default()
    }
}

/// Returns the ETag of an object of these parts.
fn etag_of(listed: &[CompletedPart]) -> String {
    etag::of_parts(listed.iter().map(|part| part.e_tag.as_ref().map_or("", ETag::value)))
}

/// Returns whether the object under a key consists of the listed parts.
async fn was_completed<T: Transport>(
    store: &Store<T>,
    key: &str,
    listed: &[CompletedPart],
) -> S3Result<bool> {
    let info = store.find(key).await?.filter(|_| !listed.is_empty());
    let recorded = info.iter().flat_map(|info| info.metadata.iter().flatten());
    let mut etags = recorded.filter(|pair| pair.name == headers::ETAG).map(|pair| &pair.value);
    Ok(etags.next() == Some(&etag_of(listed)))
}

/// Returns the listed parts.
///
/// # Errors
/// `MalformedXML` without parts, `InvalidPartOrder`, `InvalidPart`, `EntityTooSmall`.
fn chosen(mut parts: BTreeMap<i32, staging::Part>, listed: &[CompletedPart]) -> S3Result<Vec<staging::Part>> {
    let numbers: Vec<_> = listed.iter().map(|part| part.part_number.unwrap_or_default()).collect();
    if listed.is_empty() {
        return Err(s3_error!(MalformedXML, "the request lists no parts"));
    }
    if !numbers.is_sorted_by(|one, other| one < other) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut chosen = Vec::new();
    for (number, listed) in numbers.iter().zip(listed) {
        let etag = listed.e_tag.as_ref().map(ETag::value);
        let part = parts.remove(number).filter(|part| Some(part.etag.as_str()) == etag);
        let part =
            part.ok_or_else(|| s3_error!(InvalidPart, "part {number} was not uploaded with this ETag"))?;
        part_sums::check(listed, &part.checksum)?;
        chosen.push(part);
    }
    let small = chosen.iter().rev().skip(1).find(|part| part.info.size < MIN_PART_BYTES);
    match small {
        Some(part) => Err(s3_error!(
            EntityTooSmall,
            "a part has {} bytes; each part except the last has at least {MIN_PART_BYTES}",
            part.info.size
        )),
        None => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use s3s::dto::Checksum;

    use super::*;
    use crate::multipart::MAX_PARTS;

    #[test]
    fn all_ten_thousand_parts_can_be_chosen_whatever_was_uploaded_besides() {
        let part = |number: i32| {
            let info = stable_storage_api::ObjectInfo {
                key: number.to_string(),
                size: if number == MAX_PARTS { 1 } else { MIN_PART_BYTES },
                revision: 1,
                content_type: None,
                content_encoding: None,
                metadata: None,
                owner: None,
                created_ns: 0,
                modified_ns: 0,
                sha256: None,
            };
            (number, staging::Part { info, etag: number.to_string(), checksum: Checksum::default() })
        };
        let listed = |numbers: Range<i32>| -> Vec<_> {
            let listed = |number: i32| CompletedPart {
                e_tag: Some(ETag::Strong(number.to_string())),
                part_number: Some(number),
                ..Default::default()
            };
            numbers.map(listed).collect()
        };
        let all = || (1..=MAX_PARTS).map(part).collect::<BTreeMap<_, _>>();
        assert_eq!(chosen(all(), &listed(1..MAX_PARTS + 1)).unwrap().len(), 10_000);
        assert_eq!(chosen(all(), &listed(2..5)).unwrap().len(), 3);
        assert_eq!(
            chosen(all(), &listed(MAX_PARTS..MAX_PARTS + 2)).err().unwrap().code(),
            &S3ErrorCode::InvalidPart
        );
    }
}
