//! The thread that owns the host and executes calls one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use embedded_ic::{EmbeddedIc, HostError};
use tokio::sync::{mpsc, oneshot};

use crate::error::HttpError;
use crate::limits::MAX_QUEUED;

/// Work on the host.
type Job = Box<dyn FnOnce(&mut EmbeddedIc) + Send>;

/// Sends work to the thread. Clones send to the same thread.
#[derive(Clone)]
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
}

/// Waits for the end of the thread, which returns the result of closing the host.
pub(crate) struct Handle {
    thread: JoinHandle<Result<(), HostError>>,
    stop: oneshot::Sender<()>,
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn start(mut host: EmbeddedIc, clock: Arc<Clock>) -> std::io::Result<(Self, Handle)> {
        let (jobs, mut queue) = mpsc::channel::<Job>(MAX_QUEUED);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("canister".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime =
                runtime.map_err(|source| HostError::Io { action: "start a thread".into(), source })?;
            runtime.block_on(async {
                tokio::pin!(stopped);
                loop {
                    let job = tokio::select! {
                        biased;
                        job = queue.recv() => job,
                        _ = &mut stopped => None,
                    };
                    let Some(job) = job else { break };
                    host.set_time_ns(clock.now_ns());
                    job(&mut host);
                }
            });
            host.close()
        })?;
        Ok((Self { jobs }, Handle { thread, stop }))
    }

    /// Queues work on the host and waits for its result.
    ///
    /// # Errors
    /// 503 if the thread has ended.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut EmbeddedIc) -> R + Send + 'static,
    ) -> Result<R, HttpError> {
        let (sender, done) = oneshot::channel();
        self.submit(move |host| drop(sender.send(job(host)))).await?;
        done.await.map_err(|_| ended())
    }

    /// Completes when the thread has ended.
    pub(crate) async fn ended(&self) {
        self.jobs.closed().await;
    }

    /// Queues work on the host without waiting for its result.
    ///
    /// # Errors
    /// 503 if the thread has ended.
    pub(crate) async fn submit(
        &self,
        job: impl FnOnce(&mut EmbeddedIc) + Send + 'static,
    ) -> Result<(), HttpError> {
        self.jobs.send(Box::new(job)).await.map_err(|_| ended())
    }
}

impl Handle {
    /// Executes the queued work and closes the host.
    pub(crate) async fn close(self) -> Result<(), HostError> {
        let Self { thread, stop } = self;
        let _ = stop.send(());
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        match joined {
            Ok(Ok(closed)) => closed,
            _ => Err(HostError::Poisoned("the thread of the canister has panicked".into())),
        }
    }
}

/// Returns the error of a request after the host was closed.
pub(crate) fn ended() -> HttpError {
    HttpError::unavailable("The server shuts down, or the host of the canister has failed.")
}

/// The time that the canister sees: that of this machine, except that it never runs backwards.
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// Creates a clock that shows at least a given time, in nanoseconds since 1970.
    pub(crate) fn starting_at(time_ns: u64) -> Self {
        Self(AtomicU64::new(time_ns))
    }

    /// Returns the current time, in nanoseconds since 1970.
    pub(crate) fn now_ns(&self) -> u64 {
        let now = now_ns();
        now.max(self.0.fetch_max(now, Ordering::Relaxed))
    }
}

/// The time of this machine, in nanoseconds since 1970.
pub(crate) fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
