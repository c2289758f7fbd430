//! The header `Range` of reads: brought into a form that `s3s` reads as S3 does.

use axum::http::{HeaderName, HeaderValue, Method, header::RANGE, request::Parts};
use s3s::dto::Range;

/// Returns what replaces the header `Range`, if `s3s` does not read it as it is. HTTP and S3 ignore one of several ranges, of
/// another unit, or malformed.
pub(crate) fn substitute(parts: &Parts) -> Option<(HeaderName, Option<HeaderValue>)> {
    let ranges: Vec<_> = parts.headers.get_all(RANGE).iter().collect();
    if ranges.is_empty() || ![Method::GET, Method::HEAD].contains(&parts.method) {
        return None;
    }
    let [range] = ranges[..] else { return Some((RANGE, None)) };
    let text = range.to_str().unwrap_or_default();
    // s3s takes a suffix without a length for one of no bytes.
    let saturated = saturated(text).filter(|text| text != "bytes=-" && Range::parse(text).is_ok());
    match saturated {
        Some(same) if same == text => None,
        other => Some((RANGE, other.and_then(|text| HeaderValue::try_from(text).ok()))),
    }
}

/// Returns a range whose numbers have at most the limit of `s3s`, past the end of every object. A larger one has the same bytes.
fn saturated(range: &str) -> Option<String> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true if !digits.is_empty() && digits.parse::<i64>().is_err() => i64::MAX.to_string(),
        _ => digits.to_owned(),
    };
    Some(format!("bytes={}-{}", number(first), number(last)))
}
