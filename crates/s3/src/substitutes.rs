//! Headers that `s3s` does not read as S3 does. The client has signed them, so they are replaced after `s3s` has verified the
//! signature: the service that verifies it has a route for such requests, which sends them to one that runs them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{AUTHORIZATION, EXPIRES, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE},
    request::Parts,
};
use s3s::{
    Body, S3Request, S3Response, S3Result,
    dto::{Timestamp, TimestampFormat},
    route::S3Route,
    s3_error,
    service::S3Service,
};

use crate::{forms, query, range};

/// The headers with a date that is a condition.
const DATES: [HeaderName; 4] = [
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    HeaderName::from_static("x-amz-copy-source-if-modified-since"),
    HeaderName::from_static("x-amz-copy-source-if-unmodified-since"),
];

/// With this, a request is only checked: access is refused to it in the end, and whether it was allowed is recorded.
#[derive(Clone, Default)]
pub(crate) struct CheckOnly(Arc<AtomicBool>);

impl CheckOnly {
    /// Records that the request is allowed.
    pub(crate) fn allow(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the request is allowed.
    pub(crate) fn is_allowed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The text of the header `Expires` of a request, if it is no date.
#[derive(Clone)]
pub(crate) struct ExpiresText(pub(crate) String);

/// The headers of a request that are replaced, or removed.
#[derive(Clone)]
pub(crate) struct Substitutes {
    headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// The text of the header `Expires`, which is removed.
    expires: Option<ExpiresText>,
}

impl Substitutes {
    /// Returns the headers that are replaced, if there are any.
    pub(crate) fn of(parts: &Parts) -> Option<Self> {
        if forms::is_form(parts) {
            return None;
        }
        let mut headers: Vec<_> = DATES.iter().filter_map(|name| date(&parts.headers, name)).collect();
        headers.extend(range::substitute(parts));
        let expires = expires(parts);
        headers.extend(expires.as_ref().map(|_| (EXPIRES, None)));
        (!headers.is_empty()).then_some(Self { headers, expires })
    }

    fn apply(self, parts: &mut Parts) {
        if let Some(expires) = self.expires {
            parts.extensions.insert(expires);
        }
        for (name, value) in self.headers {
            parts.headers.remove(&name);
            parts.headers.extend(value.map(|value| (name, value)));
        }
    }
}

/// Returns what replaces the date of a condition. RFC 9110 (5.6.7, 13.1) has three forms of a date, of which `s3s` reads one, and
/// ignores a condition that is no date.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<(HeaderName, Option<HeaderValue>)> {
    let text = one(headers, name)?.to_str().unwrap_or_default();
    if Timestamp::parse(TimestampFormat::HttpDate, text).is_ok() {
        return None;
    }
    let time = httpdate::parse_http_date(text).ok();
    let date = time.and_then(|time| HeaderValue::try_from(httpdate::fmt_http_date(time)).ok());
    Some((name.clone(), date))
}

/// Returns the text of the header `Expires` of a write, if it is no date.
fn expires(parts: &Parts) -> Option<ExpiresText> {
    let is_write = [Method::PUT, Method::POST].contains(&parts.method);
    let value = one(&parts.headers, &EXPIRES).filter(|value| is_write && !value.is_empty())?;
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    let is_date = Timestamp::parse(TimestampFormat::HttpDate, text).is_ok();
    (!is_date).then(|| ExpiresText(text.to_owned()))
}

/// Returns a header that is given once. `s3s` refuses one that is given several times.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Sends requests with [`Substitutes`] to a service that runs them, with the body whose signature is verified as it is read. They
/// were allowed before.
pub(crate) struct Route {
    /// Runs requests without a signature.
    pub(crate) allowed: S3Service,
}

#[async_trait::async_trait]
impl S3Route for Route {
    fn is_match(
        &self,
        _: &Method,
        _: &axum::http::Uri,
        _: &HeaderMap,
        extensions: &mut axum::http::Extensions,
    ) -> bool {
        extensions.get::<Substitutes>().is_some() && extensions.get::<CheckOnly>().is_none()
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let S3Request { input, method, uri, headers, extensions, trailing_headers, .. } = request;
        let (mut parts, ()) = Request::new(()).into_parts();
        (parts.method, parts.uri, parts.headers, parts.extensions) = (method, uri, headers, extensions);
        if let Some(substitutes) = parts.extensions.remove::<Substitutes>() {
            substitutes.apply(&mut parts);
        }
        if let Some(trailers) = trailing_headers {
            parts.extensions.insert(trailers);
        }
        parts.headers.remove(AUTHORIZATION);
        query::without_signature(&mut parts)?;
        let answer = self.allowed.call(Request::from_parts(parts, input)).await;
        let (parts, body) = answer.map_err(|_| s3_error!(InternalError))?.into_parts();
        let mut response = S3Response::new(body);
        response.status = Some(parts.status);
        (response.headers, response.extensions) = (parts.headers, parts.extensions);
        Ok(response)
    }
}
