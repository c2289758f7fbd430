//! From an HTTP request to a verified message.

use std::num::NonZero;
use std::sync::LazyLock;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body;
use crate::envelope::{self, Verified};
use crate::error::HttpError;
use crate::shared::Shared;
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
        let received = body::receive(&parts.headers, body, &shared.room, timeout).await?;
        let body::Received { bytes, permit } = received;
        // Signature verification is slow, and must not block other requests.
        let verified = blocking(move || envelope::verify(&bytes, now_ns())).await??;
        Ok(Self { verified, permit })
    }
}

/// Runs slow work on another thread.
pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, HttpError> {
    // As many threads as processors: each thread keeps memory that it has freed, so more would only cost memory.
    static TURNS: LazyLock<Semaphore> =
        LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, NonZero::get)));
    let _turn = TURNS.acquire().await;
    on_thread(work).await
}

/// Runs slow work on another thread, without waiting for others to finish. The caller limits their number.
pub(crate) async fn on_thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, HttpError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| {
        HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to look at the request.")
    })
}
