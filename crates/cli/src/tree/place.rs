//! Where an entry is in a folder: below it, and not elsewhere.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{
    failure::with_help,
    links::{led_to, linked, resolve},
    text,
};

/// Returns the path of an entry within a folder. Rejects a name that leads out of the folder, or to the path of another name.
pub(crate) fn path_of(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let names: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    // A path composed of names has no empty name, no dot and no trailing slash.
    if name.is_empty() || name.contains('\0') || names.as_os_str() != path.as_os_str() {
        return Err(with_help(
            "the key is not a path within a folder",
            "read the object with: storage get KEY FILE",
        ));
    }
    Ok(names)
}

/// Returns the file of an entry below a folder.
///
/// # Errors
///
/// The same as for [`path_of`]; and for a path through a link to a folder, or to a file that is not below the folder: writing it would
/// change what is elsewhere.
pub(crate) fn place(folder: &Path, name: &str) -> Result<PathBuf> {
    below(folder, &path_of(name)?)
}

/// Returns the file below a folder that a path of names leads to.
///
/// # Errors
///
/// For a path through a link, as for [`place`].
pub(crate) fn below(folder: &Path, names: &Path) -> Result<PathBuf> {
    let mut path = folder.to_owned();
    for part in names.components() {
        path.push(part);
        if !path.is_symlink() {
            continue;
        }
        let failed = || format!("cannot write through the link {}", text::path(&path));
        let target = led_to(&path).with_context(failed)?;
        if target.is_dir() {
            bail!("{}: it is a link to a folder", failed());
        }
        if !target.starts_with(resolve(folder).with_context(failed)?) {
            bail!("{}: it leads out of {}", failed(), text::path(folder));
        }
    }
    Ok(path)
}

/// Returns the file that the entry of a folder leads to, if it is a link.
pub(crate) fn linked_from(folder: &Path, name: &str) -> Option<PathBuf> {
    linked(&folder.join(path_of(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key leads to a file within the folder and not elsewhere.
    #[test]
    fn keys_stay_within_the_folder() {
        for name in ["a", "a/b", "..a/b", "a b/\n", ".hidden"] {
            assert_eq!(path_of(name).unwrap(), Path::new(name));
        }
        for name in ["", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a/./b", ".", "..", "a\0b"] {
            assert!(path_of(name).is_err(), "{name:?}");
        }
    }
}
