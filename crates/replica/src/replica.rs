//! A replica of one canister.

use std::sync::Arc;

use axum::Router;
use candid::Principal;
use embedded_ic::{EmbeddedIc, HostError};

use crate::direct::Direct;
use crate::gateway;
use crate::limits::Options;
use crate::queries::QueryThreads;
use crate::routes;
use crate::shared::{Shared, View};
use crate::worker::{Clock, Handle, Worker};

/// A canister with an HTTP interface. Updates run on their own thread until [`close`](Self::close), queries on others.
pub struct Replica {
    shared: Arc<Shared>,
    handle: Handle,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("canister", &self.shared.canister.to_text()).finish_non_exhaustive()
    }
}

impl Replica {
    /// Starts a replica with a host. Creates the host's keys if there are none.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::signer`]; `Io` if no thread can be started.
    pub fn start(host: EmbeddedIc) -> Result<Self, HostError> {
        let (canister, signer) = (host.canister_id(), host.signer()?);
        let view = View::of(&host)?;
        let clock = Arc::new(Clock::starting_at(host.time_ns()));
        let queries = QueryThreads::new(host.queries(), Arc::clone(&clock));
        let started = Worker::start(host, clock);
        let (worker, handle) = started
            .map_err(|source| HostError::Io { action: "start a thread for the canister".into(), source })?;
        let shared = Shared::new(canister, signer, worker, queries, view);
        Ok(Self { shared: Arc::new(shared), handle })
    }

    /// Returns the id of the canister.
    #[must_use]
    pub fn canister_id(&self) -> Principal {
        self.shared.canister
    }

    /// Returns the root key in DER, which verifies certificates.
    #[must_use]
    pub fn root_key(&self) -> &[u8] {
        self.shared.signer.root_key()
    }

    /// Returns the routes under `/api`. Other routes can be merged with them.
    pub fn router(&self, options: &Options) -> Router {
        routes::router(Arc::clone(&self.shared), options)
    }

    /// Returns a handle for calls from this process.
    #[must_use]
    pub fn direct(&self) -> Direct {
        Direct::new(Arc::clone(&self.shared))
    }

    /// Adds the canister's web sites to other routes: requests to `<canister>.localhost`, or with the parameter `canisterId`, are
    /// answered with what `http_request` returns, once it is verified as the public gateways verify it. Requests to other hosts,
    /// and to `/api`, are passed on.
    ///
    /// Under `<canister>.raw.localhost` nothing is verified.
    pub fn with_sites(&self, other: Router, options: &Options) -> Router {
        self.with_sites_through(self.router(options), other, options)
    }

    /// Like [`with_sites`](Self::with_sites), with the routes by which the gateway calls the canister: a test can change what they
    /// return.
    pub fn with_sites_through(&self, api: Router, other: Router, options: &Options) -> Router {
        gateway::router(Arc::clone(&self.shared), api, other, options)
    }

    /// Completes if the host fails and cannot continue. Requests are rejected from then on, and [`close`](Self::close)
    /// returns the reason.
    pub async fn failed(&self) {
        self.shared.worker.ended().await;
    }

    /// Executes the accepted messages and closes the host. Later requests are rejected.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::close`].
    pub async fn close(self) -> Result<(), HostError> {
        self.handle.close().await
    }
}
