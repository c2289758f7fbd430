//! The routes of the HTTP interface.

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

use crate::call::{self, Mode};
use crate::error::HttpError;
use crate::limits::Options;
use crate::message::Message;
use crate::read_state::Target;
use crate::shared::Shared;
use crate::{query, read_state, status};

/// The state of the handlers.
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
    let message = Message::receive(&context.shared, context.body_timeout, request).await?;
    call::call(&context.shared, effective, message, mode).await
}

async fn answer_query(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let effective = principal(&id)?;
    let message = Message::receive(&context.shared, context.body_timeout, request).await?;
    query::query(&context.shared, effective, message).await
}

async fn read_canister_state(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let target = Target::Canister(principal(&id)?);
    let message = Message::receive(&context.shared, context.body_timeout, request).await?;
    read_state::read_state(&context.shared, target, message).await
}

async fn read_subnet_state(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let target = Target::Subnet(principal(&id)?);
    let message = Message::receive(&context.shared, context.body_timeout, request).await?;
    read_state::read_state(&context.shared, target, message).await
}

fn principal(text: &str) -> Result<Principal, HttpError> {
    Principal::from_text(text)
        .map_err(|error| HttpError::bad_request(format!("The id in the path is not a principal: {error}.")))
}

/// Allows web pages of any origin, as a network does: callers are authenticated by signatures only.
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
