//! What can be said about objects and uploads.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use stable_storage_api::MetadataPair;

use crate::complete;

#[derive(Debug, Default, Args)]
#[command(
    override_usage = "storage put [OPTIONS] <FILE> [KEY]\n       storage put [OPTIONS] <FILE>... <FOLDER/>",
    after_help = "\
Examples:
  storage put video.mp4                  under its name
  storage put video.mp4 films/1          under a key of your own
  storage put 1.png 2.png album/         as album/1.png and album/2.png
  tar c photos | storage put - photos.tar

A large file is sent in chunks. When that is interrupted, the same command resumes it."
)]
pub(crate) struct PutArgs {
    /// The file, of any size, or - for standard input; and its key of 1 to 1,024 bytes. Without a key, it is the name of the file. A key that ends with a slash is a folder for any number of files.
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<OsString>,
    /// What the bytes are, for example image/png. Without it, this is guessed from the name; '' is for no type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// How the bytes are encoded, for example gzip; at most 64 bytes.
    #[arg(long, value_name = "ENCODING")]
    pub(crate) content_encoding: Option<String>,
    /// Store a name and a value with the object. May be given 16 times, for 2,048 bytes in all.
    #[arg(long = "meta", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) metadata: Vec<MetadataPair>,
    /// Fail where there is an object under the key already.
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Fail where the object under the key does not have this revision, which storage stat shows.
    #[arg(long, value_name = "N", conflicts_with = "if_absent")]
    pub(crate) if_revision: Option<u64>,
}

/// A name and a value, around the first equals sign.
fn pair(text: &str) -> Result<MetadataPair, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(MetadataPair::new(name, value)),
        _ => Err("a name, an equals sign and a value are wanted, as in author=Ada".to_owned()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage get films/1 video.mp4
  storage get photos.tar | tar t
  storage get -r album photos            album/2026/1.png becomes photos/2026/1.png

A file appears, or is replaced, when all bytes have arrived and have the SHA-256 that was declared.")]
pub(crate) struct GetArgs {
    /// The key, or with -r a folder in the store.
    #[arg(add = ArgValueCompleter::new(complete::keys))]
    pub(crate) key: String,
    /// The file to write; - or nothing is standard output. With -r, the folder to write to, which is the working directory without it.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    pub(crate) file: Option<PathBuf>,
    /// Fetch a folder: write each object whose key starts with KEY and a slash to a file of the rest of its key.
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  storage ls             what is in no folder, and the folders, each with a slash at its end
  storage ls album/      what is in album
  storage ls -lr         all keys, with sizes, times and types"
)]
pub(crate) struct LsArgs {
    /// Only keys that start with this.
    #[arg(default_value = "", hide_default_value = true, add = ArgValueCompleter::new(complete::keys))]
    pub(crate) prefix: String,
    /// List the keys in folders, too, in place of the folders.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Show sizes, times, whether the SHA-256 is known, and types.
    #[arg(short, long)]
    pub(crate) long: bool,
    /// List from the last key to the first.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Show sizes with units, which is the default; --bytes shows them without.
    #[arg(short = 'h', long, conflicts_with = "bytes")]
    pub(crate) human_readable: bool,
    /// Show hidden keys; none is hidden, so this changes nothing.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage rm notes.txt old.txt      two objects
  storage rm -r album               album and album/2026/1.png, and not album2/1.png
  storage rm -n --prefix album      what would be removed whose key starts with album")]
pub(crate) struct RmArgs {
    /// The keys, or with -r folders.
    #[arg(required = true, value_name = "KEY", add = ArgValueCompleter::new(complete::keys))]
    pub(crate) keys: Vec<String>,
    /// Remove folders: the object KEY and every object whose key starts with KEY and a slash.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Remove every object whose key starts with KEY, whatever comes after it.
    #[arg(short, long, conflicts_with = "recursive")]
    pub(crate) prefix: bool,
    /// Change nothing, and list what would be removed.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage cp 1.png 2.png store:album/    to album/1.png and album/2.png, as put does
  storage cp store:album/1.png .         to ./1.png, as get does
  storage cp -r photos store:album       photos/2026/1.png becomes album/2026/1.png, as with sync
  storage cp -r store:album photos       the other way, as with sync --down
  storage cp store:notes.txt -           to standard output

A path that starts with store: is a key, or a folder, of the store; store: alone is all of the store. Any other path is on this machine; a file whose name starts with store: is written ./store:NAME. One side of a copy is the store, and the other is this machine.

A target that ends with a slash is a folder, and so is a folder on this machine: a copy has the name of its source there. With -r, what is in SOURCE goes directly into TARGET, whether TARGET exists or not; what is the same there already is left alone, and nothing is removed.")]
pub(crate) struct CpArgs {
    /// Files, or keys in the store, written store:KEY; - is standard input. With -r, one folder.
    #[arg(required = true, value_name = "SOURCE", add = ArgValueCompleter::new(complete::paths))]
    pub(crate) sources: Vec<OsString>,
    /// Where to copy to: store:KEY, store:FOLDER/, a file or a folder; - is standard output.
    #[arg(add = ArgValueCompleter::new(complete::paths))]
    pub(crate) target: OsString,
    /// Copy a folder: what is in SOURCE, with the folders in it.
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  storage sync photos album                   photos/2026/1.png becomes album/2026/1.png
  storage sync --exclude '*.tmp' photos album without files of this name
  storage sync --delete --dry-run site ''     what would be done to make the store like the folder
  storage sync --down album photos            the other way: album/2026/1.png becomes photos/2026/1.png

A file is left alone when the other side has one of the same size and SHA-256. A link to a file counts as the file; a link to a folder is not followed.

PATTERN is of file names, or with a slash of paths in the folder; * and ? stand for any characters but a slash, ** for any folders. What is excluded is neither copied nor removed, and of an excluded folder nothing is.")]
pub(crate) struct SyncArgs {
    /// The folder, or with --down the prefix.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    pub(crate) from: OsString,
    /// The prefix: what the keys start with, before a slash and the path in the folder. It may be empty. With --down, the folder.
    pub(crate) to: OsString,
    /// Make the folder like the store: fetch what is new or changed there.
    #[arg(short, long)]
    pub(crate) down: bool,
    /// Remove objects under the prefix that are not in the folder; with --down, files that are not in the store.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Remove them without asking where none would be left of those that are there now.
    #[arg(long, requires = "delete")]
    pub(crate) force: bool,
    /// Leave out files and folders of this name or path. May be given several times.
    #[arg(short = 'x', long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Compare sizes alone: nothing is hashed, and a file whose bytes changed and whose size did not is left as it is in the store.
    #[arg(long)]
    pub(crate) size_only: bool,
    /// What the bytes of all files are. Without it, a file keeps the type that it has in the store, and that of a new one is guessed from its name.
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "down")]
    pub(crate) content_type: Option<String>,
    /// Change nothing, and say what would be done.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// What to do with uploads.
#[derive(Debug, Subcommand)]
pub(crate) enum UploadsCommand {
    /// List the open uploads, oldest first.
    Ls,
    /// Send what an upload lacks, and finish it.
    Resume {
        /// Its number.
        id: u64,
        /// The file that it is an upload of, or - for standard input, which is copied to a temporary file: all of it must be
        /// compared before a part is sent.
        #[arg(value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// End an upload and give its space back.
    Abort {
        /// Its number.
        id: u64,
    },
}
