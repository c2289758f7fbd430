//! The files of a folder, and the keys that they are to have.

use std::{
    collections::BTreeSet,
    fs::{self, FileType},
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use stable_storage_api::MetadataPair;
use walkdir::{DirEntry, WalkDir};

use super::exclude::Exclude;
use crate::{failures::Failures, text};

/// A file and its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LocalFile {
    pub(super) key: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) metadata: Option<Vec<MetadataPair>>,
}

/// What was found in a folder.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The files, in byte order of their keys.
    pub(super) files: Vec<LocalFile>,
    /// What was left out, and why.
    pub(super) skipped: Vec<String>,
    /// The keys that what was left out would have. What the store has there is no concern of the folder's.
    pub(super) skipped_keys: BTreeSet<String>,
}

/// A folder whose files are looked for.
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
    /// What the keys start with.
    pub(super) prefix: &'a str,
    pub(super) exclude: &'a Exclude,
    /// The folder of the store itself, which changes while it is read.
    pub(super) store: Option<&'a Path>,
}

impl Walk {
    /// Walks a folder. What cannot be read is among the failures then, and the rest is found all the same.
    pub(super) fn of(folder: &Folder<'_>, failures: &mut Failures) -> Result<Self> {
        let shown = text::path(folder.path);
        let metadata = fs::metadata(folder.path).with_context(|| format!("cannot read {shown}"))?;
        if !metadata.is_dir() {
            bail!("{shown} is not a folder; to store one file, run: storage put FILE KEY");
        }
        let store = folder.store.and_then(|store| fs::metadata(store).ok()).map(|store| identity(&store));
        if store == Some(identity(&metadata)) {
            bail!("{shown} is the store itself, which cannot hold itself");
        }
        let mut walk = Self::default();
        let mut entries = WalkDir::new(folder.path).min_depth(1).into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let item = error.path().map_or(shown.clone(), text::path);
                    failures.add(item, &anyhow!(io::Error::from(error)).context("cannot read it"));
                    continue;
                }
            };
            match walk.add(folder, store, &entry) {
                Ok(Step::Into) => {}
                Ok(Step::Over) => entries.skip_current_dir(),
                Err(error) => {
                    failures.add(text::path(entry.path()), &error);
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
            }
        }
        walk.files.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(walk)
    }

    fn add(&mut self, folder: &Folder<'_>, store: Option<(u64, u64)>, entry: &DirEntry) -> Result<Step> {
        let path = entry.path();
        let is_folder = entry.file_type().is_dir();
        let relative = path.strip_prefix(folder.path).context("it is outside of the folder")?;
        let over = if is_folder { Step::Over } else { Step::Into };
        if folder.exclude.matches(&relative.to_string_lossy(), is_folder) {
            return Ok(over);
        }
        if is_folder {
            if store.is_some() && store == Some(identity(&entry.metadata()?)) {
                self.skipped.push(format!("{}, the store itself", text::path(path)));
                return Ok(Step::Over);
            }
            // Not one name in it could be a key.
            key_of(folder.prefix, relative)?;
            return Ok(Step::Into);
        }
        let key = key_of(folder.prefix, relative)?;
        // Of a link, this is what it leads to.
        let metadata = match fs::metadata(path) {
            Err(error) if entry.file_type().is_symlink() && is_dangling(&error) => {
                self.skip(key, path, "a link to what is not there");
                return Ok(Step::Into);
            }
            metadata => metadata.context("cannot read it")?,
        };
        match kind(metadata.file_type()) {
            None => {
                let path = path.to_owned();
                let size = metadata.len();
                self.files.push(LocalFile { key, path, size, ..LocalFile::default() });
            }
            Some(kind) => self.skip(key, path, kind),
        }
        Ok(Step::Into)
    }

    fn skip(&mut self, key: String, path: &Path, what: &str) {
        self.skipped.push(format!("{}, {what}", text::path(path)));
        self.skipped_keys.insert(key);
    }
}

/// Where the walk goes on.
enum Step {
    Into,
    Over,
}

/// What is no file, and where a link to a folder leads nowhere that is walked.
fn kind(file_type: FileType) -> Option<&'static str> {
    match file_type {
        file if file.is_file() => None,
        folder if folder.is_dir() => Some("a link to a folder"),
        fifo if fifo.is_fifo() => Some("a named pipe"),
        socket if socket.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

fn is_dangling(error: &io::Error) -> bool {
    // Links that lead to each other lead nowhere either.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(ELOOP)
}

/// The system's error for too many links, for which Rust has no stable name.
const ELOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();

/// What tells two folders apart, however they were named.
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The prefix and then the path in the folder, which has slashes between its names on this system too.
fn key_of(prefix: &str, relative: &Path) -> Result<String> {
    let path =
        relative.to_str().context("its name is not UTF-8, as keys must be; rename it, or add --exclude")?;
    Ok(format!("{prefix}{path}"))
}
