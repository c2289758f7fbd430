//! From an HTTP request to a verified message.

use std::time::Duration;

use axum::extract::Request;
use tokio::sync::OwnedSemaphorePermit;

use crate::body;
use crate::envelope::{self, Verified};
use crate::error::HttpError;
use crate::shared::Shared;
use crate::threads::blocking;
use crate::worker::now_ns;

/// A verified message, and the permit for the memory of its body.
pub(crate) struct Message {
    pub(crate) verified: Verified,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

impl Message {
    pub(crate) async fn receive(
        shared: &Shared,
        timeout: Duration,
        request: Request,
    ) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let received = body::receive_cbor(&parts.headers, body, &shared.room, timeout).await?;
        let body::Received { bytes, permit } = received;
        // Signature verification is slow, and must not block other requests.
        let verified = blocking(move || envelope::verify(&bytes, now_ns())).await??;
        Ok(Self { verified, permit })
    }
}
