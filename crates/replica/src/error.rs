//! What a client is told whose request is refused before anything is executed.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// An HTTP status and a text that says what was wrong.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {text}")]
pub(crate) struct HttpError {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl HttpError {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// What was sent is not understood or not valid.
    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// It is understood and not allowed.
    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// The server is about to end, or its host has failed.
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.status, kind, Body::from(self.text)).into_response()
    }
}
