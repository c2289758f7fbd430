//! Transport of a command's calls, in a folder or on a network.

use candid::Principal;
use storage_client::{AgentTransport, Transport, TransportError};

use crate::folder::FolderTransport;

/// Calls the canister in a folder or on a network.
#[derive(Clone, Debug)]
pub(crate) enum AnyTransport {
    /// This process is the host.
    Folder(FolderTransport),
    /// The canister is on a network.
    Agent(Box<AgentTransport>),
    /// A canister of a unit test.
    #[cfg(test)]
    Fake(crate::transfer::testing::Fake),
}

impl Transport for AnyTransport {
    fn caller(&self) -> Option<Principal> {
        match self {
            Self::Folder(transport) => transport.caller(),
            Self::Agent(transport) => transport.caller(),
            #[cfg(test)]
            Self::Fake(transport) => transport.caller(),
        }
    }

    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Folder(transport) => transport.update(method, arg).await,
            Self::Agent(transport) => transport.update(method, arg).await,
            #[cfg(test)]
            Self::Fake(transport) => transport.update(method, arg).await,
        }
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Folder(transport) => transport.query(method, arg).await,
            Self::Agent(transport) => transport.query(method, arg).await,
            #[cfg(test)]
            Self::Fake(transport) => transport.query(method, arg).await,
        }
    }
}
