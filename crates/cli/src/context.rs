//! What every command is given besides its own arguments.

use std::{num::NonZeroUsize, time::Duration};

use storage_client::{Progress, TransferOptions};

use crate::{args::Manner, interrupt::Interrupt, output::Output, progress::Bars};

/// How a command speaks, how much it does at once, how long it waits, and how it learns that it shall end.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) bars: Bars,
    pub(crate) interrupt: Interrupt,
    /// How long to wait for other commands that have the store open; nothing is for as long as it takes.
    pub(crate) wait: Option<Duration>,
    jobs: NonZeroUsize,
}

impl Context {
    /// The context that the arguments ask for.
    pub(crate) fn new(manner: Manner, interrupt: Interrupt) -> Self {
        Self {
            output: Output::new(manner),
            bars: Bars::new(manner.json || manner.quiet),
            interrupt,
            wait: Some(manner.wait),
            jobs: manner.jobs,
        }
    }

    /// The same without bars.
    pub(crate) fn without_bars(&self) -> Self {
        Self { bars: Bars::new(true), ..self.clone() }
    }

    /// The same for a command that has all the time there is.
    pub(crate) fn with_patience(&self) -> Self {
        Self { wait: None, ..self.clone() }
    }

    /// How many calls are under way at once.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.get()
    }

    /// How a transfer is done that tells this progress.
    pub(crate) fn transfer<'a>(&self, progress: &'a dyn Progress) -> TransferOptions<'a> {
        TransferOptions { concurrency: self.jobs, progress, ..TransferOptions::default() }
    }
}
