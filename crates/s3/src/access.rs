//! Which role an operation needs, and what it accepts.

use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    s3_error,
};
use stable_storage_api::Role;

use crate::{allowed, credentials::Credentials, substitutes::CheckOnly};

/// Allows an operation to the keys whose role suffices.
pub(crate) struct Access(pub(crate) Credentials);

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let key = context.credentials().map(|credentials| credentials.access_key.as_str());
        let role = key.and_then(|key| self.0.role(key));
        let role = role.ok_or_else(|| s3_error!(AccessDenied, "the request is not signed"))?;
        let operation = context.s3_op().name();
        if needs_writer(operation) && role < Role::Writer {
            return Err(s3_error!(AccessDenied, "{operation} needs the role writer"));
        }
        allowed::check(operation, context.uri(), context.headers())?;
        match context.extensions_mut().get::<CheckOnly>() {
            Some(check) => {
                check.allow();
                Err(s3_error!(AccessDenied, "the request was only checked"))
            }
            None => Ok(()),
        }
    }
}

/// Returns whether an operation needs more than the role of a reader.
fn needs_writer(operation: &str) -> bool {
    !["Get", "Head", "List"].iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_needs_a_reader_and_everything_else_a_writer() {
        for operation in ["GetObject", "HeadBucket", "ListObjectsV2", "ListParts"] {
            assert!(!needs_writer(operation), "{operation}");
        }
        for operation in ["PutObject", "DeleteObjects", "CreateBucket", "UploadPartCopy", "PostObject"] {
            assert!(needs_writer(operation), "{operation}");
        }
    }
}
