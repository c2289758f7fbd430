//! Conditional headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};
use stable_storage_api::{Condition, ObjectInfo};
use storage_client::Transport;

use crate::{
    error::{condition_failed, not_implemented},
    etag,
    headers::{http_date, timestamp},
    store::Store,
};

const IF_MATCH: &str = "If-Match";

/// Conditions of a read.
#[derive(Debug, Default)]
pub(crate) struct ReadConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// The condition of a read that does not hold.
#[derive(Clone, Copy)]
enum Unmet {
    Match,
    NoneMatch,
    ModifiedSince,
    UnmodifiedSince,
}

impl Unmet {
    /// Returns the name of its header.
    fn name(self) -> &'static str {
        match self {
            Self::Match => IF_MATCH,
            Self::NoneMatch => "If-None-Match",
            Self::ModifiedSince => "If-Modified-Since",
            Self::UnmodifiedSince => "If-Unmodified-Since",
        }
    }
}

/// Headers that have a condition.
const HEADERS: [&str; 9] = [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
];

/// Checks that no condition is empty: `s3s` would take it for one that is missing, and run the request without it.
///
/// # Errors
/// `InvalidRequest`.
pub(crate) fn check_headers(headers: &HeaderMap) -> S3Result<()> {
    let is_empty = |value: &HeaderValue| value.as_bytes().trim_ascii().is_empty();
    match HEADERS.into_iter().find(|name| headers.get_all(*name).iter().any(is_empty)) {
        Some(name) => Err(s3_error!(InvalidRequest, "the header {name} is empty")),
        None => Ok(()),
    }
}

/// Returns whether a range is of the version of the object that the header `If-Range` names. If not, the client reads all of the
/// object (RFC 9110, section 13.1.5).
pub(crate) fn holds_if_range(headers: &HeaderMap, info: &ObjectInfo) -> bool {
    let Some(value) = headers.get(header::IF_RANGE) else { return true };
    let is_date = || http_date(&timestamp(info.modified_ns)).is_ok_and(|date| value == date.as_str());
    match ETag::parse_http_header(value.as_bytes()) {
        Ok(etag) => etag.as_strong() == etag::of(info).as_strong() && etag.as_strong().is_some(),
        Err(_) => is_date(),
    }
}

impl ReadConditions {
    /// Checks the conditions of a read.
    ///
    /// # Errors
    /// `PreconditionFailed`, and `NotModified` where the client has the object.
    pub(crate) fn check(&self, info: &ObjectInfo) -> S3Result<()> {
        match self.unmet(info) {
            None => Ok(()),
            Some(unmet @ (Unmet::Match | Unmet::UnmodifiedSince)) => Err(condition_failed(unmet.name())),
            Some(Unmet::NoneMatch | Unmet::ModifiedSince) => Err(not_modified(info)),
        }
    }

    /// Checks the conditions on the source of a copy.
    ///
    /// # Errors
    /// `PreconditionFailed`, also where a read would have the status *not modified*.
    pub(crate) fn check_source(&self, info: &ObjectInfo) -> S3Result<()> {
        match self.unmet(info) {
            None => Ok(()),
            Some(unmet) => Err(condition_failed(&format!("x-amz-copy-source-{}", unmet.name()))),
        }
    }

    /// Returns the first condition that does not hold, in the order of RFC 9110, where an ETag wins over a time.
    fn unmet(&self, info: &ObjectInfo) -> Option<Unmet> {
        let current = etag::of(info);
        // HTTP dates have seconds.
        let modified = timestamp(info.modified_ns / 1_000_000_000 * 1_000_000_000);
        let is_unmet = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => {
                (!matches(condition, &current, Comparison::Strong)).then_some(Unmet::Match)
            }
            (None, Some(time)) => (modified > *time).then_some(Unmet::UnmodifiedSince),
            (None, None) => None,
        };
        is_unmet.or_else(|| match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => {
                matches(condition, &current, Comparison::Weak).then_some(Unmet::NoneMatch)
            }
            (None, Some(time)) => (modified <= *time).then_some(Unmet::ModifiedSince),
            (None, None) => None,
        })
    }
}

/// Names `If-Match` in the error of the canister, which has checked the condition of a write.
pub(crate) fn named(error: S3Error, condition: &Condition) -> S3Error {
    match condition {
        Condition::Revision(_) if error.code() == &S3ErrorCode::PreconditionFailed => {
            condition_failed(IF_MATCH)
        }
        _ => error,
    }
}

/// How ETags are compared: `If-Match` is not met by a weak one, `If-None-Match` is (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Returns whether a condition names the current ETag. `s3s` takes a list for one ETag, with the quotation marks between its
/// members; a value has none itself.
fn matches(condition: &ETagCondition, current: &ETag, comparison: Comparison) -> bool {
    let ETagCondition::ETag(etag) = condition else { return true };
    let mut is_weak = matches!(etag, ETag::Weak(_));
    let mut parts = etag.value().split('"');
    while let Some(value) = parts.next() {
        if value == current.value() && !(is_weak && comparison == Comparison::Strong) {
            return true;
        }
        is_weak = parts.next().is_some_and(|between| between.ends_with("W/"));
    }
    false
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
            match matches(condition, &etag::of(&info), Comparison::Strong) {
                true => Ok(Condition::Revision(info.revision)),
                false => Err(condition_failed(IF_MATCH)),
            }
        }
    }
}
