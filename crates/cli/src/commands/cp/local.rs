//! Copies on this machine.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use super::file_of;
use crate::{text, transfer::Copy, tree::Entry};

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

/// Returns whether two paths are of one file, whatever links there are.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => identity(one) == identity(other),
        _ => false,
    }
}
