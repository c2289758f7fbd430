//! The state that all requests share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use candid::Principal;
use embedded_ic::{EmbeddedIc, HostError, Signer, StateTree};

use crate::body::Room;
use crate::management::Chunks;
use crate::queries::QueryThreads;
use crate::requests::Requests;
use crate::worker::{Worker, now_ns};

/// The state that all requests share.
pub(crate) struct Shared {
    pub(crate) canister: Principal,
    pub(crate) signer: Arc<Signer>,
    pub(crate) worker: Worker,
    pub(crate) queries: QueryThreads,
    pub(crate) room: Room,
    chunks: Mutex<Chunks>,
    requests: Mutex<Requests>,
    view: RwLock<Arc<View>>,
}

/// The committed state. Clients read it while the canister executes other messages.
pub(crate) struct View {
    pub(crate) tree: StateTree,
    pub(crate) controllers: Vec<Principal>,
    time_ns: u64,
    /// Names of metadata sections that only controllers may read.
    pub(crate) private_metadata: Vec<String>,
}

impl View {
    pub(crate) fn of(host: &EmbeddedIc) -> Result<Self, HostError> {
        let private = host.metadata().iter().filter(|metadata| !metadata.is_public);
        Ok(Self {
            tree: host.state_tree()?,
            controllers: host.controllers().to_vec(),
            time_ns: host.time_ns(),
            private_metadata: private.map(|metadata| metadata.name.clone()).collect(),
        })
    }
}

impl Shared {
    pub(crate) fn new(
        canister: Principal,
        signer: Arc<Signer>,
        worker: Worker,
        queries: QueryThreads,
        view: View,
    ) -> Self {
        Self {
            canister,
            signer,
            worker,
            view: RwLock::new(Arc::new(view)),
            room: Room::beside_queries(queries.max_concurrent()),
            queries,
            chunks: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    /// Returns the recent calls.
    pub(crate) fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the Wasm chunk store.
    pub(crate) fn chunks(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state after the last executed call.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the state after a call visible to clients.
    pub(crate) fn publish(&self, host: &EmbeddedIc) {
        // This cannot fail: the keys exist since the start.
        if let Ok(view) = View::of(host) {
            *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        }
    }

    /// Returns a certificate of the current state with the status of these calls.
    pub(crate) fn certify(&self, requests: &[&[u8]], paths: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let view = self.view();
        let mut tree = view.tree.clone();
        // The state has not changed since the last call, so it is also the state at the current time.
        tree.set_time(view.time_ns.max(now_ns()));
        for id in requests {
            self.requests().describe(id, &mut tree);
        }
        self.signer.certify(&tree, paths)
    }
}
