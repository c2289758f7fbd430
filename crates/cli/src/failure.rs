//! Reporting errors: the message and help for a person, the exit code for a script.
//!
//! An error has the form `error: WHAT FAILED: WHY`, and on the next line, if there is something to do about it,
//! `help: WHAT TO DO`.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use candid::Principal;
use stable_storage_api::{Error, Role};
use storage_client::{ClientError, TransferError};

use crate::{
    location::{Location, StoreName, StorePath},
    progress, signal_number,
    size::Sizes,
    text::{argument, escape_message, grouped},
    view::role_name,
};

/// Exit codes. For an invalid command line, clap exits with 2.
pub(crate) mod exit_code {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const NOT_FOUND: u8 = 3;
}

/// The user pressed Ctrl-C, or another signal has ended the command.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// A file has changed since it was opened.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was read")]
pub(crate) struct Changed;

impl Changed {
    const HELP: &str = "run the command again when nothing is writing to the file";
}

/// Content for a terminal is not text.
#[derive(Debug, thiserror::Error)]
#[error("the content is not text")]
pub(crate) struct NotText;

impl NotText {
    const HELP: &str = "name a file to write to, redirect the output, or add --raw";
}

/// Error with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct WithHelp {
    what: String,
    help: String,
}

/// Creates an error with what to do about it.
pub(crate) fn with_help(what: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    WithHelp { what: what.into(), help: help.into() }.into()
}

/// Adds context and what to do about it to an error.
pub(crate) fn add_help(
    error: impl Into<anyhow::Error>,
    what: impl Into<String>,
    help: impl Into<String>,
) -> anyhow::Error {
    error.into().context(WithHelp { what: what.into(), help: help.into() })
}

/// The object, upload or region does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct NotFound {
    what: String,
    help: String,
}

impl NotFound {
    /// No object has this key.
    pub(crate) fn object(key: &str) -> Self {
        Self { what: format!("there is no object under {key:?}"), help: help_for_key(key) }
    }

    /// No object has this key, but there is a folder with this name.
    pub(crate) fn but_folder(key: &str, help: &str) -> Self {
        let what = format!("there is no object under {key:?}, but a folder");
        Self { what, help: help.to_owned() }
    }

    /// No object is in this folder or has this prefix.
    pub(crate) fn under(key: &str) -> Self {
        let what = format!("there is no object and no folder under {key:?}");
        Self { what, help: help_for_key(key) }
    }

    /// No region has this identifier.
    pub(crate) fn region(id: u64) -> Self {
        let help = "list the regions with: storage region ls".to_owned();
        Self { what: format!("there is no region {id}"), help }
    }

    /// No upload has this identifier.
    pub(crate) fn upload(id: u64) -> Self {
        let help = "list the uploads with: storage uploads ls".to_owned();
        Self { what: format!("there is no upload {id}"), help }
    }
}

/// Returns how to write a key that was written as a location in the current store.
pub(crate) fn help_for_current(key: &str) -> String {
    format!("here, a key is written without store: before it, as {}", argument(key))
}

/// Returns what to do about a location that was given as a key.
pub(crate) fn help_for_location(path: &StorePath) -> String {
    let location = argument(path.to_string());
    match &path.store {
        StoreName::Current => help_for_current(&path.key),
        StoreName::Named(_) if path.is_certainly_folder() => format!(
            "if this is in another store, select that store with --store, or copy the folder with: storage cp -r {location} DIR"
        ),
        StoreName::Named(_) => format!("if this is in another store, read it with: storage cp {location} -"),
    }
}

/// Returns what to do about a key that was not found. It may have been written as a location of `storage cp`.
fn help_for_key(key: &str) -> String {
    let list = "list the keys with: storage ls";
    match Location::parse(key.as_ref()) {
        Ok(Location::Store(path @ StorePath { store: StoreName::Current, .. })) => help_for_location(&path),
        Ok(Location::Store(path)) => format!("{list}; {}", help_for_location(&path)),
        _ => list.to_owned(),
    }
}

/// Two locations differ, which is an answer rather than a failure. The command has printed how.
#[derive(Debug, thiserror::Error)]
#[error("the locations differ")]
pub(crate) struct Differ;

