//! Options that several commands share: which files and objects, how they are compared, and how sizes are shown.

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::{
    complete,
    size::{parse_duration, parse_size},
};

/// Selection of files and objects.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct FilterArgs {
    /// Only files and objects with this name or path. Can be given several times.
    #[arg(short = 'i', long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,
    /// Exclude files and folders with this name or path. Can be given several times.
    #[arg(short = 'x', long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Only what was modified longer ago than this, for example 7d or 12h.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    pub(crate) older: Option<Duration>,
    /// Only what was modified since then.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    pub(crate) newer: Option<Duration>,
    /// Only what is larger than this, for example 10MiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) larger: Option<u64>,
    /// Only what is smaller than this.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) smaller: Option<u64>,
}

/// Selected objects of a folder in a store, and how their sizes are shown.
#[derive(Debug, Args)]
pub(crate) struct FolderArgs {
    /// Folder in the store. Default: the whole store.
    #[arg(default_value = "", hide_default_value = true, add = ArgValueCompleter::new(complete::keys))]
    pub(crate) folder: String,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) human: HumanArgs,
}

/// Comparison of files and objects.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Comparison")]
pub(crate) struct CompareArgs {
    /// Compare only sizes: files are not hashed, so a change that keeps the size is not detected.
    #[arg(long, conflicts_with = "checksum")]
    pub(crate) size_only: bool,
    /// Compare the SHA-256 also of objects that have none: the canister computes it and records it.
    #[arg(long)]
    pub(crate) checksum: bool,
}

/// Format of sizes. The short flag is that of other tools, so help has only its long one.
#[derive(Debug, Default, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct HumanArgs {
    /// Show sizes only with units, for example 1.2 GiB. By default, status also shows the bytes; --bytes shows only them.
    #[arg(short = 'h', long, conflicts_with = "bytes")]
    pub(crate) human_readable: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}
