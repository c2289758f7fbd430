//! Conditional headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::{
    S3Error, S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};
use stable_storage_api::{Condition, ObjectInfo};
use storage_client::Transport;

use crate::{
    error::not_implemented,
    etag,
    headers::{http_date, timestamp},
    store::Store,
};

/// Conditions of a read.
#[derive(Debug, Default)]
pub(crate) struct ReadConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// Checks the conditions in the order of RFC 9110, where an ETag wins over a time.
    ///
    /// # Errors
    /// `PreconditionFailed`, and `NotModified` where the client has the object.
    pub(crate) fn check(&self, info: &ObjectInfo) -> S3Result<()> {
        let current = etag::of(info);
        // HTTP dates have seconds.
        let modified = timestamp(info.modified_ns / 1_000_000_000 * 1_000_000_000);
        let is_met = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => matches(condition, &current),
            (None, Some(time)) => modified <= *time,
            (None, None) => true,
        };
        if !is_met {
            return Err(s3_error!(PreconditionFailed));
        }
        let is_new = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => !matches(condition, &current),
            (None, Some(time)) => modified > *time,
            (None, None) => true,
        };
        if !is_new {
            return Err(not_modified(info));
        }
        Ok(())
    }
}

/// Returns whether a condition names the current ETag. `s3s` takes a list for one ETag, with the quotation marks between its
/// members; a value has none itself.
fn matches(condition: &ETagCondition, current: &ETag) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value().split('"').step_by(2).any(|value| value == current.value()),
    }
}

/// Returns the condition in a header.
///
/// # Errors
/// `InvalidRequest`.
pub(crate) fn in_header(headers: &HeaderMap, name: &HeaderName) -> S3Result<Option<ETagCondition>> {
    let invalid = || s3_error!(InvalidRequest, "the header {name} is not one condition");
    let mut values = headers.get_all(name).iter();
    let condition = values.next().map(|value| ETagCondition::parse_http_header(value.as_bytes()));
    match values.next() {
        Some(_) => Err(invalid()),
        None => condition.transpose().map_err(|_| invalid()),
    }
}

/// Returns the error for a client that has the object, with the headers by which it keeps it.
fn not_modified(info: &ObjectInfo) -> S3Error {
    let mut headers = HeaderMap::new();
    let modified =
        http_date(&timestamp(info.modified_ns)).ok().and_then(|date| HeaderValue::try_from(date).ok());
    let etag = etag::of(info).to_http_header().ok();
    headers.extend(etag.map(|etag| (header::ETAG, etag)));
    headers.extend(modified.map(|date| (header::LAST_MODIFIED, date)));
    let mut error = s3_error!(NotModified);
    error.set_headers(headers);
    error
}

/// Returns the condition of a write. The object under the key is only read where the condition depends on it.
///
/// # Errors
/// `PreconditionFailed` if the condition does not hold, `NoSuchKey` if it is about an object that does not exist,
/// `NotImplemented` for `If-None-Match` with an ETag, as in S3.
pub(crate) async fn of_write<T: Transport>(
    store: &Store<T>,
    key: &str,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(_), Some(_)) => Err(not_implemented("If-Match together with If-None-Match")),
        (None, Some(ETagCondition::ETag(_))) => Err(not_implemented("If-None-Match with an ETag in a write")),
        (Some(condition), None) => {
            let info = store.find_replicated(key).await?.ok_or_else(|| s3_error!(NoSuchKey))?;
            match matches(condition, &etag::of(&info)) {
                true => Ok(Condition::Revision(info.revision)),
                false => Err(s3_error!(PreconditionFailed)),
            }
        }
    }
}
