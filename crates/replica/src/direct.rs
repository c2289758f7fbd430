//! Calls of the canister from the process that serves it, without HTTP and signatures.

use std::sync::Arc;

use candid::Principal;
use embedded_ic::{CallError, HostError};

use crate::shared::Shared;

/// Calls the canister of a [`Replica`](crate::Replica). Clones call the same canister. Updates are executed one after the
/// other with those of HTTP clients, and queries beside them.
#[derive(Clone)]
pub struct Direct {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

impl Direct {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends an update as a user does, and returns the reply. `None` if the replica has been closed.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::update`](embedded_ic::EmbeddedIc::update).
    pub async fn update(
        &self,
        sender: Principal,
        method: String,
        arg: Vec<u8>,
    ) -> Option<Result<Vec<u8>, CallError>> {
        let shared = Arc::clone(&self.shared);
        let update = self.shared.worker.run(move |host| {
            let reply = host.update(sender, &method, arg);
            shared.publish(host);
            reply.map(|reply| reply.bytes)
        });
        update.await.ok()
    }

    /// Calls a query on the state of the last update, and returns the reply. `None` if the replica has been closed.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::query`](embedded_ic::EmbeddedIc::query).
    pub async fn query(
        &self,
        sender: Principal,
        method: String,
        arg: Vec<u8>,
    ) -> Option<Result<Vec<u8>, CallError>> {
        let turn = self.shared.queries.turn().await.ok()?;
        match turn.reply(sender, method, arg).await.ok()? {
            Err(CallError::Host(HostError::Closed)) => None,
            reply => Some(reply),
        }
    }
}
