//! Queries of the canister, which run beside each other and beside the worker.

use std::sync::Arc;

use candid::Principal;
use embedded_ic::{CallError, HostError, Queries};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::HttpError;
use crate::outcome::{Outcome, rejection};
use crate::threads::on_thread;
use crate::worker::{Clock, ended};

/// Runs queries of the canister.
pub(crate) struct QueryThreads {
    queries: Queries,
    clock: Arc<Clock>,
    /// One permit for each query that the host runs at the same time: waiting queries need no thread.
    turns: Arc<Semaphore>,
}

/// Permission to run a query.
pub(crate) struct Turn {
    queries: Queries,
    clock: Arc<Clock>,
    permit: OwnedSemaphorePermit,
}

impl QueryThreads {
    pub(crate) fn new(queries: Queries, clock: Arc<Clock>) -> Self {
        let turns = Arc::new(Semaphore::new(queries.max_concurrent()));
        Self { queries, clock, turns }
    }

    /// Returns the number of queries that run at the same time.
    pub(crate) fn max_concurrent(&self) -> usize {
        self.queries.max_concurrent()
    }

    /// Waits until another query can run.
    ///
    /// # Errors
    /// 503 if the server is shutting down.
    pub(crate) async fn turn(&self) -> Result<Turn, HttpError> {
        let permit = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| ended())?;
        Ok(Turn { queries: self.queries.clone(), clock: Arc::clone(&self.clock), permit })
    }
}

impl Turn {
    /// Executes a query on the state of the last update, and returns its reply.
    ///
    /// # Errors
    /// 503 if there is no thread for it.
    pub(crate) async fn reply(
        self,
        sender: Principal,
        method: String,
        arg: Vec<u8>,
    ) -> Result<Result<Vec<u8>, CallError>, HttpError> {
        let run = move || {
            let Self { queries, clock, permit: _permit } = self;
            queries.query_at(clock.now_ns(), sender, &method, arg).map(|reply| reply.bytes)
        };
        on_thread(run).await
    }

    /// Executes a query on the state of the last update, and passes its outcome to a function on the same thread.
    ///
    /// # Errors
    /// 503 if the host is closed.
    pub(crate) async fn run<R: Send + 'static>(
        self,
        sender: Principal,
        method: String,
        arg: Vec<u8>,
        then: impl FnOnce(Outcome) -> R + Send + 'static,
    ) -> Result<R, HttpError> {
        let run = move || {
            // The query keeps its turn if the client disconnects.
            let Self { queries, clock, permit: _permit } = self;
            let outcome = match queries.query_at(clock.now_ns(), sender, &method, arg) {
                Ok(reply) => Outcome::Replied(reply.bytes),
                Err(CallError::Host(HostError::Closed)) => return Err(ended()),
                Err(error) => Outcome::Rejected(rejection(error)),
            };
            Ok(then(outcome))
        };
        on_thread(run).await?
    }
}
