//! What a person reads when something failed.

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

/// Says on standard error what failed.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("storage: {error:#}");
    ExitCode::FAILURE
}

/// Whether the reader of our output has gone, as `head` does when it has seen enough.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.into_iter().any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
