//! Paths with links: where they lead, also where the file or folder does not exist yet.

use std::{
    fs, io,
    path::{Component, Path, PathBuf, absolute},
};

/// The most links that Linux follows.
const MAX_LINKS: usize = 40;

/// Returns the file that a path leads to. Links are followed, also dangling ones.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many levels of links"))
}

/// Returns the absolute path without links of the file that a path leads to, also of one that does not exist yet.
pub(crate) fn led_to(path: &Path) -> io::Result<PathBuf> {
    resolve(&follow(path)?)
}

/// Returns what [`led_to`] returns, if the path is a link.
pub(crate) fn linked(path: &Path) -> Option<PathBuf> {
    path.is_symlink().then(|| led_to(path).ok()).flatten()
}

/// Returns the absolute path without links, also of a folder that does not exist yet.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in absolute(path)?.components() {
        match component {
            Component::ParentDir => drop(resolved.pop()),
            component => {
                resolved.push(component);
                resolved = fs::canonicalize(&resolved).unwrap_or(resolved);
            }
        }
    }
    Ok(resolved)
}

/// Returns the folder of a file.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
