//! Which headers a signature covers. `s3s` verifies the headers that a signature names; S3 also refuses a request
//! with a header `x-amz-…` that it does not name. Otherwise the holder of a presigned URL could turn a store into a copy.

use axum::http::{HeaderMap, Uri, header};
use s3s::{S3Result, s3_error};

use crate::{allowed, query};

/// Checks that the signature names every header `x-amz-…`. Requests without a signature are refused later.
///
/// # Errors
/// `AccessDenied` for a header that is not signed.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> S3Result<()> {
    let Some(signed) = signed(uri, headers) else { return Ok(()) };
    let names = headers.keys().map(header::HeaderName::as_str);
    let mut unsigned = names.filter(|name| {
        allowed::is_amz(name)
            && !allowed::is_without_effect(name)
            && !signed.iter().any(|other| other == name)
    });
    match unsigned.next() {
        Some(name) => Err(s3_error!(AccessDenied, "the header {name} is not signed")),
        None => Ok(()),
    }
}

/// Returns the names of the headers that a signature covers, in lowercase.
fn signed(uri: &Uri, headers: &HeaderMap) -> Option<Vec<String>> {
    let in_query = query::pairs(uri).into_iter().find(|(name, _)| name == "X-Amz-SignedHeaders");
    let in_header = || {
        let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (_, names) = authorization.split_once("SignedHeaders=")?;
        names.split([',', ' ']).next().map(str::to_owned)
    };
    let names = in_query.map(|(_, names)| names).or_else(in_header)?;
    Some(names.split(';').map(str::to_ascii_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_in_the_query_or_in_a_header() {
        let uri: Uri = "/b/k?X-Amz-SignedHeaders=host%3Bx-amz-acl".parse().unwrap();
        assert_eq!(signed(&uri, &HeaderMap::new()).unwrap(), ["host", "x-amz-acl"]);
        let authorization =
            "AWS4-HMAC-SHA256 Credential=K/d/r/s3/aws4_request, SignedHeaders=host;X-Amz-Date, Signature=00";
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().unwrap())]);
        let uri: Uri = "/b/k".parse().unwrap();
        assert_eq!(signed(&uri, &headers).unwrap(), ["host", "x-amz-date"]);
        assert_eq!(signed(&uri, &HeaderMap::new()), None);
    }
}
