//! Where a download goes: a file that is complete or not there, or a stream.

use std::{
    fs::{self, File, Permissions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::text;

/// What the names of unfinished files start and end with.
const PREFIX: &str = ".storage-";
const SUFFIX: &str = ".part";

/// What was not written for so long and is locked by no process was left by one that was killed.
const ABANDONED: Duration = Duration::from_secs(60);

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// A file that is being written under another name in the folder of its target.
pub(crate) struct Target {
    path: PathBuf,
    temporary: NamedTempFile,
}

impl Target {
    /// Whether a path is something that can be written and must not be replaced: a device or a pipe.
    pub(crate) fn is_device(path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
    }

    /// Starts to write a file. A file that is there stays as it is until [`finish`](Self::finish).
    pub(crate) fn create(path: &Path) -> Result<Self> {
        // What a link leads to is replaced, and not the link.
        let path = follow(path).with_context(|| format!("cannot write {}", text::path(path)))?;
        let folder = folder_of(&path);
        // What cannot be tidied up is in nobody's way.
        let _ = remove_abandoned(folder);
        let failed = || format!("cannot write to {}", text::path(folder));
        // Until it is complete, it is for its owner alone.
        let temporary = builder().tempfile_in(folder).with_context(failed)?;
        // A file system without locks does without.
        let _ = temporary.as_file().try_lock();
        Ok(Self { path, temporary })
    }

    /// What the bytes are written to.
    pub(crate) fn sink(&mut self) -> &mut impl io::Write {
        self.temporary.as_file_mut()
    }

    /// Makes what was written the file, in one step.
    pub(crate) fn finish(self) -> io::Result<()> {
        let permissions = match fs::metadata(&self.path) {
            Ok(replaced) => replaced.permissions(),
            Err(_) => permissions_of_new_files(folder_of(&self.path))?,
        };
        self.temporary.as_file().set_permissions(permissions)?;
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// The permissions that the user's umask leaves to new files of a folder: those of a file that is made to look.
fn permissions_of_new_files(folder: &Path) -> io::Result<Permissions> {
    let mut builder = builder();
    #[cfg(unix)]
    builder.permissions(Permissions::from_mode(0o666));
    Ok(builder.tempfile_in(folder)?.as_file().metadata()?.permissions())
}

/// Where a file is written, or will be: links are followed, also to what is not there yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead from one to the next"))
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what downloads that were killed have left in a folder.
fn remove_abandoned(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_part =
            entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !is_part || !entry.file_type()?.is_file() {
            continue;
        }
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age > ABANDONED && File::open(entry.path())?.try_lock().is_ok() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
