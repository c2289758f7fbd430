//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Keeps objects and a log in a folder, in the stable memory of a canister that runs in this process.
#[derive(Debug, Parser)]
#[command(name = "storage", version, after_help = EXAMPLES_AND_EXIT_CODES)]
pub(crate) struct Args {
    /// The folder of the store.
    #[arg(long, global = true, value_name = "DIR", default_value = "./.storage")]
    pub(crate) store: PathBuf,

    /// Print data as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say nothing but data and errors, and show no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES_AND_EXIT_CODES: &str = "\
Examples:
  storage init                        make a store in ./.storage
  storage put photo.png               store a file under its name
  storage get photo.png copy.png      read it back
  date | storage log append -         append a line to the log

Exit codes:
  0  done
  1  failed; standard error says why and what to do
  2  the command line was not understood";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an empty store in the folder.
    Init,
    #[command(flatten)]
    InStore(StoreCommand),
}

/// What to do in a store that is there.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Store a file, or standard input, under a key.
    Put {
        /// The file, of any size, or - for standard input.
        file: PathBuf,
        /// The key: 1 to 1,024 bytes. Without it, the name of the file.
        key: Option<String>,
    },
    /// Read the value under a key.
    Get {
        /// The key.
        key: String,
        /// The file to write, which is replaced once all bytes are there; - or nothing is standard output.
        file: Option<PathBuf>,
    },
    /// List the keys, in byte order.
    Ls {
        /// Only keys that start with this.
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Show what is known of an object.
    Stat {
        /// The key.
        key: String,
    },
    /// Remove an object.
    Rm {
        /// The key.
        key: String,
    },
    /// Move an object to another key, replacing what is there.
    Mv {
        /// The key that the object has.
        from: String,
        /// The key that it is to have.
        to: String,
    },
    /// Have the store compute the SHA-256 of an object and compare it with what was declared.
    Verify {
        /// The key.
        key: String,
    },
    /// List or abort uploads that were begun and not finished.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Append to the log, or read it.
    #[command(subcommand)]
    Log(LogCommand),
    /// Show the state of the store.
    Status,
    /// Upgrade the store's canister to the one of this command, and say what that cost.
    Upgrade {
        /// Leave out pre_upgrade of the old canister; nothing is lost by it.
        #[arg(long)]
        skip_pre_upgrade: bool,
    },
    /// Walk all of the store's memory and say whether it is sound.
    Check,
}

/// What to do with uploads.
#[derive(Debug, Subcommand)]
pub(crate) enum UploadsCommand {
    /// List the open uploads, oldest first.
    Ls,
    /// End an upload and give its space back.
    Abort {
        /// Its number.
        id: u64,
    },
}

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Append entries.
    Append {
        /// Each text is an entry; a single - appends each line of standard input.
        #[arg(required = true, value_name = "TEXT")]
        texts: Vec<String>,
    },
    /// Print the last entries, oldest first.
    Tail {
        /// How many.
        #[arg(short = 'n', default_value_t = 10, value_name = "N")]
        count: u64,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The definitions above do not contradict each other.
    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }
}