/// Prints an error with its help, and returns the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<Differ>() {
        return ExitCode::from(exit_code::FAILED);
    }
    print_error(&text(error));
    if let Some(help) = help(error) {
        print_help(&help);
    }
    ExitCode::from(code(error))
}

/// Prints an error.
pub(crate) fn print_error(message: &str) {
    print("error", AnsiColor::Red, message);
}

/// Prints what to do about an error.
pub(crate) fn print_help(message: &str) {
    print("help", AnsiColor::Cyan, message);
}

/// Prints a warning.
pub(crate) fn print_warning(message: &str) {
    print("warning", AnsiColor::Yellow, message);
}

fn print(label: &str, colour: AnsiColor, message: &str) {
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let message = escape_message(message);
    // If standard error is closed, only the exit code remains.
    let _ = progress::suspend(|| writeln!(anstream::stderr(), "{style}{label}:{style:#} {message}"));
}

/// Returns the error with its causes, without causes that are already part of the text.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(describe) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Returns the text of one cause. Numbers in errors of the contract have units.
fn describe(cause: &(dyn std::error::Error + 'static)) -> String {
    let client = match cause.downcast_ref::<TransferError>() {
        Some(TransferError::Client(error)) => Some(error),
        _ => cause.downcast_ref::<ClientError>(),
    };
    match client {
        Some(ClientError::Storage { method, error }) => format!("{method}: {}", describe_storage(error)),
        _ => cause.downcast_ref().map_or_else(|| cause.to_string(), describe_storage),
    }
}

fn describe_storage(error: &Error) -> String {
    let size = |bytes| Sizes::Full.full(bytes);
    match *error {
        Error::TooLarge { size: bytes, limit } => {
            format!("too large: {}, the limit is {}", size(bytes), size(limit))
        }
        Error::OutOfMemory { requested, available } => {
            format!("out of memory: {} more needed, {} available", size(requested), size(available))
        }
        Error::LimitExceeded { ref what, limit } => {
            format!("limit exceeded: at most {} {what}", grouped(limit))
        }
        Error::OutOfRange { offset, length, size } => format!(
            "out of range: {} at offset {}, beyond the size {}",
            grouped(length),
            grouped(offset),
            grouped(size)
        ),
        ref other => other.to_string(),
    }
}

/// The caller lacks the role that a command needs.
#[derive(Debug, thiserror::Error)]
#[error("{caller} lacks the role {}", role_name(*.needed))]
pub(crate) struct Refused {
    caller: Principal,
    needed: Role,
}

impl Refused {
    /// Adds the caller to an error about a missing role.
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

    fn help(&self) -> String {
        let Self { caller, needed } = self;
        let role = role_name(*needed);
        if *caller == Principal::anonymous() {
            return format!("use --identity with an identity that has the role {role}");
        }
        format!("ask an admin of the canister to run: storage roles set {caller} {role}")
    }
}

/// Returns the role that the call needed.
fn needed(error: &anyhow::Error, role: impl Fn(&ClientError) -> Option<Role>) -> Option<Role> {
    error.chain().find_map(|cause| match cause.downcast_ref::<TransferError>() {
        Some(TransferError::Client(error)) => role(error),
        _ => role(cause.downcast_ref::<ClientError>()?),
    })
}

/// Returns what to do about an error: the help that was added last, else that of the cause.
pub(crate) fn help(error: &anyhow::Error) -> Option<String> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(refused.help());
    }
    if let Some(error) = error.downcast_ref::<WithHelp>() {
        return Some(error.help.clone());
    }
    if let Some(error) = error.downcast_ref::<NotFound>() {
        return Some(error.help.to_owned());
    }
    error.chain().find_map(|cause| {
        if is_or_wraps::<Changed>(cause) {
            return Some(Changed::HELP.to_owned());
        }
        if is_or_wraps::<NotText>(cause) {
            return Some(NotText::HELP.to_owned());
        }
        match cause.downcast_ref::<TransferError>() {
            Some(error) => error.hint(),
            None => cause.downcast_ref::<ClientError>()?.hint(),
        }
    })
}

/// Returns whether an error is of this type, or an I/O error that wraps one.
fn is_or_wraps<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<E>() || wrapped.is_some_and(|inner| inner.is::<E>())
}

