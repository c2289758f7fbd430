//! What whoever runs the store can say.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with images of a store's memory.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Write the store's memory to a new file. What was never written takes no room there.
    Export {
        /// The file, which must not be there yet, or - for standard output.
        file: PathBuf,
    },
    /// Replace all that is in the store by an image.
    Import {
        /// A file that export wrote, or a canister's stable memory.
        file: PathBuf,
        /// Do so although there is something in the store.
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A folder, for the pages of all commands.
    pub(crate) folder: Option<PathBuf>,
}
