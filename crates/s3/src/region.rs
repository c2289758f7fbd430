//! The region that a request is signed for. Every region is accepted, but `s3s` takes only lowercase names.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The region for which clients have to sign, and that of a bucket that was created without one.
pub(crate) const REGION: &str = "us-east-1";

/// Returns the response to a request for a region like `US`, which s3cmd has by default: S3 names the region then, and the
/// client signs the request again.
pub(crate) fn redirection(headers: &HeaderMap) -> Option<Response> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let region = region(authorization)?;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.is_empty() && region.bytes().all(is_name) {
        return None;
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AuthorizationHeaderMalformed</Code>\
         <Message>The request is signed for another region than {REGION}.</Message><Region>{REGION}</Region></Error>"
    );
    Some((StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/xml")], body).into_response())
}

/// Returns the region of a signature of version 4: `Credential=KEY/DATE/REGION/s3/aws4_request`.
fn region(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split(',').next()?.split('/').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(authorization: &str) -> Option<StatusCode> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().unwrap())]);
        redirection(&headers).map(|response| response.status())
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
