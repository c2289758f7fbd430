//! The append-only log.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{Appended, LogInfo, ReadLogArgs, Result};
use storage_wire::{Batch, Count, Encoded, Text, Wire};

use crate::message::BATCH;
use crate::message::Room;
use crate::state::CanisterStore;

/// Appends a text. The method is oneway, like StableLog's. An error is written to the canister's log, and
/// rejects the message for callers that wait.
pub(crate) fn log(store: &mut CanisterStore, text: Text<'_>) -> Result<()> {
    store.append(&[text]).map(drop)
}

/// Returns entries as texts, like StableLog's. In an entry that is not UTF-8, invalid bytes are replaced by
/// question marks; `read_log` returns its bytes.
pub(crate) fn read_last<'m>(
    store: &CanisterStore,
    mut room: Room<'m>,
    count: Count,
) -> Result<Encoded<'m, String>> {
    // A count above 2^64 exceeds the number of entries of any log.
    store.read_last_with(count.0, |entry| match Text::new(entry) {
        Some(text) => room.item(&text, 0),
        None => room.item(&text_of(entry), 0),
    })?;
    room.finish(0)
}

/// Returns the bytes as text, never longer than the bytes, so that it still fits in one reply.
fn text_of(bytes: &[u8]) -> String {
    let chunks = bytes.utf8_chunks();
    chunks.flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "?" }]).collect()
}

pub(crate) fn append(store: &mut CanisterStore, entries: Batch<&Bytes, BATCH>) -> Result<Appended> {
    store.append(&entries.0)
}

/// [`LogPage`](stable_storage_api::LogPage) with encoded entries.
#[derive(Wire)]
#[wire(encode)]
pub(crate) struct EncodedLogPage<'m> {
    entries: Encoded<'m, ByteBuf>,
    next: u64,
    length: u64,
}

pub(crate) fn read_log<'m>(
    store: &CanisterStore,
    mut room: Room<'m>,
    args: ReadLogArgs,
) -> Result<EncodedLogPage<'m>> {
    let (next, length) = store.read_log_with(&args, |entry| room.item(Bytes::new(entry), 0))?;
    Ok(EncodedLogPage { entries: room.finish(0)?, next, length })
}

pub(crate) fn log_info(store: &CanisterStore) -> Result<LogInfo> {
    Ok(store.log_info())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf8_becomes_question_marks_of_at_most_the_same_length() {
        for (bytes, expected) in [
            (&b""[..], ""),
            ("grüße".as_bytes(), "grüße"),
            (&[0xff; 3], "???"),
            (&[b'a', 0xe2, 0x82, b'b'], "a?b"),
            (&[b'a', 0xff], "a?"),
        ] {
            let shown = text_of(bytes);
            assert_eq!(shown, expected);
            assert!(shown.len() <= bytes.len());
        }
    }
}
