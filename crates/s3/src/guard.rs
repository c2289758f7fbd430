//! What a request passes before `s3s` sees it. `s3s` ignores what it does not know, and holds forms and chunks in memory; here
//! requests are bounded, and what S3 takes from the query or ignores in a header is brought into the form that `s3s` reads.

use std::{io, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use s3s::{
    S3Error, S3Result,
    config::{S3Config, StaticConfigProvider},
    service::S3Service,
};

use crate::{
    conditions,
    details::{self, RequestId},
    forms,
    host::Domains,
    incoming::{self, MAX_XML_BYTES},
    kept_alive, query,
    refusal::Refusal,
    region, scheme, signed,
    substitutes::{CheckOnly, Substitutes},
    xml,
};

/// The longest time between that of a signature and that of the gateway, in seconds: 15 minutes. A presigned URL has its own limit
/// in the past.
const MAX_SKEW_SECONDS: u32 = 15 * 60;

/// The guard before a gateway.
#[derive(Clone)]
pub(crate) struct Guard {
    /// Verifies signatures and roles.
    pub(crate) service: S3Service,
    /// Where the gateway is.
    pub(crate) domains: Domains,
}

/// Returns the limits of what `s3s` holds in memory.
pub(crate) fn config() -> Arc<StaticConfigProvider> {
    let mut config = S3Config::default();
    config.xml_max_body_size = MAX_XML_BYTES as usize;
    config.post_object_max_file_size = forms::MAX_BYTES as u64;
    config.form_max_field_size = forms::MAX_FIELDS_BYTES;
    config.form_max_fields_size = forms::MAX_FIELDS_BYTES;
    config.presigned_url_max_skew_time_secs = MAX_SKEW_SECONDS;
    Arc::new(StaticConfigProvider::new(Arc::new(config)))
}

impl Guard {
    /// Answers a request.
    ///
    /// An empty body is not read, so a request that waits for a response with status 100 before it sends one gets only the
    /// final response. After that, awscli takes its status for that of the next request of the connection, and loses the
    /// headers of that one. So the connection ends.
    pub(crate) async fn respond(self, request: Request) -> Response {
        let is_never_continued =
            request.headers().contains_key(header::EXPECT) && request.body().is_end_stream();
        let id = RequestId::new();
        let response = self.answer(request).await.unwrap_or_else(error_response);
        let response = kept_alive::finished(response, &id);
        let mut response = details::written(response, &id).await;
        if is_never_continued {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn answer(&self, request: Request) -> S3Result<Response> {
        let (mut parts, body) = request.into_parts();
        scheme::check(&parts.uri, &parts.headers)?;
        region::check(&parts.headers)?;
        conditions::check_headers(&parts.headers)?;
        let bucket = self.domains.bucket(&parts)?;
        let is_object = is_object(parts.uri.path(), bucket.is_some());
        // Before the query adds headers, which are signed with it.
        signed::check(&parts.uri, &parts.headers)?;
        query::to_headers(&mut parts)?;
        if let Some(substitutes) = Substitutes::of(&parts) {
            // The route does not know the operation, so it is checked first whether that is allowed.
            if let Err(refused) = self.check(&parts).await {
                return Ok(refused);
            }
            parts.extensions.insert(substitutes);
        }
        let refusal = Refusal::default();
        let body = body_of(&parts, body, is_object, &refusal).await?;
        let response = call(&self.service, Request::from_parts(parts, body)).await;
        match refusal.take() {
            Some(reason) if !response.status().is_success() => Err(reason),
            _ => Ok(response),
        }
    }

    /// Checks the signature of a request, and that its operation is allowed, without its body.
    ///
    /// # Errors
    /// The response that refuses it.
    async fn check(&self, parts: &Parts) -> Result<(), Response> {
        let check = CheckOnly::default();
        let mut checked = Request::from_parts(parts.clone(), Body::empty());
        checked.extensions_mut().insert(check.clone());
        let refused = call(&self.service, checked).await;
        match check.is_allowed() {
            true => Ok(()),
            false => Err(refused),
        }
    }
}

/// Returns whether a path names an object. The bucket is in the path, or in the host.
fn is_object(path: &str, bucket_is_in_host: bool) -> bool {
    // s3s decodes the path before it looks for the key.
    let path = path.replace("%2F", "/").replace("%2f", "/");
    let path = path.trim_start_matches('/');
    match bucket_is_in_host {
        true => !path.is_empty(),
        false => path.split_once('/').is_some_and(|(_, key)| !key.is_empty()),
    }
}

async fn body_of(parts: &Parts, body: Body, is_object: bool, refusal: &Refusal) -> S3Result<Body> {
    match forms::is_form(parts) {
        true => forms::read(&parts.headers, body).await.map(Body::from),
        false => incoming::checked(parts, body, is_object, refusal),
    }
}

async fn call(service: &S3Service, request: Request) -> Response {
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) if response.status() == StatusCode::NOT_MODIFIED => {
            // s3s writes an error of XML, whose length would be taken for that of the object.
            // Of an empty body of known length, axum would send that length.
            let mut response = response.map(|_| Body::from_stream(stream::empty::<io::Result<Bytes>>()));
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response.headers_mut().remove(header::CONTENT_TYPE);
            response
        }
        Ok(response) => {
            let mut response = response.map(Body::new);
            // s3s sets this status for `GetObject`, and not for `HeadObject`.
            if response.status() == StatusCode::OK && response.headers().contains_key(header::CONTENT_RANGE) {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
            xml::escaped(response).await
        }
        // Errors of S3 are responses; this one has none.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn error_response(error: S3Error) -> Response {
    match error.to_http_response() {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
