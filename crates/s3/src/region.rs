//! The region that a request is signed for. Every region is accepted, but `s3s` takes only lowercase names.

use axum::http::{HeaderMap, header};
use s3s::{S3Result, s3_error};

use crate::details;

/// The region for which clients have to sign, and that of a bucket that was created without one.
pub(crate) const REGION: &str = "us-east-1";

/// Refuses a request for a region like `US`, which s3cmd has by default: S3 names the region then, and the client signs the
/// request again.
///
/// # Errors
/// `AuthorizationHeaderMalformed`, with the region.
pub(crate) fn check(headers: &HeaderMap) -> S3Result<()> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(region) = authorization.and_then(region) else { return Ok(()) };
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.is_empty() && region.bytes().all(is_name) {
        return Ok(());
    }
    let error =
        s3_error!(AuthorizationHeaderMalformed, "The request is signed for another region than {REGION}.");
    Err(details::with(error, "Region", REGION))
}

/// Returns the region of a signature of version 4: `Credential=KEY/DATE/REGION/s3/aws4_request`.
fn region(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split(',').next()?.split('/').nth(2)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn status(authorization: &str) -> Option<StatusCode> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().unwrap())]);
        check(&headers)
            .err()
            .and_then(|error| error.to_http_response().ok())
            .map(|response| response.status())
    }

    #[test]
    fn a_request_for_a_region_that_is_no_name_is_sent_to_another() {
        let signed = |region: &str| {
            status(&format!(
                "AWS4-HMAC-SHA256 Credential=KEY/20260101/{region}/s3/aws4_request, Signature=00"
            ))
        };
        assert_eq!(signed("US"), Some(StatusCode::BAD_REQUEST));
        assert_eq!(signed(""), Some(StatusCode::BAD_REQUEST));
        assert_eq!(signed("eu-central-1"), None);
        assert_eq!(status("AWS KEY:signature"), None);
    }
}
