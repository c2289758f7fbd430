//! Files that are the targets of copies.

use std::{fs::Permissions, path::Path};

use anyhow::{Context as _, Error, Result};
use storage_client::TransferError;

use crate::{atomic_file::AtomicFile, context::Context, failure::with_help, text};

/// Writes a file in one step, and creates the folders above it. `content` writes the content. A new file has the permissions of
/// its source, if there are any, as far as the umask allows.
pub(super) async fn write<T>(
    context: &Context,
    file: &Path,
    source: Option<Permissions>,
    replaces: bool,
    content: impl AsyncFnOnce(&mut AtomicFile) -> Result<T>,
) -> Result<T> {
    check_absent(file, replaces)?;
    let mut target = AtomicFile::create_with_folders(file, &context.store_folders, &context.temporary)?;
    let written = content(&mut target).await.map_err(|error| of_target(error, file))?;
    let target = target.like(source);
    let done = if replaces { target.finish() } else { target.finish_new() };
    done.with_context(|| format!("cannot write {}", text::path(file)))?;
    Ok(written)
}

/// Checks that [`write()`] would not refuse a file, without changing anything.
pub(super) fn check(context: &Context, file: &Path, replaces: bool) -> Result<()> {
    check_absent(file, replaces)?;
    AtomicFile::check_with_folders(file, &context.store_folders)
}

fn check_absent(file: &Path, replaces: bool) -> Result<()> {
    match !replaces && file.symlink_metadata().is_ok() {
        true => Err(exists(file)),
        false => Ok(()),
    }
}

/// Adds the file to an error of writing its content.
pub(crate) fn of_target(error: Error, file: &Path) -> Error {
    match error.downcast_ref() {
        Some(TransferError::Write { .. }) => error.context(format!("cannot write {}", text::path(file))),
        _ => error,
    }
}

/// Returns the error for an existing file that must not be replaced.
pub(super) fn exists(file: &Path) -> Error {
    with_help(format!("{} exists", text::path(file)), "remove it, or copy without --if-absent")
}
