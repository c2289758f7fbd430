//! What every command is given besides its own arguments.

use std::num::NonZeroUsize;

use storage_client::{Progress, TransferOptions};

use crate::{args::Manner, interrupt::Interrupt, output::Output, progress::Bars};

/// How a command speaks, how much it does at once, and how it learns that it shall end.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) bars: Bars,
    pub(crate) interrupt: Interrupt,
    jobs: NonZeroUsize,
}

impl Context {
    /// The context that the arguments ask for.
    pub(crate) fn new(manner: Manner, interrupt: Interrupt) -> Self {
        Self {
            output: Output { json: manner.json, quiet: manner.quiet },
            bars: Bars::new(manner.json || manner.quiet),
            interrupt,
            jobs: manner.jobs,
        }
    }

    /// The same without bars.
    pub(crate) fn without_bars(&self) -> Self {
        Self { bars: Bars::new(true), ..self.clone() }
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
