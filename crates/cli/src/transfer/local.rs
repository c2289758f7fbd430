//! Files to files on this machine.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    pin::pin,
};

use anyhow::{Context as _, Error, Result, bail};
use futures_util::TryStreamExt as _;
use storage_client::Progress;
use tokio::task::yield_now;

use super::{
    each, file,
    job::Job,
    plan::{Copy, Plan},
    tally::Tally,
};
use crate::{
    context::Context,
    failure::{Interrupted, with_help},
    input::{Input, LargeInput},
    links::resolve,
    stream, text,
};

/// Bytes copied in one step.
const STEP_BYTES: u64 = 1 << 20;

/// Copies the files of a plan.
pub(super) async fn all(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    let replaces = !job.options.if_absent;
    each::copy(context, plan, tally, async |copy, progress| {
        let Copy::Local { from, to, .. } = copy else { bail!("only a file can be copied to a file") };
        // Between two files, Ctrl-C must be handled.
        yield_now().await;
        let source = match stream::open(from, context)? {
            Some(source) => Source::Stream(source),
            None => Source::File(Input::open(from, &context.output.idle)?),
        };
        file::write(context, to, permissions(from), replaces, async |target| {
            let failed = || format!("cannot copy {} to {}", text::path(from), text::path(to));
            content(source, context, target.sink(), progress).await.with_context(failed)
        })
        .await
    })
    .await
}

/// Returns the permissions that a new copy of a file gets. Those of a pipe or a device have another meaning.
fn permissions(file: &Path) -> Option<fs::Permissions> {
    fs::metadata(file).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.permissions())
}

/// What is copied.
enum Source {
    File(Input),
    /// Pipe or device, which can be silent for long.
    Stream(Box<dyn Read + Send>),
}

/// Copies the content, and returns the number of bytes.
async fn content(
    source: Source,
    context: &Context,
    sink: &mut impl Write,
    progress: &dyn Progress,
) -> Result<u64> {
    let input = match source {
        Source::File(input) => input,
        Source::Stream(source) => {
            let (mut copied, mut pieces) = (0, pin!(stream::pieces(source, context)));
            while let Some(piece) = pieces.try_next().await.map_err(cause)? {
                sink.write_all(&piece)?;
                copied += piece.len() as u64;
            }
            return Ok(copied);
        }
    };
    match input {
        Input::Small(content) => {
            sink.write_all(&content)?;
            Ok(content.len() as u64)
        }
        Input::Large(input) => Ok(in_steps(input, sink, progress).await?),
    }
}

/// Returns the error of a stream; for Ctrl-C, the error that has its exit code.
fn cause(error: io::Error) -> Error {
    match error.get_ref().is_some_and(|cause| cause.is::<Interrupted>()) {
        true => Interrupted.into(),
        false => error.into(),
    }
}

/// Copies a large file, of which one step is in memory. Its end is read as well, which detects a change.
async fn in_steps(mut input: LargeInput, sink: &mut impl Write, progress: &dyn Progress) -> io::Result<u64> {
    let (mut copied, mut step) = (0, Vec::new());
    loop {
        step.clear();
        input.by_ref().take(STEP_BYTES).read_to_end(&mut step)?;
        if step.is_empty() {
            return Ok(copied);
        }
        sink.write_all(&step)?;
        copied += step.len() as u64;
        progress.safe(copied, input.size());
        // Between two steps, Ctrl-C must be handled.
        yield_now().await;
    }
}

/// Rejects copying a folder onto itself or into itself, which would not end, and removing it together with what the target
/// has in addition.
pub(super) fn check_apart(from: &Path, to: &Path, deletes: bool) -> Result<()> {
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
    if deletes && inside.starts_with(&resolved) {
        return Err(with_help(
            format!("{shown} would be removed: it is in {shown_to}"),
            "run the command without --delete",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use tempfile::TempDir;

    use super::*;

    /// Links, dots and folders that do not exist yet lead to the same folder.
    #[test]
    fn a_folder_is_neither_copied_into_itself_nor_removed() {
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
            let error = check_apart(&path("a"), &path(to), false).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        for (from, to) in [("a", "ab"), ("a", "new/a"), ("a/b", "a"), ("link", "a"), ("a", "link/../../c")] {
            check_apart(&path(from), &path(to), false).unwrap();
        }
        let error = check_apart(&path("link"), &path("a"), true).unwrap_err().to_string();
        assert!(error.contains("link would be removed: it is in "), "{error}");
        check_apart(&path("a"), &path("ab"), true).unwrap();
    }
}
