//! Files that are the targets of copies.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{atomic_file::AtomicFile, context::Context, failure::with_help, text};

/// Writes a file in one step, and creates the folders above it. `content` writes the content.
pub(super) async fn write<T>(
    context: &Context,
    file: &Path,
    replaces: bool,
    content: impl AsyncFnOnce(&mut AtomicFile) -> Result<T>,
) -> Result<T> {
    if !replaces && file.symlink_metadata().is_ok() {
        return Err(with_help(
            format!("{} exists", text::path(file)),
            "remove it, or copy without --if-absent",
        ));
    }
    let mut target = AtomicFile::create_with_folders(file, &context.store_folders)?;
    let written = content(&mut target).await?;
    let done = if replaces { target.finish() } else { target.finish_new() };
    done.with_context(|| format!("cannot write {}", text::path(file)))?;
    Ok(written)
}
