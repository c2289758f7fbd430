//! What a person reads when something failed, and what a script sees.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use storage_api::Error;
use storage_client::{ClientError, TransferError};

/// What the process ends with; clap ends it with 2 where it does not understand the command line.
pub(crate) mod exit_code {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const NOT_FOUND: u8 = 3;
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// The user pressed Ctrl-C.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// There is no such object, upload or region.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotFound(pub(crate) String);

impl NotFound {
    /// No object has this key.
    pub(crate) fn object(key: &str) -> Self {
        Self(format!("there is no object under {key:?}; storage ls lists the keys"))
    }

    /// No region has this number.
    pub(crate) fn region(id: u64) -> Self {
        Self(format!("there is no region {id}; storage region ls lists them"))
    }

    /// No upload has this number.
    pub(crate) fn upload(id: u64) -> Self {
        Self(format!("there is no upload {id}; storage uploads ls lists them"))
    }
}

/// Says on standard error what failed, in colour where it is a terminal.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let bold_red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    // Where standard error is closed, the exit code has to do.
    let _ = writeln!(anstream::stderr(), "{bold_red}storage:{bold_red:#} {}", text(error));
    if let Some(hint) = hint(error) {
        let _ = writeln!(anstream::stderr(), "{hint}");
    }
    ExitCode::from(code(error))
}

/// The error and its causes, except for those that an error before them has told already.
fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// What to do about it, where the client knows.
fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| match cause.downcast_ref::<TransferError>() {
        Some(error) => error.hint(),
        None => cause.downcast_ref::<ClientError>()?.hint(),
    })
}

fn code(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<Interrupted>()) {
        return exit_code::INTERRUPTED;
    }
    let not_found = |cause: &ClientError| cause.storage_error() == Some(&Error::NotFound);
    // What was added to an error with context() is found by the error itself, and not in its chain.
    let is_not_found = error.is::<NotFound>()
        || error.chain().any(|cause| cause.is::<NotFound>() || cause.downcast_ref().is_some_and(not_found));
    if is_not_found { exit_code::NOT_FOUND } else { exit_code::FAILED }
}

/// Whether the reader of our output has gone, as `head` does when it has seen enough.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    /// A cause that an error has in its own text is not said twice.
    #[test]
    fn causes_are_said_once() {
        let full = ClientError::Storage { method: "put", error: Error::AlreadyExists };
        assert_eq!(text(&anyhow!(full).context("cannot store a")), "cannot store a: put: already exists");
    }

    /// The exit code is found however much was said around the error.
    #[test]
    fn exit_codes_are_found_in_the_chain() {
        let gone = ClientError::Storage { method: "stat", error: Error::NotFound };
        let full = ClientError::Storage { method: "put", error: Error::AlreadyExists };
        let cases = [
            (anyhow!("anything"), exit_code::FAILED),
            (anyhow!(full), exit_code::FAILED),
            (anyhow!(gone), exit_code::NOT_FOUND),
            (anyhow!(NotFound::object("key")).context("looking"), exit_code::NOT_FOUND),
            (anyhow!(Interrupted).context("upload 1 stays open"), exit_code::INTERRUPTED),
        ];
        for (error, expected) in cases {
            assert_eq!(code(&error), expected, "{error:#}");
        }
    }
}
