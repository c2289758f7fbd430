//! Context of every command, in addition to its own arguments.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use anyhow::Result;
use storage_client::{Progress, TransferOptions};
use storage_verify::Verifier;

use crate::{
    args::global::GlobalOptions,
    failure::{help_for_current, with_help},
    interrupt::Interrupt,
    levels::Levels,
    location::{CURRENT, Location, StoreName, StorePath},
    output::Output,
    progress::Bars,
    store_folders::StoreFolders,
    temporary::TemporaryFiles,
    text,
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
    /// Names of the stores that the settings define.
    store_names: Vec<String>,
    /// Temporary files of what is written.
    pub(crate) temporary: TemporaryFiles,
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
            store_names: Vec::new(),
            temporary: TemporaryFiles::default(),
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

    /// Returns the same context with the stores that the settings define.
    pub(crate) fn beside(&self, levels: &Levels) -> Self {
        let store_names = levels.names().into_iter().map(str::to_owned).collect();
        Self { stores: levels.folders(), store_names, ..self.clone() }
    }

    /// Returns the location in a store that an argument is, which is expected to be a key: it starts with `store:`, or with the
    /// name of a store that the settings define.
    pub(crate) fn location(&self, key: &str) -> Option<StorePath> {
        let Ok(Location::Store(path)) = Location::parse(key.as_ref()) else { return None };
        let is_known = match &path.store {
            StoreName::Current => true,
            StoreName::Named(name) => self.store_names.contains(name),
        };
        is_known.then_some(path)
    }

    /// Rejects a new key that is written as a location of another command: most likely, it is meant as one.
    pub(crate) fn check_new_key(&self, key: &str) -> Result<()> {
        let Some(path) = self.location(key) else { return Ok(()) };
        let help = match &path.store {
            StoreName::Current => help_for_current(&path.key),
            StoreName::Named(_) => {
                format!("copy it to that store with: storage cp SOURCE {}", text::argument(key))
            }
        };
        let literally = text::argument(format!("{CURRENT}:{key}"));
        Err(with_help(
            format!("{key:?} is a location of cp and sync, and not a key"),
            format!("{help}; a key that starts like this is written by: storage cp SOURCE {literally}"),
        ))
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
