//! The paths of the interface.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use candid::Principal;

use crate::body;
use crate::call::{self, Mode};
use crate::envelope::{self, Verified};
use crate::error::HttpError;
use crate::limits::Options;
use crate::read_state::Target;
use crate::replica::Shared;
use crate::worker::now_ns;
use crate::{query, read_state, status};

/// What a handler is given.
#[derive(Clone)]
struct Context {
    shared: Arc<Shared>,
    body_timeout: Duration,
}

pub(crate) fn router(shared: Arc<Shared>, options: &Options) -> Router {
    let context = Context { shared, body_timeout: options.body_timeout };
    Router::new()
        .route(
            "/api/v2/status",
            get(|State(context): State<Context>| async move { status::status(&context.shared) }),
        )
        .route("/api/v2/canister/{id}/call", post(asynchronous_call))
        .route("/api/v3/canister/{id}/call", post(synchronous_call))
        .route("/api/v4/canister/{id}/call", post(synchronous_call))
        .route("/api/v2/canister/{id}/query", post(answer_query))
        .route("/api/v3/canister/{id}/query", post(answer_query))
        .route("/api/v2/canister/{id}/read_state", post(read_canister_state))
        .route("/api/v3/canister/{id}/read_state", post(read_canister_state))
        .route("/api/v2/subnet/{id}/read_state", post(read_subnet_state))
        .route("/api/v3/subnet/{id}/read_state", post(read_subnet_state))
        .layer(middleware::from_fn(allow_other_origins))
        .with_state(context)
}

async fn asynchronous_call(State(context): State<Context>, id: Path<String>, request: Request) -> Response {
    call(context, id, request, Mode::Asynchronous).await.into_response()
}

async fn synchronous_call(State(context): State<Context>, id: Path<String>, request: Request) -> Response {
    call(context, id, request, Mode::Synchronous).await.into_response()
}

async fn call(
    context: Context,
    Path(id): Path<String>,
    request: Request,
    mode: Mode,
) -> Result<Response, HttpError> {
    let effective = principal(&id)?;
    let message = Message::receive(&context, request).await?;
    call::call(&context.shared, effective, message, mode).await
}

async fn answer_query(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let effective = principal(&id)?;
    let message = Message::receive(&context, request).await?;
    query::query(&context.shared, effective, message).await
}

async fn read_canister_state(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let target = Target::Canister(principal(&id)?);
    let message = Message::receive(&context, request).await?;
    read_state::read_state(&context.shared, target, message).await
}

async fn read_subnet_state(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let target = Target::Subnet(principal(&id)?);
    let message = Message::receive(&context, request).await?;
    read_state::read_state(&context.shared, target, message).await
}

/// A message that was verified, with the room that it takes.
pub(crate) struct Message {
    pub(crate) verified: Verified,
    pub(crate) permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Message {
    async fn receive(context: &Context, request: Request) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let received =
            body::receive(&parts.headers, body, &context.shared.room, context.body_timeout).await?;
        let body::Received { bytes, permit } = received;
        // Elliptic curves take their time, in which other requests are served.
        let verified = blocking(move || envelope::verify(&bytes, now_ns())).await??;
        Ok(Self { verified, permit })
    }
}

/// Does something that takes long on another thread.
pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, HttpError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| {
        HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to look at the request.")
    })
}

fn principal(text: &str) -> Result<Principal, HttpError> {
    Principal::from_text(text)
        .map_err(|error| HttpError::bad_request(format!("The id in the path is not a principal: {error}.")))
}

/// Web pages of any origin may talk to the canister, as on a network: it knows its callers by their signatures alone.
async fn allow_other_origins(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => (StatusCode::NO_CONTENT, Body::empty()).into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Accept, Content-Type"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}
