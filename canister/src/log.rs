//! The append-only log.

use serde_bytes::Bytes;
use stable_storage_api::{Appended, LogInfo, LogPage, ReadLogArgs, Result};
use storage_wire::{Batch, Count, Text};

use crate::endpoints::BATCH;
use crate::state::CanisterStore;

/// As StableLog's, this is oneway. An error goes to the canister's log, and rejects the message for those who wait.
pub(crate) fn log(store: &mut CanisterStore, text: Text<'_>) -> Result<()> {
    store.append(&[text]).map(drop)
}

/// As StableLog's, this answers texts. An entry that `append` wrote and that is not UTF-8 is shown with question marks;
/// `read_log` gives its bytes.
pub(crate) fn read_last(store: &CanisterStore, count: Count) -> Result<Vec<String>> {
    // More than 2^64 entries cannot be asked for in earnest, nor exist.
    Ok(store.read_last(count.0)?.into_iter().map(text).collect())
}

/// The bytes as text, never longer than they are, so that what fits one reply still does.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let chunks = error.as_bytes().utf8_chunks();
        chunks.flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "?" }]).collect()
    })
}

pub(crate) fn append(store: &mut CanisterStore, entries: Batch<&Bytes, BATCH>) -> Result<Appended> {
    store.append(&entries.0)
}

pub(crate) fn read_log(store: &CanisterStore, args: ReadLogArgs) -> Result<LogPage> {
    store.read_log(&args)
}

pub(crate) fn log_info(store: &CanisterStore) -> Result<LogInfo> {
    Ok(store.log_info())
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
