//! Context of every command, in addition to its own arguments.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use storage_client::{Progress, TransferOptions};
use storage_verify::Verifier;

use crate::{
    args::global::GlobalOptions, interrupt::Interrupt, output::Output, progress::Bars,
    store_folders::StoreFolders,
};

/// Output, concurrency, waiting time and interruption of a command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) bars: Bars,
    pub(crate) interrupt: Interrupt,
    /// Time to wait for other commands that have the store open; `None` means without limit.
    pub(crate) wait: Option<Duration>,
    /// Verifier of objects that are read; `None` if they are not verified.
    pub(crate) verifier: Option<Verifier>,
    /// Folders of the stores that the settings name. Their files are not copied.
    pub(crate) stores: Vec<PathBuf>,
    /// Folders of all stores: no other file is written to them, and theirs are not removed.
    pub(crate) store_folders: StoreFolders,
    jobs: NonZeroUsize,
}

impl Context {
    /// Creates the context given by the arguments.
    pub(crate) fn new(options: GlobalOptions, interrupt: Interrupt) -> Self {
        Self {
            output: Output::new(options),
            bars: Bars::new(options.json || options.quiet),
            interrupt,
            wait: Some(options.wait),
            verifier: None,
            stores: Vec::new(),
            store_folders: StoreFolders::default(),
            jobs: options.jobs,
        }
    }

    /// Returns the same context without a limit on waiting.
    pub(crate) fn without_time_limit(&self) -> Self {
        Self { wait: None, ..self.clone() }
    }

    /// Returns the same context with a verifier of objects that are read.
    pub(crate) fn verified_by(&self, verifier: Option<Verifier>) -> Self {
        Self { verifier, ..self.clone() }
    }

    /// Returns the same context with the folders of the stores that the settings name.
    pub(crate) fn beside(&self, stores: Vec<PathBuf>) -> Self {
        Self { stores, ..self.clone() }
    }

    /// Returns the number of concurrent calls.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.get()
    }

    /// Returns options for a transfer with this progress receiver.
    pub(crate) fn transfer<'a>(&self, progress: &'a dyn Progress) -> TransferOptions<'a> {
        TransferOptions { concurrency: self.jobs, progress, ..TransferOptions::default() }
    }
}
