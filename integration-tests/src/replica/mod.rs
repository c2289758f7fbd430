//! The two replicas behind one face.

mod embedded;
mod pocket_ic;

use candid::Principal;
use storage_client::{EmbeddedTransport, Transport, TransportError};

use crate::choice::{Choice, choice};
use pocket_ic::{PocketIcReplica, PocketIcTransport};

/// What an install call does with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallMode {
    /// Into an empty canister.
    Install,
    /// Over a canister whose memory is dropped.
    Reinstall,
    /// Over a canister whose stable memory is kept.
    Upgrade,
    /// The same without running the old module's `pre_upgrade`.
    UpgradeSkippingPreUpgrade,
}

/// A replica with one canister.
pub enum Replica {
    /// In this process.
    Embedded(EmbeddedTransport),
    /// On the PocketIC server of this process.
    PocketIc(PocketIcReplica),
}

impl Replica {
    /// A replica of the kind that was [chosen](crate::choice), with an empty canister of these controllers.
    /// The first of them makes the install calls.
    pub async fn start(controllers: Vec<Principal>) -> Self {
        match choice() {
            Choice::Embedded => Self::Embedded(embedded::start(controllers)),
            Choice::PocketIc(server) => Self::PocketIc(PocketIcReplica::start(server, controllers).await),
        }
    }

    /// Whether this is the embedded host, which alone counts the instructions of a message exactly.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// The host in this process, where the suite runs on it.
    pub fn embedded(&self) -> Option<&EmbeddedTransport> {
        match self {
            Self::Embedded(transport) => Some(transport),
            Self::PocketIc(_) => None,
        }
    }

    /// Makes an install call as the controller. The embedded host tells what it cost, in instructions.
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

    /// A transport that calls the canister in the name of this principal.
    pub fn transport(&self, sender: Principal) -> ReplicaTransport {
        match self {
            Self::Embedded(transport) => ReplicaTransport::Embedded(transport.with_sender(sender)),
            Self::PocketIc(replica) => ReplicaTransport::PocketIc(replica.transport(sender)),
        }
    }

    /// All of the canister's stable memory.
    pub async fn stable_memory(&self) -> Vec<u8> {
        match self {
            Self::Embedded(transport) => embedded::stable_memory(transport),
            Self::PocketIc(replica) => replica.stable_memory().await,
        }
    }

    /// The lines of the canister's log.
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

/// Carries calls to the canister of either replica.
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
