//! Mending what a known mistake has left in images.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::control::{FIRST_BLOCK, Head};
use super::tag::{GRAIN_BYTES, Tag};
use super::{read_head, read_words};
use crate::Problem;

/// What stands in the place of a sentinel that was lost. Until November 2026, an allocation that was as large as the free
/// block at the end, and of its class, wrote this; everything else stayed as it must be.
pub(super) const LOST_SENTINEL: u64 = 0;

/// See [`Arena::repair`](super::Arena::repair).
pub(super) fn repair<M: Memory>(memory: &M, bucket_bytes: u64) -> Result<Option<Problem>, Error> {
    let head = read_head(memory, bucket_bytes)?;
    head.verify()?;
    if head.is_empty() {
        return Ok(None);
    }
    let end = head.end();
    if read_words(memory, end) != [LOST_SENTINEL; (GRAIN_BYTES / 8) as usize] {
        return Ok(None);
    }
    let sentinel = Tag { previous_free: last_is_free(memory, &head)?, ..Tag::SENTINEL };
    memory.write(end, &sentinel.encode(end).to_le_bytes());
    Ok(Some(Problem { what: "the sentinel of the arena was lost".into(), offset: end }))
}

/// Whether the last block is free, found by a walk over all of them: the footer before the end would be an answer only if
/// it were known not to be the end of a payload.
fn last_is_free<M: Memory>(memory: &M, head: &Head) -> Result<bool, Error> {
    let (mut at, mut previous_free) = (FIRST_BLOCK, false);
    while at < head.end() {
        let [word] = read_words(memory, at);
        let tag = Tag::decode(word, at)?;
        if tag.size == 0 || tag.size > head.end() - at || tag.previous_free != previous_free {
            return Err(Error::corrupted("a block of the arena contradicts its neighbours", at));
        }
        (at, previous_free) = (at + tag.size, tag.free);
    }
    Ok(previous_free)
}
