//! Arguments of the commands for objects and uploads.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use stable_storage_api::MetadataPair;

use super::select::{CompareArgs, FilterArgs, HumanArgs};
use crate::complete;

#[derive(Debug, Default, Args)]
#[command(
    override_usage = "storage put [OPTIONS] <FILE> [KEY]\n       storage put [OPTIONS] <FILE>... <FOLDER/>\n       storage put [OPTIONS] -r <DIR> [FOLDER]",
    after_help = "\
Examples:
  storage put video.mp4                  under its name
  storage put video.mp4 films/1          under another key
  storage put 1.png 2.png album/         as album/1.png and album/2.png
  storage put -r photos                  photos/2026/1.png under its path, and so on
  tar c photos | storage put - photos.tar

A large file is sent in chunks. If this is interrupted, run the same command again to resume it."
)]
pub(crate) struct PutArgs {
    /// File of any size, or - for standard input, followed by its key of 1 to 1,024 bytes. Default key: the name of the file. A key that ends with a slash is a folder for several files.
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<OsString>,
    /// Store the files in a folder and its folders, also those that are equal in the store. Default folder: the name of DIR.
    #[arg(short, long, conflicts_with_all = ["content_encoding", "metadata", "if_revision", "if_sha256"])]
    pub(crate) recursive: bool,
    /// Content type, for example image/png. Default: guessed from the name; '' for none.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Content encoding, for example gzip; at most 64 bytes.
    #[arg(long, value_name = "ENCODING")]
    pub(crate) content_encoding: Option<String>,
    /// Name and value of user metadata. Can be given 16 times, with 2,048 bytes in all.
    #[arg(long = "meta", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) metadata: Vec<MetadataPair>,
    /// Fail if an object exists under the key; with -r, skip files whose key exists.
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Fail unless the object under the key has this revision, which storage stat shows.
    #[arg(long, value_name = "N", conflicts_with = "if_absent")]
    pub(crate) if_revision: Option<u64>,
    /// Fail unless the object under the key has this SHA-256, in hexadecimal, which storage stat shows if it is known.
    #[arg(long, value_name = "HEX", value_parser = digest, conflicts_with_all = ["if_absent", "if_revision"])]
    pub(crate) if_sha256: Option<[u8; 32]>,
}

/// Parses a SHA-256 in hexadecimal.
fn digest(text: &str) -> Result<[u8; 32], String> {
    let mut digest = [0; 32];
    match hex::decode_to_slice(text, &mut digest) {
        Ok(()) => Ok(digest),
        Err(_) => Err("expected 64 hexadecimal digits".to_owned()),
    }
}

