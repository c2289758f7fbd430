//! Completing a multipart upload: its parts become the object.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{
    S3Result,
    dto::{Checksum, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag},
    s3_error,
};
use stable_storage_api::{UploadArgs, headers, limits::MAX_STABLE_BYTES};
use storage_client::{Piece, TransferOptions, Transport};

use crate::{
    conditions,
    error::{not_implemented, of_transfer},
    etag,
    headers::with_pair,
    keys, part_sums, staging,
    store::Store,
    sums::{FIELDS, Given, Sums},
};

/// The smallest part, except the last, in bytes.
const MIN_PART_BYTES: u64 = 5 << 20;

/// From this size on, the response to a completion starts before it has ended, so that the client keeps waiting.
const KEEP_ALIVE_BYTES: u64 = 64 << 20;

/// Makes the parts that the client lists the object, and removes the upload. A completion that is sent again, because its
/// response was lost or is late, has the same result.
pub(crate) async fn complete<T: Transport + 'static>(
    store: &Store<T>,
    mut input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let checksums = checksums(&mut input)?;
    let completion = Completion {
        key: keys::object_key(&input.bucket, &input.key)?,
        id: input.upload_id.clone(),
        listed: input.multipart_upload.take().and_then(|listed| listed.parts).unwrap_or_default(),
    };
    let output = output(&input, completion.etag());
    let (parts, args) = match completion.prepare(store, &input, checksums).await {
        Ok(prepared) => prepared,
        Err(error) => return completion.result(store, Err(error)).await.map(|()| output),
    };
    let size: u64 = parts.iter().map(|part| part.info.size).sum();
    let store = store.clone();
    let compose = async move {
        let composed = completion.compose(&store, &parts, &args).await;
        completion.result(&store, composed).await.map(|()| output)
    };
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

/// What a client wants to be completed.
struct Completion {
    key: String,
    id: String,
    listed: Vec<CompletedPart>,
}

impl Completion {
    /// Returns the ETag of the object.
    fn etag(&self) -> String {
        etag::of_parts(self.listed.iter().map(|part| part.e_tag.as_ref().map_or("", ETag::value)))
    }

    /// Returns the parts, and the arguments of the upload that they become.
    async fn prepare<T: Transport>(
        &self,
        store: &Store<T>,
        input: &CompleteMultipartUploadInput,
        mut checksums: Checksum,
    ) -> S3Result<(Vec<staging::Part>, UploadArgs)> {
        let upload = staging::find(store, &self.id, &self.key).await?;
        let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let condition = conditions::of_write(store, &self.key, if_match, if_none_match).await?;
        let parts = chosen(staging::parts(store, &self.id).await?, &self.listed)?;
        check_composite(&mut checksums, &parts)?;
        check_size(&parts, input.mpu_object_size)?;
        let args = with_pair(upload.args(), etag::pair(&self.etag()))?;
        Ok((parts, UploadArgs { condition: Some(condition), ..args }))
    }

    /// Has the canister put the parts together, and removes the upload.
    async fn compose<T: Transport>(
        &self,
        store: &Store<T>,
        parts: &[staging::Part],
        args: &UploadArgs,
    ) -> S3Result<()> {
        let sources: Vec<_> = parts.iter().map(|part| Piece::whole(&part.info)).collect();
        store.client().compose(&sources, args, TransferOptions::default()).await.map_err(of_transfer)?;
        // The object is stored. If this fails, the upload is listed until it is aborted.
        let _ = staging::remove(store, &self.id).await;
        Ok(())
    }

    /// Returns the result of this completion, which is good as well if another one has stored the object and removed the parts.
    async fn result<T: Transport>(&self, store: &Store<T>, result: S3Result<()>) -> S3Result<()> {
        match result {
            Err(_) if staging::is_id(&self.id) && self.was_done(store).await? => Ok(()),
            result => result,
        }
    }

    /// Returns whether the parts are gone, and the object is of these parts.
    async fn was_done<T: Transport>(&self, store: &Store<T>) -> S3Result<bool> {
        if self.listed.is_empty() || !staging::parts(store, &self.id).await?.is_empty() {
            return Ok(false);
        }
        let info = store.find_replicated(&self.key).await?;
        let recorded = info.iter().flat_map(|info| info.metadata.iter().flatten());
        let mut etags = recorded.filter(|pair| pair.name == headers::ETAG).map(|pair| &pair.value);
        Ok(etags.next() == Some(&self.etag()))
    }
}

/// Takes the checksums of the whole object.
///
/// # Errors
/// `NotImplemented` for CRC64NVME, which has no form for objects in parts.
fn checksums(input: &mut CompleteMultipartUploadInput) -> S3Result<Checksum> {
    if input.checksum_crc64nvme.is_some() {
        return Err(not_implemented("x-amz-checksum-crc64nvme of a whole object in CompleteMultipartUpload"));
    }
    Ok(Checksum {
        checksum_crc32: input.checksum_crc32.take(),
        checksum_crc32c: input.checksum_crc32c.take(),
        checksum_sha1: input.checksum_sha1.take(),
        checksum_sha256: input.checksum_sha256.take(),
        ..Checksum::default()
    })
}

/// Checks the checksums of an object in parts: each is that of the checksums of its parts, perhaps followed by a hyphen and their
/// number.
///
/// # Errors
/// `BadDigest`; `InvalidRequest` if a part was uploaded without the checksum.
fn check_composite(given: &mut Checksum, parts: &[staging::Part]) -> S3Result<()> {
    for (header, field) in FIELDS {
        let Some(text) = field(given).take() else { continue };
        let (value, number) =
            text.split_once('-').map_or((&*text, None), |(value, number)| (value, Some(number)));
        if number.is_some_and(|number| number != parts.len().to_string()) {
            return Err(s3_error!(BadDigest, "{header} is {text}, and there are {} parts", parts.len()));
        }
        let mut expected = Checksum::default();
        *field(&mut expected) = Some(value.to_owned());
        let mut sums = Sums::new(Given { checksum: expected, ..Given::default() })?;
        for part in parts {
            let digest = field(&mut part.checksum.clone()).as_ref().and_then(|sum| STANDARD.decode(sum).ok());
            let missing = || s3_error!(InvalidRequest, "a part was uploaded without {header}");
            sums.update(&digest.ok_or_else(missing)?);
        }
        sums.finish()?;
    }
    Ok(())
}

/// Checks the size of the object.
///
/// # Errors
/// `InvalidRequest` if the client expects another one, `EntityTooLarge`.
fn check_size(parts: &[staging::Part], expected: Option<i64>) -> S3Result<()> {
    let size: u64 = parts.iter().map(|part| part.info.size).sum();
    if expected.is_some_and(|expected| u64::try_from(expected) != Ok(size)) {
        return Err(s3_error!(InvalidRequest, "the parts have {size} bytes"));
    }
    match size > MAX_STABLE_BYTES {
        true => {
            Err(s3_error!(EntityTooLarge, "the parts have {size} bytes; the limit is {MAX_STABLE_BYTES}"))
        }
        false => Ok(()),
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

    use s3s::S3ErrorCode;

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
