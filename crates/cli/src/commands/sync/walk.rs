//! The files of a folder, and the keys that they are to have.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use walkdir::{DirEntry, WalkDir};

/// A file and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalFile {
    pub(super) key: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

/// What was found in a folder.
#[derive(Debug)]
pub(super) struct Walk {
    /// The files, in byte order of their keys.
    pub(super) files: Vec<LocalFile>,
    /// What was left out, and why.
    pub(super) skipped: Vec<String>,
}

impl Walk {
    /// Walks a folder.
    pub(super) fn of(folder: &Path, prefix: &str) -> Result<Self> {
        if !fs::metadata(folder).with_context(|| format!("cannot read {}", folder.display()))?.is_dir() {
            bail!("{} is not a folder; to store one file, run: storage put FILE KEY", folder.display());
        }
        let mut walk = Self { files: Vec::new(), skipped: Vec::new() };
        // The folder itself may be a link, which is followed.
        let root = fs::canonicalize(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in WalkDir::new(&root).min_depth(1) {
            let entry = entry.map_err(io::Error::from).context("cannot read the folder")?;
            walk.add(&root, prefix, &entry)?;
        }
        walk.files.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(walk)
    }

    fn add(&mut self, root: &Path, prefix: &str, entry: &DirEntry) -> Result<()> {
        let path = entry.path();
        if entry.file_type().is_dir() {
            return Ok(());
        }
        // Of a link, this is what it leads to.
        let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            self.skipped.push(format!("{}, a link to a folder", path.display()));
        } else if !metadata.is_file() {
            self.skipped.push(format!("{}, which is neither a file nor a folder", path.display()));
        } else {
            let relative = path.strip_prefix(root).context("a file is outside of the folder")?;
            let key = key_of(prefix, relative)?;
            self.files.push(LocalFile { key, path: path.to_owned(), size: metadata.len() });
        }
        Ok(())
    }
}

fn key_of(prefix: &str, relative: &Path) -> Result<String> {
    let mut key = prefix.to_owned();
    for (number, component) in relative.components().enumerate() {
        let Component::Normal(name) = component else { bail!("{} is no name", relative.display()) };
        if number > 0 {
            key.push('/');
        }
        key.push_str(name.to_str().with_context(|| {
            format!("the name of {} is not UTF-8, as keys must be; rename the file", relative.display())
        })?);
    }
    Ok(key)
}
