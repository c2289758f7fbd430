//! What an error states beside its code and message. S3 writes elements for it, which clients read: `Condition`,
//! `ActualObjectSize`, `RequestId`. `s3s` writes none of them, so an error carries them in a header that never leaves the
//! gateway, and they are written into its body here.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use s3s::S3Error;

/// The header in which an error carries its elements: each value is a name, a space and a text.
const CARRIER: HeaderName = HeaderName::from_static("x-storage-error-element");

/// The header with the identifier of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// The type of the body of an error.
const XML: HeaderValue = HeaderValue::from_static("application/xml");

/// What the body of an error ends with.
const END: &[u8] = b"</Error>";

/// Random bytes of the identifier of a request.
const ID_BYTES: usize = 8;

/// The elements of an error, as XML.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details(String);

/// Adds an element to an error. A text that no header can have is left out.
pub(crate) fn with(mut error: S3Error, name: &'static str, text: &str) -> S3Error {
    let mut headers = error.headers().cloned().unwrap_or_default();
    // The headers of an error replace those that s3s sets.
    headers.entry(header::CONTENT_TYPE).or_insert(XML);
    if let Ok(value) = HeaderValue::try_from(format!("{name} {text}")) {
        headers.append(CARRIER, value);
    }
    error.set_headers(headers);
    error
}

impl Details {
    /// Returns the elements of an error.
    pub(crate) fn of(error: &S3Error) -> Self {
        error.headers().map(Self::in_headers).unwrap_or_default()
    }

    fn in_headers(headers: &HeaderMap) -> Self {
        let values = headers.get_all(CARRIER).iter().filter_map(|value| value.to_str().ok()?.split_once(' '));
        Self(values.map(|(name, text)| element(name, text)).collect())
    }

    /// Writes the elements and the identifier of the request at the end of the body of an error.
    pub(crate) fn write(&self, body: &Bytes, id: &RequestId) -> Bytes {
        let start = body.strip_suffix(END);
        start.map_or_else(
            || body.clone(),
            |start| [start, self.0.as_bytes(), id.element().as_bytes(), END].concat().into(),
        )
    }
}

fn element(name: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<{name}>{text}</{name}>")
}

/// Identifies a request in its response, so that a client can name it. Without random bytes, there is none.
#[derive(Clone)]
pub(crate) struct RequestId(Option<String>);

impl RequestId {
    /// Returns a new identifier.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; ID_BYTES];
        Self(getrandom::fill(&mut bytes).ok().map(|()| hex::encode_upper(bytes)))
    }

    fn element(&self) -> String {
        self.0.as_deref().map(|id| element("RequestId", id)).unwrap_or_default()
    }

    fn header(&self) -> Option<HeaderValue> {
        self.0.as_deref().and_then(|id| HeaderValue::try_from(id).ok())
    }
}

/// Returns a response with the identifier of its request, and with the elements of its error. `s3s` has the body of an error in
/// memory.
pub(crate) async fn written(mut response: Response, id: &RequestId) -> Response {
    let details = Details::in_headers(response.headers());
    response.headers_mut().remove(CARRIER);
    response.headers_mut().extend(id.header().map(|id| (REQUEST_ID, id)));
    let is_xml = response.headers().get(header::CONTENT_TYPE) == Some(&XML);
    if response.status().is_success() || !is_xml {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(details.write(&body, id)))
}

#[cfg(test)]
mod tests {
    use s3s::s3_error;

    use super::*;

    #[tokio::test]
    async fn elements_are_written_once_and_the_header_is_removed() {
        let error = with(s3_error!(InvalidRange), "RangeRequested", "bytes=<&>");
        let response = with(error, "ActualObjectSize", "0").to_http_response().unwrap().map(Body::new);
        let response = written(response, &RequestId(Some("ID".to_owned()))).await;
        assert_eq!(response.headers().len(), 2, "{:?}", response.headers());
        assert_eq!(response.headers()[header::CONTENT_TYPE], XML);
        assert_eq!(response.headers()[REQUEST_ID], "ID");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let expected = "<RangeRequested>bytes=&lt;&amp;&gt;</RangeRequested><ActualObjectSize>0</ActualObjectSize>\
                        <RequestId>ID</RequestId></Error>";
        assert!(body.ends_with(expected.as_bytes()), "{body:?}");
    }
}
