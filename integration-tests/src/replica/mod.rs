//! Common interface of the two replicas.

mod embedded;
mod pocket_ic;

use candid::Principal;
use storage_client::{EmbeddedTransport, Transport, TransportError};

use crate::choice::{Choice, choice};
use pocket_ic::{PocketIcReplica, PocketIcTransport};

/// Install mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallMode {
    /// Into an empty canister.
    Install,
    /// On a canister whose memory is dropped.
    Reinstall,
    /// On a canister whose stable memory is kept.
    Upgrade,
    /// The same without running the old module's `pre_upgrade`.
    UpgradeSkippingPreUpgrade,
}

/// Replica with one canister.
pub enum Replica {
    /// In this process.
    Embedded(EmbeddedTransport),
    /// On the PocketIC server of this process.
    PocketIc(PocketIcReplica),
}

impl Replica {
    /// Starts a replica of the [selected](crate::choice) kind, with an empty canister with these controllers. The first of them
    /// makes the install calls.
    pub async fn start(controllers: Vec<Principal>) -> Self {
        match choice() {
            Choice::Embedded => Self::Embedded(embedded::start(controllers)),
            Choice::PocketIc(server) => Self::PocketIc(PocketIcReplica::start(server, controllers).await),
        }
    }

    /// Returns whether this is the embedded host, the only one that counts the instructions of a message exactly.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// Returns the host in this process, if the suite runs on it.
    pub fn embedded(&self) -> Option<&EmbeddedTransport> {
        match self {
            Self::Embedded(transport) => Some(transport),
            Self::PocketIc(_) => None,
        }
    }

    /// Makes an install call as the controller. The embedded host returns its cost in instructions.
    pub async fn install(
        &self,
        mode: InstallMode,
        wasm: &[u8],
        arg: Vec<u8>,
    ) -> Result<Option<u64>, TransportError> {
        match self {
            Self::Embedded(transport) => embedded::install(transport, mode, wasm, &arg).map(Some),
            Self::PocketIc(replica) => replica.install(mode, wasm, arg).await.map(|()| None),
        }
    }

    /// Returns a transport that calls the canister as this principal.
    pub fn transport(&self, sender: Principal) -> ReplicaTransport {
        match self {
            Self::Embedded(transport) => ReplicaTransport::Embedded(transport.with_sender(sender)),
            Self::PocketIc(replica) => ReplicaTransport::PocketIc(replica.transport(sender)),
        }
    }

    /// Returns all of the canister's stable memory.
    pub async fn stable_memory(&self) -> Vec<u8> {
        match self {
            Self::Embedded(transport) => embedded::stable_memory(transport),
            Self::PocketIc(replica) => replica.stable_memory().await,
        }
    }

    /// Returns the lines of the canister's log.
    pub async fn log_lines(&self) -> Vec<String> {
        match self {
            Self::Embedded(transport) => embedded::log_lines(transport),
            Self::PocketIc(replica) => replica.log_lines().await,
        }
    }

    /// Lets this much time pass.
    pub async fn advance_time(&self, nanoseconds: u64) {
        match self {
            Self::Embedded(transport) => embedded::advance_time(transport, nanoseconds),
            Self::PocketIc(replica) => replica.advance_time(nanoseconds).await,
        }
    }
}

/// Transport to the canister of either replica.
#[derive(Clone)]
pub enum ReplicaTransport {
    /// In this process.
    Embedded(EmbeddedTransport),
    /// On the PocketIC server of this process.
    PocketIc(PocketIcTransport),
}

impl Transport for ReplicaTransport {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Embedded(transport) => transport.update(method, arg).await,
            Self::PocketIc(transport) => transport.update(method, arg).await,
        }
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Embedded(transport) => transport.query(method, arg).await,
            Self::PocketIc(transport) => transport.query(method, arg).await,
        }
    }
}
