//! Calls to a canister in this process.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use candid::Principal;
use embedded_ic::{CallError, EmbeddedIc, HostError, Reject};

use crate::{Transport, TransportError};

/// Calls the canister of an [`EmbeddedIc`] as one principal. Clones call the same canister.
///
/// A call runs to completion in the thread that polls it. Calls are executed one at a time, as on a replica.
#[derive(Clone)]
pub struct EmbeddedTransport {
    host: Arc<Mutex<EmbeddedIc>>,
    sender: Principal,
}

impl EmbeddedTransport {
    /// Creates a transport for calls as this principal.
    pub fn new(host: EmbeddedIc, sender: Principal) -> Self {
        Self { host: Arc::new(Mutex::new(host)), sender }
    }

    /// Returns a transport to the same canister for calls as another principal.
    #[must_use]
    pub fn with_sender(&self, sender: Principal) -> Self {
        Self { host: Arc::clone(&self.host), sender }
    }

    /// Returns the principal of the caller.
    pub fn sender(&self) -> Principal {
        self.sender
    }

    /// Runs an operation on the host itself: install, upgrade, read stable memory. Calls wait until it has finished.
    pub fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> R {
        // The host records its own failures and refuses to continue after one, so the poisoning by another thread's panic can
        // be ignored.
        operation(&mut self.host.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the host, for example to close it, or `None` while other clones of this transport exist.
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

/// Returns what to do about an error of the host.
fn hint(error: &HostError) -> &'static str {
    match error {
        _ if error.is_disk_full() => {
            "Nothing has changed. Free space on that disk, or delete objects from the store: their space is reused."
        }
        HostError::ReadOnly { .. } => {
            "Nothing has changed. Ask the owner of the folder for write permission."
        }
        HostError::Damaged { .. } => {
            "Run `storage repair`, which reports what it would do and changes nothing without --yes."
        }
        HostError::Io { .. } | HostError::Poisoned(_) => {
            "Check the disk and run the command again. Completed calls are in the folder's journal."
        }
        _ => "Nothing has changed.",
    }
}
