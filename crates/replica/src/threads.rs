//! Slow work, on separate threads.

use std::num::NonZero;
use std::sync::LazyLock;

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::error::HttpError;

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
