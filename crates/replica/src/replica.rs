//! A replica of one canister.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::Router;
use candid::Principal;
use embedded_ic::{EmbeddedIc, HostError, Signer, StateTree};

use crate::body::Room;
use crate::limits::Options;
use crate::management::Chunks;
use crate::requests::Requests;
use crate::routes;
use crate::worker::{Handle, Worker, now_ns};

/// A canister that answers messages by HTTP. It runs on a thread of its own until it is closed.
pub struct Replica {
    shared: Arc<Shared>,
    handle: Handle,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) canister: Principal,
    pub(crate) signer: Arc<Signer>,
    pub(crate) worker: Worker,
    pub(crate) room: Room,
    chunks: Mutex<Chunks>,
    requests: Mutex<Requests>,
    view: RwLock<Arc<View>>,
}

/// The committed state, as clients may read it while the canister executes other messages.
pub(crate) struct View {
    pub(crate) tree: StateTree,
    pub(crate) controllers: Vec<Principal>,
    /// Names of the metadata that controllers alone may read.
    pub(crate) private_metadata: Vec<String>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("canister", &self.shared.canister.to_text()).finish_non_exhaustive()
    }
}

impl Replica {
    /// Takes a host over. Its keys are made if it has none.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::signer`]; `Io` if no thread can be started.
    pub fn start(host: EmbeddedIc) -> Result<Self, HostError> {
        let (canister, signer) = (host.canister_id(), host.signer()?);
        let view = RwLock::new(Arc::new(View::of(&host)?));
        let started = Worker::start(host);
        let (worker, handle) = started
            .map_err(|source| HostError::Io { action: "start a thread for the canister".into(), source })?;
        let shared = Shared {
            canister,
            signer,
            worker,
            view,
            room: Room::default(),
            chunks: Mutex::default(),
            requests: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), handle })
    }

    /// The id of the canister.
    #[must_use]
    pub fn canister_id(&self) -> Principal {
        self.shared.canister
    }

    /// The root key, in DER, with which clients verify what they are told.
    #[must_use]
    pub fn root_key(&self) -> &[u8] {
        self.shared.signer.root_key()
    }

    /// The endpoints below `/api`. Other routes can be merged into it.
    pub fn router(&self, options: &Options) -> Router {
        routes::router(Arc::clone(&self.shared), options)
    }

    /// Completes if the host fails in a way that it cannot go on from. Requests are refused then, and [`close`](Self::close)
    /// tells why.
    pub async fn failed(&self) {
        self.shared.worker.ended().await;
    }

    /// Executes what has been accepted, and closes the host. Requests that arrive later are refused.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::close`].
    pub async fn close(self) -> Result<(), HostError> {
        self.handle.close().await
    }
}

impl View {
    fn of(host: &EmbeddedIc) -> Result<Self, HostError> {
        let private = host.metadata().iter().filter(|metadata| !metadata.is_public);
        Ok(Self {
            tree: host.state_tree()?,
            controllers: host.controllers().to_vec(),
            private_metadata: private.map(|metadata| metadata.name.clone()).collect(),
        })
    }
}

impl Shared {
    /// The calls of the last minutes.
    pub(crate) fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was uploaded of a module that is to be installed.
    pub(crate) fn chunks(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state after the last call that has ended.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets clients see what a call has changed.
    pub(crate) fn publish(&self, host: &EmbeddedIc) {
        // The keys were there when the replica started, and nothing else can fail.
        if let Ok(view) = View::of(host) {
            *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        }
    }

    /// A certificate of the state as of now, with what is known of these calls.
    pub(crate) fn certify(&self, requests: &[&[u8]], paths: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut tree = self.view().tree.clone();
        // Nothing has changed since the last call, so that this is the state of now as well.
        tree.set_time(now_ns());
        for id in requests {
            self.requests().describe(id, &mut tree);
        }
        self.signer.certify(&tree, paths)
    }
}
