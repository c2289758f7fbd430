//! The query of a presigned URL. S3 takes parameters like `x-amz-acl` and `Content-Type` there as the headers with the same names.

use axum::http::{HeaderName, HeaderValue, Uri, header::Entry, request::Parts};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// Parameters of a signature.
const SIGNATURE: [&str; 6] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// Headers with another name than `x-amz-…` that the AWS SDK for JavaScript version 2 writes into the query of a URL.
pub(crate) const CONTENT_HEADERS: &[&str] = &["Cache-Control", "Content-MD5", "Content-Type"];

/// For how long a URL can be presigned, in seconds: 7 days.
const MAX_EXPIRES: u64 = 7 * 86_400;

/// Returns the parameters of a query, decoded.
pub(crate) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match (hex, first) {
            (Some(byte), _) => {
                bytes.extend(byte);
                rest = &tail[2..];
                continue;
            }
            (None, b'+') => bytes.push(b' '),
            (None, byte) => bytes.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Adds the parameters that are headers to the headers, where the same rules hold for them.
///
/// # Errors
/// `AuthorizationQueryParametersError` for a URL that is valid for more than 7 days, `InvalidRequest` for a parameter that
/// is given with two values, `InvalidArgument` for one that no header can have.
pub(crate) fn to_headers(parts: &mut Parts) -> S3Result<()> {
    for (name, value) in pairs(&parts.uri) {
        let lower = name.to_ascii_lowercase();
        if name == "X-Amz-Expires" && value.parse().is_ok_and(|seconds: u64| seconds > MAX_EXPIRES) {
            return Err(S3Error::with_message(
                S3ErrorCode::AuthorizationQueryParametersError,
                format!("X-Amz-Expires is {value}; the limit is {MAX_EXPIRES} seconds"),
            ));
        }
        let is_header = lower.starts_with("x-amz-") || CONTENT_HEADERS.contains(&&*name);
        if !is_header || SIGNATURE.contains(&&*lower) {
            continue;
        }
        let invalid = || s3_error!(InvalidArgument, "the parameter {name:?} is no header");
        let header = HeaderName::try_from(lower).map_err(|_| invalid())?;
        let value = HeaderValue::from_str(&value).map_err(|_| invalid())?;
        match parts.headers.entry(header) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            Entry::Occupied(entry) if entry.iter().all(|other| other == value) => {}
            Entry::Occupied(_) => return Err(s3_error!(InvalidRequest, "{name} has two values")),
        }
    }
    Ok(())
}

/// Removes the signature from a request that was verified.
pub(crate) fn without_signature(parts: &mut Parts) -> S3Result<()> {
    parts.headers.remove(axum::http::header::AUTHORIZATION);
    let is_signature = |pair: &str| {
        let name = decoded(pair.split('=').next().unwrap_or_default());
        SIGNATURE.contains(&&*name.to_ascii_lowercase())
    };
    let query = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !is_signature(pair));
    let query = query.collect::<Vec<_>>().join("&");
    let uri = format!("{}?{query}", parts.uri.path());
    parts.uri = uri.parse().map_err(S3Error::internal_error::<axum::http::uri::InvalidUri>)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(uri: &str) -> Parts {
        Request::get(uri).header("x-amz-acl", "private").body(()).unwrap().into_parts().0
    }

    #[test]
    fn parameters_are_headers() {
        let mut one = parts("/b/k?X-Amz-Meta-Color=dark%20red&x-amz-acl=private&X-Amz-Date=1&prefix=x");
        to_headers(&mut one).unwrap();
        assert_eq!(one.headers["x-amz-meta-color"], "dark red");
        assert_eq!(one.headers.len(), 2);
        let mut one = parts("/b/k?Content-Type=text/plain&Content-Length=9");
        to_headers(&mut one).unwrap();
        assert_eq!(one.headers["content-type"], "text/plain");
        assert_eq!(one.headers.len(), 2);
        let code = |uri| to_headers(&mut parts(uri)).unwrap_err().code().clone();
        assert_eq!(code("/b?x-amz-acl=public-read"), S3ErrorCode::InvalidRequest);
        assert_eq!(code("/b?x-amz-meta-a=%0A"), S3ErrorCode::InvalidArgument);
        assert_eq!(code("/b?X-Amz-Expires=604801"), S3ErrorCode::AuthorizationQueryParametersError);
        assert!(to_headers(&mut parts("/b?X-Amz-Expires=604800")).is_ok());
    }

    #[test]
    fn a_signature_is_removed_and_the_rest_is_kept() {
        let mut one = parts("/b/k?a=%26b&X-Amz-Signature=00&X-Amz-Date=1&X-Amz-Expires=1&versionId=null");
        without_signature(&mut one).unwrap();
        assert_eq!(one.uri, "/b/k?a=%26b&versionId=null");
        assert_eq!(decoded("a+b%2"), "a b%2");
    }
}