/// Returns everything that is printed about an error.
#[cfg(test)]
pub(crate) fn printed(error: &anyhow::Error) -> String {
    format!("error: {}\nhelp: {}", text(error), help(error).unwrap_or_default())
}

fn code(error: &anyhow::Error) -> u8 {
    if is_interrupted(error) {
        return signal_number::exit_code();
    }
    let not_found = |cause: &ClientError| cause.storage_error() == Some(&Error::NotFound);
    // A context is found by downcasting the error itself, not in its chain.
    let is_not_found = error.is::<NotFound>()
        || error.chain().any(|cause| cause.is::<NotFound>() || cause.downcast_ref().is_some_and(not_found));
    if is_not_found { exit_code::NOT_FOUND } else { exit_code::FAILED }
}

/// Returns whether Ctrl-C or another signal has ended the work.
pub(crate) fn is_interrupted(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Interrupted>())
}

/// Returns whether the user ended the command.
pub(crate) fn is_of_user(error: &anyhow::Error) -> bool {
    is_interrupted(error) || is_closed_pipe(error)
}

/// Returns whether the reader of the output has closed the pipe, like `head`.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    /// The error for a missing role names the caller and the command of an admin.
    #[test]
    fn missing_role_names_the_caller_and_the_command() {
        let refused =
            || ClientError::Storage { method: "put", error: Error::Unauthorized { needed: Role::Writer } };
        let caller = Principal::management_canister();
        for error in [anyhow!(refused()), anyhow!(refused()).context("cannot store a")] {
            let error = Refused::explain(error, Some(caller));
            assert!(text(&error).starts_with("aaaaa-aa lacks the role writer: "), "{}", text(&error));
            assert!(help(&error).unwrap().ends_with("storage roles set aaaaa-aa writer"));
        }
        let anonymous = Refused::explain(anyhow!(refused()), Some(Principal::anonymous()));
        assert!(help(&anonymous).unwrap().contains("--identity"));
        assert!(!Refused::explain(anyhow!("else"), Some(caller)).is::<Refused>());
    }

    /// A cause that is part of an error's own text is not repeated.
    #[test]
    fn causes_are_not_repeated() {
        let full = ClientError::Storage { method: "put", error: Error::AlreadyExists };
        assert_eq!(text(&anyhow!(full).context("cannot store a")), "cannot store a: put: already exists");
    }

    /// Sizes in errors of the contract have units.
    #[test]
    fn sizes_in_errors_have_units() {
        let error = Error::OutOfMemory { requested: 16 << 20, available: 0 };
        let full = anyhow!(ClientError::Storage { method: "put", error });
        assert_eq!(
            text(&full),
            "put: out of memory: 16.0 MiB (16,777,216 bytes) more needed, 0 bytes available"
        );
    }

    /// The help that was added last is printed, whatever context is added later.
    #[test]
    fn help_is_found_under_context() {
        let error = with_help("the store is not empty", "add --replace").context("cannot import a");
        assert_eq!(text(&error), "cannot import a: the store is not empty");
        assert_eq!(help(&error).unwrap(), "add --replace");
        let error = add_help(anyhow!("full"), "upload 1 is incomplete", "resume it");
        assert_eq!(
            (text(&error).as_str(), help(&error).unwrap().as_str()),
            ("upload 1 is incomplete: full", "resume it")
        );
    }

    /// The exit code is found under any context.
    #[test]
    fn exit_codes_are_found_in_the_chain() {
        let gone = ClientError::Storage { method: "stat", error: Error::NotFound };
        let full = ClientError::Storage { method: "put", error: Error::AlreadyExists };
        let cases = [
            (anyhow!("anything"), exit_code::FAILED),
            (anyhow!(full), exit_code::FAILED),
            (anyhow!(gone), exit_code::NOT_FOUND),
            (anyhow!(NotFound::object("key")).context("looking"), exit_code::NOT_FOUND),
            (anyhow!(Interrupted).context("upload 1 is incomplete"), 130),
        ];
        for (error, expected) in cases {
            assert_eq!(code(&error), expected, "{error:#}");
        }
    }
}
