//! What a person reads when something failed, and what a script sees.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use candid::Principal;
use stable_storage_api::{Error, Role};
use storage_client::{ClientError, TransferError};

use crate::{progress, text::escape_message};

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

    /// No object has this key, and there is a folder of this name.
    pub(crate) fn but_folder(key: &str) -> Self {
        Self(format!("there is no object under {key:?}, but a folder of this name; to fetch it, add -r"))
    }

    /// No object is in this folder, or has a key that starts so.
    pub(crate) fn under(key: &str) -> Self {
        Self(format!(
            "there is no object under {key:?}, nor in a folder of this name; storage ls lists the keys"
        ))
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
    complain(&text(error));
    if let Some(hint) = hint(error) {
        crate::notes::say(&hint);
    }
    ExitCode::from(code(error))
}

/// Says that something failed.
pub(crate) fn complain(message: &str) {
    let bold_red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let message = escape_message(message);
    // Where standard error is closed, the exit code has to do.
    let _ = progress::suspend(|| writeln!(anstream::stderr(), "{bold_red}storage:{bold_red:#} {message}"));
}

/// The error and its causes, except for those that an error before them has told already.
pub(crate) fn text(error: &anyhow::Error) -> String {
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

/// The caller has not the role that a command needs.
#[derive(Debug, thiserror::Error)]
#[error("{caller} may not do this")]
pub(crate) struct Refused {
    caller: Principal,
    needed: Role,
}

impl Refused {
    /// Adds who has called to an error that says that he may not.
    pub(crate) fn explain(error: anyhow::Error, caller: Option<Principal>) -> anyhow::Error {
        let role = |cause: &ClientError| match cause.storage_error() {
            Some(Error::Unauthorized { needed }) => Some(*needed),
            _ => None,
        };
        match (needed(&error, role), caller) {
            (Some(needed), Some(caller)) => error.context(Self { caller, needed }),
            _ => error,
        }
    }

    fn hint(&self) -> String {
        let Self { caller, needed } = self;
        let role = format!("{needed:?}").to_lowercase();
        if *caller == Principal::anonymous() {
            return format!(
                "Nobody has called, and this needs the role {role}. Give --identity with a PEM file."
            );
        }
        format!("An admin of the canister can allow it with: storage roles set {caller} {role}")
    }
}

/// The role that an error of the client asks for.
fn needed(error: &anyhow::Error, role: impl Fn(&ClientError) -> Option<Role>) -> Option<Role> {
    error.chain().find_map(|cause| match cause.downcast_ref::<TransferError>() {
        Some(TransferError::Client(error)) => role(error),
        _ => role(cause.downcast_ref::<ClientError>()?),
    })
}

/// What to do about it, where the client knows.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(refused.hint());
    }
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

/// Whether a command ended because the user wanted it to.
pub(crate) fn is_of_user(error: &anyhow::Error) -> bool {
    code(error) == exit_code::INTERRUPTED || is_closed_pipe(error)
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

    /// Whoever is refused reads as whom he called and what an admin can do.
    #[test]
    fn a_refusal_names_the_caller_and_the_command() {
        let refused =
            || ClientError::Storage { method: "put", error: Error::Unauthorized { needed: Role::Writer } };
        let caller = Principal::management_canister();
        for error in [anyhow!(refused()), anyhow!(refused()).context("cannot store a")] {
            let error = Refused::explain(error, Some(caller));
            assert!(text(&error).starts_with("aaaaa-aa may not do this: "), "{}", text(&error));
            assert!(hint(&error).unwrap().ends_with("storage roles set aaaaa-aa writer"));
        }
        let nobody = Refused::explain(anyhow!(refused()), Some(Principal::anonymous()));
        assert!(hint(&nobody).unwrap().contains("--identity"));
        assert!(!Refused::explain(anyhow!("else"), Some(caller)).is::<Refused>());
    }

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
