//! Target of a download: a file that is complete or absent, or a stream.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::Access;
use tempfile::NamedTempFile;

use crate::{
    failure::with_help,
    links::{folder_of, follow, resolve},
    store_folders::StoreFolders,
    temporary::{TemporaryFiles, is_temporary},
    text,
};

/// File that is written under a temporary name in the folder of its target.
pub(crate) struct AtomicFile {
    target: Target,
    files: TemporaryFiles,
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
    pub(crate) fn create(path: &Path, stores: &StoreFolders, files: &TemporaryFiles) -> Result<Self> {
        Self::begin(Target::new(path, stores)?, files)
    }

    /// Starts writing a file, and creates the folders above it.
    pub(crate) fn create_with_folders(
        path: &Path,
        stores: &StoreFolders,
        files: &TemporaryFiles,
    ) -> Result<Self> {
        let target = Target::new(path, stores)?;
        target.check_above()?;
        let folder = target.folder();
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", text::path(folder)))?;
        Self::begin(target, files)
    }

    /// Checks that [`create_with_folders`](Self::create_with_folders) can write a file, without changing anything.
    pub(crate) fn check_with_folders(path: &Path, stores: &StoreFolders) -> Result<()> {
        Target::new(path, stores)?.check_above()
    }

    /// Sets the permissions of the source.
    pub(crate) fn like(self, source: Option<Permissions>) -> Self {
        Self { source, ..self }
    }

    fn begin(target: Target, files: &TemporaryFiles) -> Result<Self> {
        let folder = target.folder();
        check_folder(folder)?;
        files.remove_abandoned(&target.resolved_folder);
        let failed = || format!("cannot write to {}", text::path(folder));
        // Until it is complete, it is for its owner alone.
        let temporary = files.create(folder).with_context(failed)?;
        Ok(Self { target, files: files.clone(), temporary, source: None })
    }

    /// Returns the writer.
    pub(crate) fn sink(&mut self) -> &mut impl io::Write {
        self.temporary.as_file_mut()
    }

    /// Puts the file in place, in one step.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.complete()?;
        self.temporary.persist(&self.target.path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Puts the file in place, in one step, unless there is one.
    pub(crate) fn finish_new(self) -> io::Result<()> {
        self.complete()?;
        self.temporary.persist_noclobber(&self.target.path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Makes sure that the content is on the disk. Each file is synchronized before it is renamed: without that, a power cut
    /// can leave an empty file under the final name, and a job that copies thousands of files would leave thousands of them.
    fn complete(&self) -> io::Result<()> {
        let permissions = match fs::metadata(&self.target.path) {
            Ok(replaced) => replaced.permissions(),
            // A copy can have those of its source, except that it does not run as another user.
            Err(_) => {
                let requested = self.source.as_ref().map_or(0o666, |source| source.mode() & 0o777);
                Permissions::from_mode(self.files.allowed(&self.target.resolved_folder, requested)?)
            }
        };
        self.temporary.as_file().set_permissions(permissions)?;
        self.temporary.as_file().sync_all()
    }
}

/// Checks that files can be created in a folder, and removed from it.
pub(crate) fn check_writable(folder: &Path) -> Result<()> {
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .with_context(|| format!("cannot write to {}", text::path(folder)))
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

/// The file to write for a path.
struct Target {
    /// Path without links at its end: the target of a link is replaced, not the link.
    path: PathBuf,
    /// Absolute path of the folder, without links.
    resolved_folder: PathBuf,
}

impl Target {
    /// Returns the file to write for a path, if there can be one.
    fn new(path: &Path, stores: &StoreFolders) -> Result<Self> {
        let failed = || format!("cannot write {}", text::path(path));
        if path.is_dir() {
            bail!("{}: it is a folder", failed());
        }
        if AtomicFile::is_device(path) {
            bail!("{}: it is a device or a pipe", failed());
        }
        let target = follow(path).with_context(failed)?;
        // It would be left out by the next walk, and removed as abandoned.
        if target.file_name().is_some_and(is_temporary) {
            return Err(with_help(
                format!("{}: temporary files of this command have such names", failed()),
                "give it another name, or --exclude it",
            ));
        }
        let resolved_folder = resolve(folder_of(&target)).with_context(failed)?;
        stores.check_outside(&resolved_folder).with_context(failed)?;
        Ok(Self { path: target, resolved_folder })
    }

    fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// Checks that the folders above the file exist or can be created, and that the file can be written.
    fn check_above(&self) -> Result<()> {
        let folder = self.folder();
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
        check_writable(existing)
    }
}
