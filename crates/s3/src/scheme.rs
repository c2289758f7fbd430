//! Which signatures are accepted: of version 4, for the service `s3`. `s3s` knows others, too. A signature of version 2 in a
//! header has no time limit, so a captured request could be sent again at any time. Of a request for the service `sts`, `s3s`
//! reads the body before it verifies the signature.

use axum::http::{HeaderMap, Uri, header};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::query;

/// The algorithm of version 4.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service in the scope of a signature.
const SERVICE: &str = "s3";

/// Parameters of a URL that is presigned with version 2.
const QUERY_2: [&str; 2] = ["AWSAccessKeyId", "Signature"];

/// Checks the kind of every signature of a request. A request without a signature is refused later.
///
/// # Errors
/// `InvalidRequest` for another signature than one of version 4; `AuthorizationHeaderMalformed` and
/// `AuthorizationQueryParametersError` for one for another service.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> S3Result<()> {
    for (name, value) in query::pairs(uri) {
        if QUERY_2.contains(&&*name) {
            return Err(unsupported());
        }
        if name == "X-Amz-Credential" {
            scope(&value, S3ErrorCode::AuthorizationQueryParametersError)?;
        }
    }
    for value in headers.get_all(header::AUTHORIZATION) {
        let text = value.to_str().map_err(|_| unsupported())?;
        let parts = text.split_once(|character: char| character.is_ascii_whitespace());
        // s3s takes the header for version 4 whatever the algorithm.
        let (_, rest) = parts.filter(|(algorithm, _)| *algorithm == ALGORITHM).ok_or_else(unsupported)?;
        let credential = rest.trim_ascii_start().strip_prefix("Credential=").unwrap_or_default();
        scope(credential, S3ErrorCode::AuthorizationHeaderMalformed)?;
    }
    Ok(())
}

/// Checks the service of a credential: `KEY/DATE/REGION/s3/aws4_request`.
///
/// # Errors
/// The given code for another service.
pub(crate) fn scope(credential: &str, code: S3ErrorCode) -> S3Result<()> {
    match credential.split('/').nth(3) {
        Some(SERVICE) => Ok(()),
        service => {
            let service = service.unwrap_or_default();
            let message = format!("the signature is for the service {service:?}; this one is {SERVICE:?}");
            Err(S3Error::with_message(code, message))
        }
    }
}

fn unsupported() -> S3Error {
    s3_error!(InvalidRequest, "the signature is not one of version 4; sign with {ALGORITHM}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn code(uri: &'static str, authorizations: &[&str]) -> Option<S3ErrorCode> {
        let mut headers = HeaderMap::new();
        for text in authorizations {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        check(&Uri::from_static(uri), &headers).err().map(|error| error.code().clone())
    }

    #[test]
    fn only_version_4_is_accepted() {
        let signed =
            "AWS4-HMAC-SHA256 Credential=K/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(code("/b/k?X-Amz-Credential=K%2F20260101%2Fr%2Fs3%2Faws4_request", &[signed]), None);
        assert_eq!(code("/b/k", &[]), None);
        let unsupported = Some(S3ErrorCode::InvalidRequest);
        for uri in ["/b/k?Signature=00", "/b?AWSAccessKeyId=K", "/b/k?a=b&%53ignature"] {
            assert_eq!(code(uri, &[]), unsupported, "{uri}");
        }
        for text in ["AWS K:00", "AWS4-HMAC-SHA256", "Basic AAAA", &signed.replace("HMAC", "ECDSA"), ""] {
            assert_eq!(code("/b/k", &[text]), unsupported, "{text}");
            assert_eq!(code("/b/k", &[signed, text]), unsupported, "{text}");
        }
    }

    #[test]
    fn only_the_service_s3_is_accepted() {
        for scope in
            ["K/20260101/r/sts/aws4_request", "K/20260101/r/S3/aws4_request", "K/s3/aws4_request", ""]
        {
            let signed = format!("AWS4-HMAC-SHA256 \t Credential={scope}, SignedHeaders=host, Signature=00");
            assert_eq!(code("/b", &[&signed]), Some(S3ErrorCode::AuthorizationHeaderMalformed), "{scope}");
        }
        let uri = "/b/k?X-Amz-Credential=K/20260101/r/sts/aws4_request";
        assert_eq!(code(uri, &[]), Some(S3ErrorCode::AuthorizationQueryParametersError));
    }
}
