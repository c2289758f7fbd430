//! Arguments of the commands for operators.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands for images of a store's memory.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Write the store's memory to a new, sparse file.
    Export {
        /// File, which must not exist, or - for standard output.
        file: PathBuf,
    },
    /// Replace the contents of the store with an image.
    Import {
        /// File written by export, or a canister's stable memory.
        file: PathBuf,
        /// Replace the contents of a store that is not empty.
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages of all commands.
    pub(crate) folder: Option<PathBuf>,
}
