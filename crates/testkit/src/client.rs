//! For tests of the client and of what is built on it.

use stable_storage_api::ObjectInfo;
use storage_client::{Transport, TransportError};

/// A network on which updates reach the canister, and queries are executed by a node that lags.
#[derive(Clone, Debug)]
pub struct Lagging<T> {
    /// Where updates are sent.
    pub canister: T,
    /// Where queries are sent: it has not executed the updates.
    pub stale: T,
}

impl<T: Transport> Transport for Lagging<T> {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.canister.update(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.stale.query(method, arg).await
    }
}

/// Returns the metadata of an object that has only a key, a size and a revision.
#[must_use]
pub fn object_info(key: &str, size: u64, revision: u64) -> ObjectInfo {
    ObjectInfo {
        key: key.to_owned(),
        size,
        revision,
        content_type: None,
        content_encoding: None,
        metadata: None,
        owner: None,
        created_ns: 0,
        modified_ns: 0,
        sha256: None,
    }
}
