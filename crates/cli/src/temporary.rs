//! Temporary files: content that is not complete yet, beside its target.
//!
//! A command that is killed leaves them. Their names have a form that no other file is expected to have: a walk leaves them out,
//! nothing else is written under such a name, and only such a file is removed as abandoned.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

/// The form of the names: prefix, random letters and digits, suffix.
const PREFIX: &str = ".storage-";
const RANDOM: usize = 6;
const SUFFIX: &str = ".part";

/// Permissions of a file for its owner alone.
const PRIVATE: u32 = 0o600;

/// Age after which a temporary file counts as abandoned where the file system does not support locks.
const ABANDONED: Duration = Duration::from_secs(60);

/// How often a temporary file is created again if another command removes it before it is locked.
const ATTEMPTS: usize = 16;

/// Returns whether a file name is that of a temporary file.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Creates temporary files, and removes abandoned ones. What is known of a folder is found out once, so that writing many
/// files takes time in proportion to their number. Clones share what is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct TemporaryFiles(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Folders that were searched for abandoned files.
    searched: HashSet<PathBuf>,
    /// Permissions that a new file in a folder can have.
    allowed: HashMap<PathBuf, u32>,
    /// Temporary files that were created.
    #[cfg(test)]
    created: usize,
}

impl TemporaryFiles {
    /// Creates a temporary file in a folder, for its owner alone.
    pub(crate) fn create(&self, folder: &Path) -> io::Result<NamedTempFile> {
        for _ in 0..ATTEMPTS {
            let file = self.create_with(PRIVATE, folder)?;
            // Another command that holds the lock takes the file for abandoned. Not every file system supports locks.
            if !matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock))
                && file.as_file().metadata()?.nlink() > 0
            {
                return Ok(file);
            }
        }
        Err(io::Error::other("another command removes the temporary files"))
    }

    /// Removes the temporary files of killed commands from a folder, the first time that this is called for the folder.
    /// Those that cannot be removed do no harm.
    pub(crate) fn remove_abandoned(&self, folder: &Path) {
        if !self.known().searched.insert(folder.to_owned()) {
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten().filter(|entry| is_temporary(&entry.file_name())) {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = remove_if_abandoned(&entry.path());
            }
        }
    }

    /// Returns the permissions of a new file in a folder, of which these are requested. They depend on the umask and on the
    /// default access control list of the folder, so a file is created to find out.
    pub(crate) fn allowed(&self, folder: &Path, requested: u32) -> io::Result<u32> {
        if let Some(allowed) = self.known().allowed.get(folder) {
            return Ok(requested & allowed);
        }
        let allowed = self.create_with(0o777, folder)?.as_file().metadata()?.permissions().mode() & 0o777;
        self.known().allowed.insert(folder.to_owned(), allowed);
        Ok(requested & allowed)
    }

    fn create_with(&self, mode: u32, folder: &Path) -> io::Result<NamedTempFile> {
        #[cfg(test)]
        {
            self.known().created += 1;
        }
        let mut builder = tempfile::Builder::new();
        // Otherwise the crate adds the path to errors.
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM).make_in(folder, |path| {
            File::options().read(true).write(true).create_new(true).mode(mode).open(path)
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many temporary files were created.
    #[cfg(test)]
    pub(crate) fn created(&self) -> usize {
        self.known().created
    }
}

/// Removes a temporary file that no command has locked. Where locks do not work, its age decides.
fn remove_if_abandoned(path: &Path) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let is_abandoned = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => file.metadata()?.modified()?.elapsed().unwrap_or_default() > ABANDONED,
    };
    // The lock is held until the file is removed, so that a command that has just created it notices.
    if is_abandoned { fs::remove_file(path) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Only names of exactly the form are those of temporary files, and those that are created have it.
    #[test]
    fn temporary_files_are_recognized_by_their_names() {
        let folder = TempDir::new().unwrap();
        let created = TemporaryFiles::default().create(folder.path()).unwrap();
        assert!(is_temporary(created.path().file_name().unwrap()));
        assert!(is_temporary(".storage-abCD09.part".as_ref()));
        for other in [
            ".storage-notes.part",
            ".storage-abcde.part",
            ".storage-abcdefg.part",
            ".storage-abc-ef.part",
            ".storage-abcdé.part",
            ".storage-.part",
            "storage-abcdef.part",
            ".storage-abcdef.parts",
            ".storage-abcdef",
        ] {
            assert!(!is_temporary(other.as_ref()), "{other}");
        }
    }

    /// The error of creating one does not have its path.
    #[test]
    fn errors_do_not_name_temporary_files() {
        let folder = TempDir::new().unwrap();
        let error = TemporaryFiles::default().create(&folder.path().join("nowhere")).unwrap_err();
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
    }

    /// Abandoned files are removed whatever their age, also from a folder with one in use; those of a user are not.
    #[test]
    fn abandoned_files_are_removed() {
        let folder = TempDir::new().unwrap();
        let files = TemporaryFiles::default();
        let in_use = files.create(folder.path()).unwrap();
        let name = |name: &str| folder.path().join(name);
        for abandoned in [".storage-aaaaaa.part", ".storage-Zz0000.part"] {
            fs::write(name(abandoned), b"").unwrap();
        }
        fs::write(name(".storage-notes.part"), b"").unwrap();
        fs::create_dir(name(".storage-folder.part")).unwrap();
        files.remove_abandoned(folder.path());
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let mut expected =
            vec![name(".storage-folder.part"), name(".storage-notes.part"), in_use.path().to_owned()];
        left.sort();
        expected.sort();
        assert_eq!(left, expected);
        // A folder is searched once.
        fs::write(name(".storage-aaaaaa.part"), b"").unwrap();
        files.remove_abandoned(folder.path());
        assert!(name(".storage-aaaaaa.part").exists());
    }
}
