//! The S3 gateway of a served store.

use std::path::Path;

use anyhow::Result;
use axum::Router;
use candid::Principal;
use embedded_ic_replica::{Direct, Replica};
use storage_client::{Client, Transport, TransportError};
use storage_s3::Credentials;

use crate::failure::with_help;

/// Reads a credentials file.
pub(crate) fn credentials(path: &Path) -> Result<Credentials> {
    Credentials::read(path).map_err(|error| {
        with_help(
            error.to_string(),
            "write a table [[key]] with access_key, secret_key and role (reader or writer) for each key",
        )
    })
}

/// Returns the routes of a gateway to a store. Calls are made as `caller`.
pub(crate) fn router(replica: &Replica, caller: Principal, credentials: Credentials) -> Router {
    storage_s3::router(Client::new(DirectTransport { direct: replica.direct(), caller }), credentials)
}

/// Calls the canister that this process serves.
struct DirectTransport {
    direct: Direct,
    caller: Principal,
}

impl Transport for DirectTransport {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let reply = self.direct.update(self.caller, method.to_owned(), arg).await;
        Ok(reply.ok_or_else(closing)??)
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let reply = self.direct.query(self.caller, method.to_owned(), arg).await;
        Ok(reply.ok_or_else(closing)??)
    }

    fn caller(&self) -> Option<Principal> {
        Some(self.caller)
    }
}

fn closing() -> TransportError {
    TransportError::Unavailable { message: "the store is being closed".to_owned() }
}
