//! Target of a download: a file that is complete or absent, or a stream.

use std::{
    fs::{self, File, Permissions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, bail};
use rustix::fs::Access;
use tempfile::NamedTempFile;

use crate::{
    failure::with_help,
    links::{folder_of, follow, resolve},
    store_folders::StoreFolders,
    text,
};

/// Prefix and suffix of the names of incomplete files.
const PREFIX: &str = ".storage-";
const SUFFIX: &str = ".part";

/// Age after which an incomplete file that no process has locked counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(60);

/// File that is written under a temporary name in the folder of its target.
pub(crate) struct AtomicFile {
    path: PathBuf,
    temporary: NamedTempFile,
    /// Permissions of the source, which a new file gets as far as the umask allows.
    source: Option<Permissions>,
}

impl AtomicFile {
    /// Returns whether a path is a device or a pipe, which must not be replaced.
    pub(crate) fn is_device(path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
    }

    /// Starts writing a file. An existing file is unchanged until [`finish`](Self::finish). Rejects a folder, a device, and a
    /// file in the folder of a store, which it could destroy.
    pub(crate) fn create(path: &Path, stores: &StoreFolders) -> Result<Self> {
        Self::begin(target(path, stores)?)
    }

    /// Starts writing a file, and creates the folders above it.
    pub(crate) fn create_with_folders(path: &Path, stores: &StoreFolders) -> Result<Self> {
        let path = target(path, stores)?;
        let folder = folder_of(&path);
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", text::path(folder)))?;
        Self::begin(path)
    }

    /// Checks that [`create_with_folders`](Self::create_with_folders) can write a file, without changing anything.
    pub(crate) fn check_with_folders(path: &Path, stores: &StoreFolders) -> Result<()> {
        let path = target(path, stores)?;
        let folder = folder_of(&path);
        let mut above = folder
            .ancestors()
            .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        let existing = above.find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(Path::new("."));
        if existing == folder {
            check_folder(folder)?;
        } else if !existing.is_dir() {
            bail!(
                "cannot create the folder {}: {} is not a folder",
                text::path(folder),
                text::path(existing)
            );
        }
        rustix::fs::access(existing, Access::WRITE_OK | Access::EXEC_OK)
            .with_context(|| format!("cannot write to {}", text::path(existing)))
    }

    /// Sets the permissions of the source.
    pub(crate) fn like(self, source: Option<Permissions>) -> Self {
        Self { source, ..self }
    }

    fn begin(path: PathBuf) -> Result<Self> {
        let folder = folder_of(&path);
        check_folder(folder)?;
        // Abandoned files that cannot be removed do no harm.
        let _ = remove_abandoned(folder);
        let failed = || format!("cannot write to {}", text::path(folder));
        // Until it is complete, it is for its owner alone.
        let temporary = builder().tempfile_in(folder).with_context(failed)?;
        // Not every file system supports locks.
        let _ = temporary.as_file().try_lock();
        Ok(Self { path, temporary, source: None })
    }

    /// Returns the writer.
    pub(crate) fn sink(&mut self) -> &mut impl io::Write {
        self.temporary.as_file_mut()
    }

    /// Puts the file in place, in one step.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.complete()?;
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Puts the file in place, in one step, unless there is one.
    pub(crate) fn finish_new(self) -> io::Result<()> {
        self.complete()?;
        self.temporary.persist_noclobber(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Makes sure that the content is on the disk.
    fn complete(&self) -> io::Result<()> {
        let permissions = match fs::metadata(&self.path) {
            Ok(replaced) => replaced.permissions(),
            Err(_) => permissions_of_new_files(folder_of(&self.path), self.source.as_ref())?,
        };
        self.temporary.as_file().set_permissions(permissions)?;
        self.temporary.as_file().sync_all()
    }
}

/// Checks that there is a folder at a path.
pub(crate) fn check_folder(folder: &Path) -> Result<()> {
    match folder.is_dir() {
        true => Ok(()),
        false => Err(with_help(
            format!("cannot write to {}: it is not a folder", text::path(folder)),
            "create the folder first; get -r and cp -r create their target",
        )),
    }
}

/// Returns the file to write for a path, without links, if there can be one.
fn target(path: &Path, stores: &StoreFolders) -> Result<PathBuf> {
    let failed = || format!("cannot write {}", text::path(path));
    if path.is_dir() {
        bail!("{}: it is a folder", failed());
    }
    if AtomicFile::is_device(path) {
        bail!("{}: it is a device or a pipe", failed());
    }
    // The target of a link is replaced, not the link.
    let target = follow(path).with_context(failed)?;
    let folder = resolve(folder_of(&target)).with_context(failed)?;
    stores.check_outside(&folder).with_context(failed)?;
    Ok(target)
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Returns the permissions of a new file in a folder, which depend on the umask: those of a file created to find out. A copy can
/// have those of its source, except that it does not run as another user.
fn permissions_of_new_files(folder: &Path, source: Option<&Permissions>) -> io::Result<Permissions> {
    let mut builder = builder();
    #[cfg(unix)]
    builder.permissions(Permissions::from_mode(source.map_or(0o666, |source| source.mode() & 0o777)));
    Ok(builder.tempfile_in(folder)?.as_file().metadata()?.permissions())
}

/// Removes incomplete files that killed downloads have left in a folder.
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
