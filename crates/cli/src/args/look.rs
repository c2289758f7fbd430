//! Arguments of the commands that show what is in a store.

use std::ffi::OsString;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::select::{CompareArgs, FilterArgs, FolderArgs, HumanArgs};
use crate::complete;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage cat notes/1 notes/2
  storage cat log.gz | zcat")]
pub(crate) struct CatArgs {
    /// Keys of the objects, in this order.
    #[arg(required = true, value_name = "KEY", add = ArgValueCompleter::new(complete::keys))]
    pub(crate) keys: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage du                 each folder at the top, and the whole store
  storage du -d 2 album
  storage du -s -i '*.png'   all PNG images")]
pub(crate) struct DuArgs {
    /// Levels of folders to show. Larger ones include what is below.
    #[arg(short, long, value_name = "N", default_value = "1")]
    pub(crate) depth: usize,
    /// Show only the sum, as --depth 0 does.
    #[arg(short, long, conflicts_with = "depth")]
    pub(crate) summarize: bool,
    #[command(flatten)]
    pub(crate) selected: FolderArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage tree album
  storage tree -l -d 2       two levels, with sizes and times")]
pub(crate) struct TreeArgs {
    /// Levels to show. Default: all.
    #[arg(short, long, value_name = "N")]
    pub(crate) depth: Option<usize>,
    /// Show sizes and times.
    #[arg(short, long)]
    pub(crate) long: bool,
    #[command(flatten)]
    pub(crate) selected: FolderArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage find -i '*.png'                  all PNG images
  storage find album --larger 10MiB -l     large objects in album, with sizes and times
  storage find --older 30d -x 'keep/'      old objects, without those in folders named keep

PATTERN matches names, or with a slash, paths in FOLDER; * and ? match any characters except a slash, ** any folders. A pattern that matches a folder applies to its contents.")]
pub(crate) struct FindArgs {
    /// Show sizes, times, states of the SHA-256, and types.
    #[arg(short, long)]
    pub(crate) long: bool,
    #[command(flatten)]
    pub(crate) selected: FolderArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage diff photos store:album       a folder of this machine and one in the store
  storage diff store: backup:           two stores
  storage diff 1.png store:album/1.png

  <  only in FIRST
  >  only in SECOND
  !  with another size or SHA-256
  ?  of the same size, with an unknown SHA-256; --checksum computes it

The exit code is 1 if they differ, or are not known to be equal. See storage cp for locations and patterns.")]
pub(crate) struct DiffArgs {
    /// Folder or file, on this machine or in a store.
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    pub(crate) first: OsString,
    /// Folder or file to compare it with.
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    pub(crate) second: OsString,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) compare: CompareArgs,
    #[command(flatten)]
    pub(crate) human: HumanArgs,
}
