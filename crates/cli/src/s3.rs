//! The S3 gateway of a served store.

use std::path::Path;

use anyhow::{Context, Result};
use axum::Router;
use candid::Principal;
use embedded_ic_replica::{Direct, Replica};
use storage_client::{Client, Transport, TransportError};
use storage_s3::{Credentials, Domains};

use crate::failure::with_help;

/// Who can reach a gateway, and where.
pub(crate) struct Access {
    credentials: Credentials,
    domains: Domains,
}

impl Access {
    /// Reads a credentials file, and the names of domains.
    pub(crate) fn read(credentials: &Path, domains: &[String]) -> Result<Self> {
        let credentials = Credentials::read(credentials).map_err(|error| {
            with_help(
                error.to_string(),
                "write a table [[key]] with access_key, secret_key and role (reader or writer) for each key",
            )
        })?;
        let domains = Domains::new(domains).context("--s3-domain")?;
        Ok(Self { credentials, domains })
    }
}

/// Returns the routes of a gateway to a store. Calls are made as `caller`.
pub(crate) fn router(replica: &Replica, caller: Principal, access: Access) -> Router {
    let client = Client::new(DirectTransport { direct: replica.direct(), caller });
    storage_s3::router(client, access.credentials, access.domains)
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
