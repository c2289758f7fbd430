//! Web sites of the canister: requests to its host name, answered as the public gateways answer them.
//!
//! `ic-http-gateway`, which is the library of the public gateways, calls `http_request` and verifies the response with the root
//! key. It uses the endpoint of this server like any other client, but without a connection. So a browser gets only bytes that
//! the canister has certified.

mod address;
mod held;
mod in_process;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use candid::Principal;
use hyper::body::Body as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use ic_agent_of_gateway::Agent;
use ic_http_gateway::{HttpGatewayClient, HttpGatewayClientArgs, HttpGatewayRequestArgs};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::address::Address;
use self::held::HeldBody;
use self::in_process::InProcess;
use crate::body;
use crate::error::HttpError;
use crate::limits::{MAX_SITE_RESPONSES, Options};
use crate::shared::Shared;
use crate::threads::on_thread;

/// Headers that concern one connection only. No canister decides about the connection of this server.
const OF_CONNECTIONS: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TRAILER,
    HeaderName::from_static("keep-alive"),
];

/// What answers requests.
#[derive(Clone)]
struct Gateway {
    /// All that is not a request to a site.
    other: TowerToHyperService<Router>,
    client: HttpGatewayClient,
    shared: Arc<Shared>,
    responses: Arc<Semaphore>,
    body_timeout: Duration,
}

/// Adds the sites of the canister to other routes. `api` has the endpoints of the canister.
pub(crate) fn router(shared: Arc<Shared>, api: Router, other: Router, options: &Options) -> Router {
    let gateway = Gateway {
        other: TowerToHyperService::new(other),
        client: HttpGatewayClient::new(HttpGatewayClientArgs { agent: agent(&shared, api) }),
        shared,
        responses: Arc::new(Semaphore::new(MAX_SITE_RESPONSES)),
        body_timeout: options.body_timeout,
    };
    Router::new().fallback(answer).with_state(gateway)
}

fn agent(shared: &Shared, api: Router) -> Agent {
    let agent = Agent::builder()
        // Names no host: there is no connection.
        .with_url("http://localhost")
        .with_arc_http_middleware(Arc::new(InProcess::new(api)))
        // Responses have certificates, which the gateway verifies.
        .with_verify_query_signatures(false)
        .build()
        .expect("the URL is valid, and an agent with its own transport needs nothing from the system");
    agent.set_root_key(shared.signer.root_key().to_vec());
    agent
}

async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    match Address::of(&request) {
        Some(address) => gateway.site(&address, request).await.into_response(),
        None => gateway.other.call(request).await.unwrap_or_else(|never| match never {}),
    }
}

impl Gateway {
    async fn site(&self, address: &Address, request: Request) -> Result<Response, HttpError> {
        if address.canister != self.shared.canister {
            let text = format!("The canister {} is not served here.\n", address.canister);
            return Err(HttpError::not_found(text));
        }
        let is_head = request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let received = body::receive(&parts.headers, body, &self.shared.room, self.body_timeout).await?;
        let permit = Arc::clone(&self.responses).acquire_owned().await;
        let permit = permit.map_err(|_| HttpError::unavailable("The server is shutting down."))?;
        let request = Request::from_parts(parts, received.bytes);
        let response = self.verified(address.canister, address.is_raw, request).await?;
        Ok(finish(response, is_head, permit))
    }

    /// Calls the canister and verifies its response.
    async fn verified(
        &self,
        canister_id: Principal,
        is_raw: bool,
        canister_request: Request<bytes::Bytes>,
    ) -> Result<Response, HttpError> {
        let client = self.client.clone();
        // Signature verification is slow, and must not block other requests.
        let answered = on_thread(move || {
            let mut request = client.request(HttpGatewayRequestArgs { canister_request, canister_id });
            request.unsafe_set_skip_verification(is_raw);
            Handle::current().block_on(request.send())
        });
        Ok(answered.await?.canister_response.map(Body::new))
    }
}

/// Completes a response. That to `HEAD` has no body: the bytes that were needed to verify the head are dropped.
fn finish(response: Response, is_head: bool, permit: OwnedSemaphorePermit) -> Response {
    let (mut parts, body) = response.into_parts();
    for name in &OF_CONNECTIONS {
        parts.headers.remove(name);
    }
    if is_head {
        declare_length(&mut parts.headers, &body);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::new(HeldBody::new(body, permit)))
}

fn declare_length(headers: &mut HeaderMap, body: &Body) {
    if let Some(length) = body.size_hint().exact() {
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
}
