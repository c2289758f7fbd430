//! The append-only log.

use candid::Nat;
use ic_cdk::{query, trap};
use serde_bytes::Bytes;
use storage_api::{Appended, LogInfo, LogPage, ReadLogArgs, Result, Role};

use crate::access::{self, require};
use crate::state::{read, write};
use crate::wire::{Accepted, Text, endpoint};

endpoint!("canister_update log": update fn log(text: Text) -> ());

/// As StableLog's, this has no reply to put an error in, so an error rejects the message with its text.
fn log(text: Text<'_>) -> Accepted {
    Accepted(require(Role::Writer).and_then(|()| write(|store| store.append(&[text]).map(drop))))
}

/// As StableLog's, this answers texts. An entry that `append` wrote and that is not UTF-8 is shown with question marks;
/// `read_log` gives its bytes.
#[query(name = "readLast", guard = "access::reader")]
fn read_last(count: Nat) -> Vec<String> {
    // More than 2^64 entries cannot be asked for in earnest, nor exist.
    let count = u64::try_from(&count.0).unwrap_or(u64::MAX);
    match read(|store| store.read_last(count)) {
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
    require(Role::Writer)?;
    write(|store| store.append(&entries))
}

#[query]
fn read_log(args: ReadLogArgs) -> Result<LogPage> {
    require(Role::Reader)?;
    read(|store| store.read_log(&args))
}

#[query]
fn log_info() -> Result<LogInfo> {
    require(Role::Reader)?;
    Ok(read(|store| store.log_info()))
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