/// Parses a name and a value, separated by the first equals sign.
fn pair(text: &str) -> Result<MetadataPair, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(MetadataPair::new(name, value)),
        _ => Err("expected NAME=VALUE, for example author=Ada".to_owned()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage get films/1 video.mp4
  storage get photos.tar | tar t
  storage get -r album photos            album/2026/1.png becomes photos/2026/1.png

A file is created or replaced only when all bytes have arrived and match the declared SHA-256.")]
pub(crate) struct GetArgs {
    /// Key, or with -r a folder in the store.
    #[arg(add = ArgValueCompleter::new(complete::keys))]
    pub(crate) key: String,
    /// File to write; - for standard output, which is the default. With -r, the folder to write to; default: the working directory.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    pub(crate) file: Option<PathBuf>,
    /// Fetch a folder: write each object whose key starts with KEY and a slash to a file named by the rest of its key.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Verify the object with the root key of the network; with -r, also that none is missing. The key must be under a certified prefix.
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage ls             objects and folders at the top
  storage ls album/      objects and folders in album
  storage ls -lr         all keys, with sizes, times and types")]
pub(crate) struct LsArgs {
    /// Only keys that start with this.
    #[arg(default_value = "", hide_default_value = true, add = ArgValueCompleter::new(complete::keys))]
    pub(crate) prefix: String,
    /// List the keys in folders instead of the folders.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Show sizes, times, states of the SHA-256, and types.
    #[arg(short, long)]
    pub(crate) long: bool,
    /// List from the last key to the first.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Verify the listing, and that no object is missing, with the root key of the network. The prefix must be under a certified prefix.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Accepted for compatibility with ls; no key is hidden.
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) human: HumanArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage rm notes.txt old.txt      two objects
  storage rm -r album               album and album/2026/1.png, but not album2/1.png
  storage rm -n --prefix album      list the objects whose keys start with album")]
pub(crate) struct RmArgs {
    /// Keys, or with -r folders.
    #[arg(required = true, value_name = "KEY", add = ArgValueCompleter::new(complete::keys))]
    pub(crate) keys: Vec<String>,
    /// Remove folders: the object KEY, and every object whose key starts with KEY and a slash.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Remove every object whose key starts with KEY.
    #[arg(short, long, conflicts_with = "recursive")]
    pub(crate) prefix: bool,
    /// Change nothing, and list the objects that would be removed.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage cp 1.png 2.png store:album/    to album/1.png and album/2.png, as put does
  storage cp store:album/1.png .         to ./1.png, as get does
  storage cp store:notes.txt -           to standard output
  storage cp store:album/1.png store:1   within the store
  storage cp store:album/1.png backup:   to the store that storage.toml names backup
  storage cp -r photos store:album       photos/2026/1.png becomes album/2026/1.png
  storage cp -r --newer 7d -i '*.png' store:album photos
  storage cp -r photos copy              on this machine

A location NAME:KEY is a key or a folder in a store: store:KEY in the current one, or the name of another one in storage.toml; NAME: alone is the whole store. Any other location is a path on this machine; write ./a:b for a file with such a name.

If the target ends with a slash or is an existing folder, copies keep the names of their sources. With -r, the contents of SOURCE are copied directly into TARGET, whether or not it exists; what is equal there is skipped, and nothing is removed.

PATTERN matches names, or with a slash, paths in the folder; * and ? match any characters except a slash, ** any folders. A pattern that matches a folder applies to its contents.")]
pub(crate) struct CpArgs {
    /// Files or objects; - for standard input. With -r, one folder.
    #[arg(required = true, value_name = "SOURCE", add = ArgValueCompleter::new(complete::locations))]
    pub(crate) sources: Vec<OsString>,
    /// File, key or folder; - for standard output.
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    pub(crate) target: OsString,
    /// Copy the contents of the folder SOURCE, including its folders.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Copy only what the target has not: fail if it exists; with -r, skip what exists.
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Change nothing, and report what would be done.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) compare: CompareArgs,
}

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  storage sync photos album                   photos/2026/1.png becomes album/2026/1.png
  storage sync photos store:album             the same
  storage sync store:album photos             the reverse: album/2026/1.png becomes photos/2026/1.png
  storage sync photos ../copy                 on this machine
  storage sync --delete store: backup:        make the store that storage.toml names backup like this one
  storage sync --exclude '*.tmp' photos album without files named like this
  storage sync --delete --dry-run site ''     report the changes without making them

A location NAME:FOLDER is in a store: store:FOLDER in the current one, or the name of another one in storage.toml. If neither side has a name, FROM is a folder and TO is in the current store, unless it starts with /, ./ or ../; with --down, the reverse.

What has the same size and SHA-256 on both sides is skipped. A link to a file counts as the file; a link to a folder is not followed.

PATTERN matches names, or with a slash, paths in the folder; * and ? match any characters except a slash, ** any folders. A pattern that matches a folder applies to its contents. What is not selected is neither copied nor removed.")]
pub(crate) struct SyncArgs {
    /// The folder, on this machine or in a store.
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    pub(crate) from: OsString,
    /// The folder to make like it. In a store, it is the start of the keys, followed by a slash and the path in the folder; can be empty.
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    pub(crate) to: OsString,
    /// FROM is in the current store, and TO is a folder.
    #[arg(short, long)]
    pub(crate) down: bool,
    /// Remove what the source has not, after everything is copied.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Remove without asking, even if nothing of what exists now would remain.
    #[arg(long, requires = "delete")]
    pub(crate) force: bool,
    /// Copy only what the target has not at all.
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Content type of all objects. Default: unchanged for existing objects, guessed from the name for new ones.
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "down")]
    pub(crate) content_type: Option<String>,
    /// Change nothing, and report what would be done.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) compare: CompareArgs,
}

/// Commands for uploads.
#[derive(Debug, Subcommand)]
pub(crate) enum UploadsCommand {
    /// List the open uploads, oldest first.
    Ls(HumanArgs),
    /// Send the missing chunks of an upload, and commit it.
    Resume {
        /// Identifier of the upload.
        id: u64,
        /// File of the upload, or - for standard input, which is first copied to a temporary file to compare its SHA-256.
        #[arg(value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Abort an upload and free its storage.
    Abort {
        /// Identifier of the upload.
        id: u64,
    },
}
