//! Copies on this machine.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use super::file_of;
use crate::{atomic_file::resolve, failure::with_help, text, transfer::Copy, tree::Entry};

/// Plans the copy of a file to a file, or into a folder under its name.
pub(super) fn plan(from: &Path, to: &Path) -> Result<Copy> {
    let shown = text::path(from);
    let name = from.file_name().with_context(|| format!("{shown} is not a file"))?;
    let to = file_of(to, || Ok(name.into()))?;
    let Entry { size, .. } = Entry::read_file(String::new(), from)?;
    if is_same(from, &to) {
        bail!("{shown} and {} are the same file", text::path(&to));
    }
    Ok(Copy::Local { from: from.to_owned(), size, to })
}

/// Rejects copying a folder onto itself or into itself, which would not end.
pub(super) fn check_apart(from: &Path, to: &Path) -> Result<()> {
    let (shown, shown_to) = (text::path(from), text::path(to));
    let inside = fs::canonicalize(from).with_context(|| format!("cannot read {shown}"))?;
    let resolved = resolve(to).with_context(|| format!("cannot write to {shown_to}"))?;
    if resolved == inside {
        bail!("{shown} and {shown_to} are the same folder");
    }
    if resolved.starts_with(&inside) {
        return Err(with_help(
            format!("cannot copy the folder {shown} into itself: {shown_to} is in it"),
            "copy it to a folder elsewhere",
        ));
    }
    Ok(())
}

/// Returns whether two paths are of one file, whatever links there are.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => identity(one) == identity(other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// Links, dots and folders that do not exist yet lead to the same folder.
    #[test]
    fn a_folder_is_not_copied_into_itself() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        fs::create_dir(path("ab")).unwrap();
        symlink("a/b", path("link")).unwrap();
        for (to, expected) in [
            ("a", "same folder"),
            ("ab/../a/.", "same folder"),
            ("new/../a", "same folder"),
            ("link/..", "same folder"),
            ("a/b", "into itself"),
            ("a/new/folder", "into itself"),
            ("link", "into itself"),
            ("link/new", "into itself"),
        ] {
            let error = check_apart(&path("a"), &path(to)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        for (from, to) in [("a", "ab"), ("a", "new/a"), ("a/b", "a"), ("link", "a"), ("a", "link/../../c")] {
            check_apart(&path(from), &path(to)).unwrap();
        }
    }
}
