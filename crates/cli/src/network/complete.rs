//! Shell completion of networks and identities.

use std::{env, ffi::OsStr};

use clap_complete::{
    CompletionCandidate,
    engine::{PathCompleter, ValueCompleter},
};

/// Completes networks.
pub(crate) fn networks(word: &OsStr) -> Vec<CompletionCandidate> {
    starting_with(word, env::current_dir().map(|here| super::names(&here)).unwrap_or_default())
}

/// Completes identities of icp and dfx. Falls back to paths if no name starts with the word.
pub(crate) fn identities(word: &OsStr) -> Vec<CompletionCandidate> {
    let named = starting_with(word, super::identities());
    if !named.is_empty() {
        return named;
    }
    PathCompleter::file().complete(word)
}

/// Returns the names that start with a word.
pub(crate) fn starting_with(word: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let word = word.to_string_lossy();
    names.into_iter().filter(|name| name.starts_with(&*word)).map(CompletionCandidate::new).collect()
}
