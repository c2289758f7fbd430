//! Work on many items, some of which fail: failures are reported, and the other items are processed.

use anyhow::Result;
use serde::Serialize;
use storage_client::{ClientError, TransferError};

use crate::{
    failure::{self, Interrupted},
    text,
};

/// Failed item, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    /// File or key.
    item: String,
    error: String,
}

/// The most items that are printed as not tried.
const MOST_PRINTED: usize = 20;
const NOT_TRIED: &str = "not tried, because of another error";

/// Items that failed so far.
#[derive(Default)]
pub(crate) struct Failures {
    failed: Vec<Failed>,
    /// Number of the items that were not tried, or not completed because of Ctrl-C.
    undone: u64,
    /// Help texts that were printed, each once.
    helps: Vec<String>,
    is_silent: bool,
}

/// Some items failed, and each failure was reported.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SomeFailed(String);

impl Failures {
    /// Creates a list that prints nothing, for a look at items that are processed later.
    pub(crate) fn silent() -> Self {
        Self { is_silent: true, ..Self::default() }
    }

    /// Reports a failure.
    pub(crate) fn add(&mut self, item: String, error: &anyhow::Error) {
        let error_text = failure::text(error);
        if !self.is_silent {
            self.print(&item, &error_text, error);
        }
        self.failed.push(Failed { item, error: error_text });
    }

    /// Adds items that have no result because an error has ended the work on them. The first ones are printed; after Ctrl-C
    /// none of them, because the user knows why.
    pub(crate) fn not_tried(&mut self, items: Vec<String>, (one, many): (&str, &str), error: &anyhow::Error) {
        let is_interrupted = failure::is_interrupted(error);
        let why = if is_interrupted { "interrupted before it was complete" } else { NOT_TRIED };
        if !is_interrupted && !self.is_silent {
            items.iter().take(MOST_PRINTED).for_each(|item| failure::print_error(&format!("{item}: {why}")));
            let others = items.len().saturating_sub(MOST_PRINTED) as u64;
            if others > 0 {
                let others = text::pluralize(others, one, many);
                failure::print_error(&format!("not tried: {others} more; --json lists all of them"));
            }
        }
        self.undone += items.len() as u64;
        self.failed.extend(items.into_iter().map(|item| Failed { item, error: why.to_owned() }));
    }

    /// Adds a failure without printing it.
    pub(crate) fn record(&mut self, item: String, error: &anyhow::Error) {
        self.failed.push(Failed { item, error: failure::text(error) });
    }

    /// Prints an error that has been recorded for its items.
    pub(crate) fn print_alone(&mut self, error: &anyhow::Error) {
        if !self.is_silent {
            self.print("", &failure::text(error), error);
        }
    }

    fn print(&mut self, item: &str, error_text: &str, error: &anyhow::Error) {
        failure::print_error(&match error_text.contains(item) {
            true => error_text.to_owned(),
            false => format!("{item}: {error_text}"),
        });
        if let Some(help) = failure::help(error)
            && !self.helps.contains(&help)
        {
            failure::print_help(&help);
            self.helps.push(help);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.failed.len() as u64
    }

    /// Returns the number of items that were not tried or not completed, which are among the others.
    pub(crate) fn undone(&self) -> u64 {
        self.undone
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// Returns the items that failed.
    pub(crate) fn items(&self) -> &[Failed] {
        &self.failed
    }

    /// Returns the items that failed, without this list.
    #[cfg(test)]
    pub(crate) fn into_items(self) -> Vec<Failed> {
        self.failed
    }

    /// Returns an error with the number of failed items, if there are any.
    pub(crate) fn finish(&self, one: &str, many: &str) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        Err(SomeFailed(format!("{} failed", text::pluralize(self.count(), one, many))).into())
    }
}

/// First reject code that concerns a single call. Lower ones concern the network or the canister as a whole.
const CANISTER_REJECT: u32 = 4;

/// Returns whether an error concerns the store or the user rather than one item, so that the other items would fail as well.
pub(crate) fn ends_all(error: &anyhow::Error) -> bool {
    let of_client = |error: &ClientError| match error {
        ClientError::Storage { error, .. } => {
            matches!(
                error,
                stable_storage_api::Error::Unauthorized { .. } | stable_storage_api::Error::Corrupted { .. }
            )
        }
        // The canister or its replica refused this call, and may accept another.
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
