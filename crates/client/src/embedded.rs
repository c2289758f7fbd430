//! Calls to a canister in this process.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use candid::Principal;
use embedded_ic::{CallError, EmbeddedIc, HostError, Reject};

use crate::{Transport, TransportError};

/// Calls the canister of an [`EmbeddedIc`] in the name of one principal. Clones call the same canister.
///
/// A call runs to its end in the thread that polls it, one call at a time, as a replica executes one message of a
/// canister after the other.
#[derive(Clone)]
pub struct EmbeddedTransport {
    host: Arc<Mutex<EmbeddedIc>>,
    sender: Principal,
}

impl EmbeddedTransport {
    /// Calls in the name of this principal.
    pub fn new(host: EmbeddedIc, sender: Principal) -> Self {
        Self { host: Arc::new(Mutex::new(host)), sender }
    }

    /// The same canister, called in the name of another principal.
    #[must_use]
    pub fn with_sender(&self, sender: Principal) -> Self {
        Self { host: Arc::clone(&self.host), sender }
    }

    /// In whose name this transport calls.
    pub fn sender(&self) -> Principal {
        self.sender
    }

    /// Does something with the host itself: install, upgrade, look into stable memory. Calls wait until it is done.
    pub fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> R {
        // The host keeps its own account of failures and refuses to go on after one, so a panic of another thread
        // need not be passed on here.
        operation(&mut self.host.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The host, for example to close it, or nothing while other clones of this transport are alive.
    pub fn into_host(self) -> Option<EmbeddedIc> {
        let host = Arc::into_inner(self.host)?;
        Some(host.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for EmbeddedTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EmbeddedTransport")
            .field("sender", &self.sender.to_text())
            .finish_non_exhaustive()
    }
}

impl Transport for EmbeddedTransport {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        Ok(self.with_host(|host| host.update(self.sender, method, arg))?.bytes)
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        Ok(self.with_host(|host| host.query(self.sender, method, arg))?.bytes)
    }

    fn caller(&self) -> Option<Principal> {
        Some(self.sender)
    }
}

impl From<CallError> for TransportError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rejected(Reject { code, error_code, message, .. }) => {
                Self::Rejected { code: code as u32, error_code: Some(error_code.to_owned()), message }
            }
            CallError::Host(error) => Self::Host { message: error.to_string(), hint: hint(&error) },
        }
    }
}

/// What to do about an error of the host.
fn hint(error: &HostError) -> &'static str {
    match error {
        _ if error.is_disk_full() => {
            "Nothing has changed. Free some room on that disk, or remove what is not needed from the store: what was removed is used again."
        }
        HostError::ReadOnly { .. } => {
            "Nothing has changed. Have whoever owns the folder let you write to it."
        }
        HostError::Damaged { .. } => {
            "Look at it with storage repair, which changes nothing unless it is told to."
        }
        HostError::Io { .. } | HostError::Poisoned(_) => {
            "Look at the disk, and run the command again: what was answered before is in the folder's journal."
        }
        _ => "Nothing has changed.",
    }
}
