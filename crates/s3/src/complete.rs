//! Completing a multipart upload: its parts become the object.

use std::collections::BTreeMap;

use axum::http::header;
use s3s::{
    S3Error, S3ErrorCode, S3Request, S3Result,
    dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag},
    s3_error,
};
use stable_storage_api::{Condition, ObjectInfo, UploadArgs, limits::MAX_STABLE_BYTES};
use storage_client::{Piece, TransferOptions, Transport};

use crate::{
    conditions,
    error::{exists, of_call, of_transfer},
    etag,
    headers::with_pair,
    keys,
    object_sums::{Expected, Sum},
    part::Part,
    part_sums,
    recorded::{Done, Recorded, Sizes},
    staging,
    store::Store,
};

/// The smallest part, except the last, in bytes.
const MIN_PART_BYTES: u64 = 5 << 20;

/// From this size on, the response to a completion starts before it has ended, so that the client keeps waiting.
const KEEP_ALIVE_BYTES: u64 = 64 << 20;

/// Makes the parts that the client lists the object, and removes the upload. A completion that is sent again, because its
/// response was lost or is late, has the same result.
pub(crate) async fn complete<T: Transport + 'static>(
    store: &Store<T>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let location = location(&request);
    let mut input = request.input;
    let expected = Expected::of(&mut input)?;
    let completion = Completion {
        key: keys::object_key(&input.bucket, &input.key)?,
        id: input.upload_id.clone(),
        listed: input.multipart_upload.take().and_then(|listed| listed.parts).unwrap_or_default(),
        bucket: input.bucket.clone(),
        object: input.key.clone(),
        location,
    };
    let prepared = match completion.prepare(store, &input, expected).await {
        Ok(prepared) => prepared,
        Err(error) => return completion.again(store, error).await,
    };
    let size: u64 = prepared.parts.iter().map(|part| part.info.size).sum();
    let store = store.clone();
    let compose = async move {
        match completion.compose(&store, &prepared).await {
            Ok(()) => Ok(completion.output(prepared.recorded)),
            Err(error) => completion.again(&store, error).await,
        }
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

/// Returns the URL of the object: that of the request, without the query. Its path is encoded, and its host is that by which the
/// client reaches the gateway, which does not know whether a proxy before it has TLS.
fn location(request: &S3Request<CompleteMultipartUploadInput>) -> String {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map(|host| format!("http://{host}")).unwrap_or_default() + request.uri.path()
}

/// What a client wants to be completed.
struct Completion {
    key: String,
    id: String,
    listed: Vec<CompletedPart>,
    bucket: String,
    object: String,
    /// The URL of the object.
    location: String,
}

/// The parts of an object that can be stored.
struct Prepared {
    parts: Vec<Part>,
    /// The arguments of the upload that they become.
    args: UploadArgs,
    recorded: Recorded,
    /// Whether the bucket was created, and does not only have objects.
    has_marker: bool,
}

impl Completion {
    /// Returns the ETag of the object.
    fn etag(&self) -> String {
        etag::of_parts(self.listed.iter().map(|part| part.e_tag.as_ref().map_or("", ETag::value)))
    }

    /// Checks everything that the client says about the object, before it is stored.
    async fn prepare<T: Transport>(
        &self,
        store: &Store<T>,
        input: &CompleteMultipartUploadInput,
        expected: Expected,
    ) -> S3Result<Prepared> {
        let upload = staging::find(store, &self.id, &self.key).await?;
        let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        let condition = conditions::of_write(store, &self.key, if_match, if_none_match).await?;
        // The canister checks it, too, but after the response to a large completion has started.
        if condition == Condition::Absent && store.find_replicated(&self.key).await?.is_some() {
            return Err(exists());
        }
        let parts = chosen(staging::parts(store, &self.id).await?, &self.listed)?;
        check_size(&parts, input.mpu_object_size)?;
        let recorded = Recorded {
            sum: expected.check(upload.plan, &parts)?,
            done: Some(Done::of(&self.id, &self.key)),
            sizes: Some(Sizes::of(parts.iter().map(|part| part.info.size))),
        };
        let args = recorded.add_to(with_pair(upload.args(), etag::pair(&self.etag()))?);
        let has_marker = store.find(&keys::bucket_prefix(&self.bucket)).await?.is_some();
        Ok(Prepared { parts, args: UploadArgs { condition: Some(condition), ..args }, recorded, has_marker })
    }

    /// Has the canister put the parts together, and removes the upload.
    async fn compose<T: Transport>(&self, store: &Store<T>, prepared: &Prepared) -> S3Result<()> {
        let sources: Vec<_> = prepared.parts.iter().map(|part| Piece::whole(&part.info)).collect();
        let options = TransferOptions::default();
        let condition = prepared.args.condition.clone().unwrap_or_default();
        let composed = store.client().compose(&sources, &prepared.args, options).await;
        let (written, _) = composed.map_err(|error| of_compose(of_transfer(error), &condition))?;
        if prepared.has_marker && self.is_without_bucket(store).await {
            let deleted = store.client().delete_when(&self.key, Condition::Revision(written.revision)).await;
            deleted.map_err(of_call)?;
            return Err(s3_error!(NoSuchUpload));
        }
        // The object is stored. If this fails, the upload is listed until it is aborted.
        let _ = staging::remove(store, &self.id).await;
        Ok(())
    }

    /// Returns whether the bucket was deleted, and this upload with it, while the object was stored: it would exist again.
    async fn is_without_bucket<T: Transport>(&self, store: &Store<T>) -> bool {
        // The object is stored, so an error is none of this completion.
        matches!(store.find_replicated(&keys::bucket_prefix(&self.bucket)).await, Ok(None))
            && matches!(staging::is_open(store, &self.id).await, Ok(false))
    }

    /// Returns the result of this completion, which has failed, if another one has stored the object and removed the parts.
    ///
    /// # Errors
    /// The given one, if that is not so; `NoSuchUpload` if the upload was aborted meanwhile, which removes the parts first.
    async fn again<T: Transport>(
        &self,
        store: &Store<T>,
        error: S3Error,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        match self.done(store).await? {
            Some(info) => Ok(self.output(Recorded::of(&info))),
            None if matches!(staging::is_open(store, &self.id).await, Ok(false)) => {
                Err(s3_error!(NoSuchUpload))
            }
            None => Err(error),
        }
    }

    /// Returns the object, if it is of these parts and this upload. Then it also removes what is left of the upload. Where there was
    /// no room to keep which upload the object is of, it is of this one if the parts are gone.
    async fn done<T: Transport>(&self, store: &Store<T>) -> S3Result<Option<ObjectInfo>> {
        if !staging::is_id(&self.id) || self.listed.is_empty() {
            return Ok(None);
        }
        let info = store.find_replicated(&self.key).await?;
        let Some(info) = info.filter(|info| etag::recorded(info) == Some(&self.etag())) else {
            return Ok(None);
        };
        let is_done = match Recorded::of(&info).done {
            Some(done) => done == Done::of(&self.id, &self.key),
            None => staging::parts(store, &self.id).await?.is_empty(),
        };
        if !is_done {
            return Ok(None);
        }
        // An earlier completion may not have come to it.
        let _ = staging::remove(store, &self.id).await;
        Ok(Some(info))
    }

    fn output(&self, recorded: Recorded) -> CompleteMultipartUploadOutput {
        let checksum = recorded.sum.as_ref().map(Sum::checksum).unwrap_or_default();
        CompleteMultipartUploadOutput {
            bucket: Some(self.bucket.clone()),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: recorded.sum.map(|sum| sum.plan.checksum_type()),
            e_tag: Some(ETag::Strong(self.etag())),
            key: Some(self.object.clone()),
            location: Some(self.location.clone()),
            ..Default::default()
        }
    }
}

/// Returns the error of a completion for one of the canister: that a part is not the one that was checked, or that the condition
/// does not hold.
fn of_compose(error: S3Error, condition: &Condition) -> S3Error {
    match (error.code(), condition) {
        (S3ErrorCode::NoSuchKey, _) | (S3ErrorCode::PreconditionFailed, Condition::Any) => {
            s3_error!(InvalidPart, "a part was removed or replaced while the object was stored")
        }
        _ => conditions::named(error, condition),
    }
}

/// Checks the size of the object.
///
/// # Errors
/// `InvalidRequest` if the client expects another one, `EntityTooLarge`.
fn check_size(parts: &[Part], expected: Option<i64>) -> S3Result<()> {
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

/// Returns the listed parts.
///
/// # Errors
/// `MalformedXML` without parts, `InvalidPartOrder`, `InvalidPart`, `EntityTooSmall`.
fn chosen(mut parts: BTreeMap<i32, Part>, listed: &[CompletedPart]) -> S3Result<Vec<Part>> {
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
    use storage_testkit::object_info;

    use super::*;
    use crate::multipart::MAX_PARTS;

    #[test]
    fn all_ten_thousand_parts_can_be_chosen_whatever_was_uploaded_besides() {
        let part = |number: i32| {
            let size = if number == MAX_PARTS { 1 } else { MIN_PART_BYTES };
            let info = object_info(&number.to_string(), size, 1);
            (number, Part { info, etag: number.to_string(), checksum: Checksum::default() })
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
