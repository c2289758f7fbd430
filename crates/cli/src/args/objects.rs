//! What can be said about objects and uploads.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage put video.mp4                  under its name
  storage put video.mp4 films/1          under a key of your own
  tar c photos | storage put - photos.tar

A large file is sent in chunks. Where that is interrupted, the same command goes on with what is missing.")]
pub(crate) struct PutArgs {
    /// The file, of any size, or - for standard input.
    pub(crate) file: PathBuf,
    /// The key: 1 to 1,024 bytes. Without it, the name of the file.
    pub(crate) key: Option<String>,
    /// What the bytes are, for example image/png.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage get films/1 video.mp4
  storage get photos.tar | tar t

A file appears, or is replaced, when all bytes have arrived and have the SHA-256 that was declared.")]
pub(crate) struct GetArgs {
    /// The key.
    pub(crate) key: String,
    /// The file to write; - or nothing is standard output.
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// Only keys that start with this.
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Show sizes in bytes, times, whether the SHA-256 is known, and types.
    #[arg(short, long)]
    pub(crate) long: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// The keys, or with -r the starts of keys.
    #[arg(required = true, value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    /// Remove every object whose key starts with KEY.
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage sync photos album                 photos/2026/1.png becomes album/2026/1.png
  storage sync --delete --dry-run site ''   what would be done to make the store like the folder

A file is left alone when the store has one of the same size and SHA-256. A link to a file counts as the
file; a link to a folder is not followed.")]
pub(crate) struct SyncArgs {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// What the keys start with, before a slash and the path in the folder. It may be empty.
    pub(crate) prefix: String,
    /// Remove objects under the prefix that are not in the folder.
    #[arg(long)]
    pub(crate) delete: bool,
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
        /// The file that it is an upload of.
        file: PathBuf,
    },
    /// End an upload and give its space back.
    Abort {
        /// Its number.
        id: u64,
    },
}
