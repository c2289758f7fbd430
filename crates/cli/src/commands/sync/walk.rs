//! Files of a folder and their keys.

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
use crate::{failure::with_help, failures::Failures, text};

/// File and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LocalFile {
    pub(super) key: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) metadata: Option<Vec<MetadataPair>>,
}

/// Contents of a folder.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The files, in byte order of their keys.
    pub(super) files: Vec<LocalFile>,
    /// Skipped files, with the reasons.
    pub(super) skipped: Vec<String>,
    /// Keys that the skipped files would have. Objects under them are left unchanged.
    pub(super) skipped_keys: BTreeSet<String>,
}

/// Folder to walk.
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
    /// Prefix of the keys.
    pub(super) prefix: &'a str,
    pub(super) exclude: &'a Exclude,
    /// Folder of the store itself, which changes while it is read.
    pub(super) store: Option<&'a Path>,
}

impl Walk {
    /// Walks a folder. Adds files that cannot be read to the failures and continues.
    pub(super) fn of(folder: &Folder<'_>, failures: &mut Failures) -> Result<Self> {
        let shown = text::path(folder.path);
        let metadata = fs::metadata(folder.path).with_context(|| format!("cannot read {shown}"))?;
        if !metadata.is_dir() {
            return Err(with_help(
                format!("{shown} is not a folder"),
                "store a single file with: storage put FILE KEY",
            ));
        }
        let store = folder.store.and_then(|store| fs::metadata(store).ok()).map(|store| identity(&store));
        if store == Some(identity(&metadata)) {
            bail!("{shown} is the store itself");
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
        let relative = path.strip_prefix(folder.path).context("the path is outside the folder")?;
        let over = if is_folder { Step::Over } else { Step::Into };
        if folder.exclude.matches(&relative.to_string_lossy(), is_folder) {
            return Ok(over);
        }
        if is_folder {
            if store.is_some() && store == Some(identity(&entry.metadata()?)) {
                self.skipped.push(format!("{}: the store itself", text::path(path)));
                return Ok(Step::Over);
            }
            // No file in it could have a valid key.
            key_of(folder.prefix, relative)?;
            return Ok(Step::Into);
        }
        let key = key_of(folder.prefix, relative)?;
        // For a link, the metadata of its target.
        let metadata = match fs::metadata(path) {
            Err(error) if entry.file_type().is_symlink() && is_dangling(&error) => {
                self.skip(key, path, "a dangling link");
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

/// How the walk continues.
enum Step {
    Into,
    Over,
}

/// Returns a description of a file that is not stored.
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
    // Links in a cycle are dangling as well.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(ELOOP)
}

/// Error of the system for too many links, which has no stable name in Rust.
const ELOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();

/// Returns what identifies a folder, whatever its path.
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Returns the prefix followed by the path in the folder, with slashes as separators.
fn key_of(prefix: &str, relative: &Path) -> Result<String> {
    let path = relative
        .to_str()
        .ok_or_else(|| with_help("the name is not UTF-8", "rename the file, or --exclude it"))?;
    Ok(format!("{prefix}{path}"))
}
