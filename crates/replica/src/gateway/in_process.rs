//! Calls of the endpoint without a connection.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use ic_agent_of_gateway::AgentError;
use ic_agent_of_gateway::agent::HttpService;

use crate::limits::MAX_REPLY_BYTES;

/// The endpoint, as the transport of an agent.
#[derive(Debug)]
pub(crate) struct InProcess {
    api: TowerToHyperService<Router>,
}

impl InProcess {
    pub(crate) fn new(api: Router) -> Self {
        Self { api: TowerToHyperService::new(api) }
    }
}

#[async_trait]
impl HttpService for InProcess {
    async fn call<'a>(
        &'a self,
        request: &'a (dyn Fn() -> Result<Request<Bytes>, AgentError> + Send + Sync),
        _max_retries: usize,
        size_limit: Option<usize>,
    ) -> Result<Response<Bytes>, AgentError> {
        let response = self.api.call(request()?.map(Body::from)).await;
        let (parts, body) = response.unwrap_or_else(|never| match never {}).into_parts();
        let limited = Limited::new(body, size_limit.unwrap_or(MAX_REPLY_BYTES));
        let bytes = limited.collect().await.map_err(|_| AgentError::ResponseSizeExceededLimit())?;
        Ok(Response::from_parts(parts, bytes.to_bytes()))
    }
}
