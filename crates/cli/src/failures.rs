//! Work on many items, of which some fail: each failure is told, and the others are done all the same.

use anyhow::Result;
use serde::Serialize;
use storage_client::{ClientError, TransferError};

use crate::{
    failure::{self, Interrupted},
    text,
};

/// An item that failed, as JSON.
#[derive(Serialize)]
pub(crate) struct Failed {
    /// The file or the key.
    item: String,
    error: String,
}

/// The items that failed so far.
#[derive(Default)]
pub(crate) struct Failures {
    failed: Vec<Failed>,
    /// What to do about it, each once.
    hints: Vec<String>,
}

/// Some items failed, and each of them has been told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SomeFailed(String);

impl Failures {
    /// Tells what failed, and goes on.
    pub(crate) fn add(&mut self, item: String, error: &anyhow::Error) {
        let error_text = failure::text(error);
        failure::complain(&match error_text.contains(&item) {
            true => error_text.clone(),
            false => format!("{item}: {error_text}"),
        });
        if let Some(hint) = failure::hint(error)
            && !self.hints.contains(&hint)
        {
            crate::notes::say(&hint);
            self.hints.push(hint);
        }
        self.failed.push(Failed { item, error: error_text });
    }

    pub(crate) fn count(&self) -> u64 {
        self.failed.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// The items that failed.
    pub(crate) fn items(&self) -> &[Failed] {
        &self.failed
    }

    /// An error where any item failed: how many did.
    pub(crate) fn finish(&self, one: &str, many: &str) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        Err(SomeFailed(format!("{} failed", text::counted(self.count(), one, many))).into())
    }
}

/// The first of the reject codes that are of one call; those before it are of the network and the canister as a whole.
const CANISTER_REJECT: u32 = 4;

/// Whether an error is of the store or the user rather than of one item, so that the other items would fail too.
pub(crate) fn ends_all(error: &anyhow::Error) -> bool {
    let of_client = |error: &ClientError| match error {
        ClientError::Storage { error, .. } => {
            matches!(
                error,
                stable_storage_api::Error::Unauthorized { .. } | stable_storage_api::Error::Corrupted { .. }
            )
        }
        // The canister or its replica refused this call, and may take another.
        ClientError::Rejected { code, .. } => *code < CANISTER_REJECT,
        ClientError::Host { .. }
        | ClientError::Refused { .. }
        | ClientError::Transport { .. }
        | ClientError::Decode { .. } => true,
    };
    error.is::<Interrupted>()
        || error.chain().any(|cause| {
            let of_transfer = |error: &TransferError| match error {
                TransferError::Client(error) => of_client(error),
                _ => false,
            };
            cause.downcast_ref().is_some_and(of_transfer) || cause.downcast_ref().is_some_and(of_client)
        })
}
