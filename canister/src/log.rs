//! The append-only log.

use candid::Nat;
use ic_cdk::{query, trap};
use serde_bytes::Bytes;
use storage_api::{Appended, LogInfo, LogPage, ReadLogArgs, Result};

use crate::access;
use crate::state::{self, method};
use crate::wire::{Accepted, Text, endpoint};

endpoint!("canister_update log": update fn log(text: Text) -> ());

/// As StableLog's, this has no reply to put an error in, so an error rejects the message with its text.
fn log(text: Text<'_>) -> Accepted {
    Accepted(state::update(method!("log"), |store| store.append(&[text]).map(drop)))
}

fn may_read_last() -> Result<(), String> {
    access::guard(method!("readLast"))
}

/// As StableLog's, this answers texts. An entry that `append` wrote and that is not UTF-8 is shown with question marks;
/// `read_log` gives its bytes.
#[query(name = "readLast", guard = "may_read_last")]
fn read_last(count: Nat) -> Vec<String> {
    // More than 2^64 entries cannot be asked for in earnest, nor exist.
    let count = u64::try_from(&count.0).unwrap_or(u64::MAX);
    match state::read(|store| store.read_last(count)) {
        Ok(entries) => entries.into_iter().map(text).collect(),
        Err(error) => trap(error.to_string()),
    }
}

/// The bytes as text, never longer than they are, so that what fits one reply still does.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let chunks = error.as_bytes().utf8_chunks();
        chunks.flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "?" }]).collect()
    })
}

endpoint!("canister_update append": update fn append(entries: Vec<&Bytes>) -> Result<Appended>);

fn append(entries: Vec<&Bytes>) -> Result<Appended> {
    state::update(method!("append"), |store| store.append(&entries))
}

#[query]
fn read_log(args: ReadLogArgs) -> Result<LogPage> {
    state::query(method!("read_log"), |store| store.read_log(&args))
}

#[query]
fn log_info() -> Result<LogInfo> {
    state::query(method!("log_info"), |store| Ok(store.log_info()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_become_question_marks_and_no_longer() {
        for (bytes, expected) in [
            (&b""[..], ""),
            ("grüße".as_bytes(), "grüße"),
            (&[0xff; 3], "???"),
            (&[b'a', 0xe2, 0x82, b'b'], "a?b"),
            (&[b'a', 0xff], "a?"),
        ] {
            let shown = text(bytes.to_vec());
            assert_eq!(shown, expected);
            assert!(shown.len() <= bytes.len());
        }
    }
}
