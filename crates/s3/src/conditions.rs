//! Conditional headers.

use s3s::{
    S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};
use stable_storage_api::{Condition, ObjectInfo};

use crate::{error::not_implemented, etag, headers::timestamp};

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
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

fn matches(condition: &ETagCondition, current: &ETag) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == current.value(),
    }
}

/// Returns the condition of a write. `current` returns the object under the key, if there is one; it is only called where the
/// condition depends on it.
///
/// # Errors
/// `PreconditionFailed` if the condition does not hold, `NoSuchKey` if it is about an object that does not exist,
/// `NotImplemented` for `If-None-Match` with an ETag, as in S3.
pub(crate) async fn of_write(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    current: impl AsyncFnOnce() -> S3Result<Option<ObjectInfo>>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(_), Some(_)) => Err(not_implemented("If-Match together with If-None-Match")),
        (None, Some(ETagCondition::ETag(_))) => Err(not_implemented("If-None-Match with an ETag in a write")),
        (Some(condition), None) => {
            let info = current().await?.ok_or_else(|| s3_error!(NoSuchKey))?;
            match matches(condition, &etag::of(&info)) {
                true => Ok(Condition::Revision(info.revision)),
                false => Err(s3_error!(PreconditionFailed)),
            }
        }
    }
}
