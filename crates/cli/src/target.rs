//! Where a download goes: a file that is complete or not there, or a stream.

use std::{
    fs::{self, Permissions},
    io,
    path::{Path, PathBuf},
};

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

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
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = folder_of(&path);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".storage-").suffix(".part");
        // The system takes away from this what the user's umask says, as for every new file.
        #[cfg(unix)]
        builder.permissions(Permissions::from_mode(0o666));
        let temporary =
            builder.tempfile_in(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
        Ok(Self { path, temporary })
    }

    /// What the bytes are written to.
    pub(crate) fn sink(&mut self) -> &mut impl io::Write {
        self.temporary.as_file_mut()
    }

    /// Makes what was written the file, in one step.
    pub(crate) fn finish(self) -> Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        if let Ok(replaced) = fs::metadata(&self.path) {
            self.temporary.as_file().set_permissions(replaced.permissions()).with_context(failed)?;
        }
        self.temporary.as_file().sync_all().with_context(failed)?;
        self.temporary.persist(&self.path).map_err(|error| error.error).with_context(failed)?;
        Ok(())
    }
}
