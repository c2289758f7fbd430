//! Repair of the damage of a known bug.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::control::{ArenaHeader, FIRST_BLOCK};
use super::tag::{ALIGNMENT, Tag};
use super::{read_header, read_words};
use crate::Problem;

/// Contents of a lost sentinel. Until November 2026, an allocation of exactly the size and class of the free
/// block at the end wrote this; everything else remained valid.
pub(super) const LOST_SENTINEL: u64 = 0;

/// Implements [`Arena::repair`](super::Arena::repair).
pub(super) fn repair<M: Memory>(memory: &M, bucket_bytes: u64) -> Result<Option<Problem>, Error> {
    let header = read_header(memory, bucket_bytes)?;
    header.verify()?;
    if header.is_empty() {
        return Ok(None);
    }
    let end = header.end();
    if read_words(memory, end) != [LOST_SENTINEL; (ALIGNMENT / 8) as usize] {
        return Ok(None);
    }
    let sentinel = Tag { previous_free: last_is_free(memory, &header)?, ..Tag::SENTINEL };
    memory.write(end, &sentinel.encode(end).to_le_bytes());
    Ok(Some(Problem { what: "the sentinel of the arena was lost".into(), offset: end }))
}

/// Returns whether the last block is free, by walking over all blocks: the footer before the end is not
/// enough, because it may be the end of a payload.
fn last_is_free<M: Memory>(memory: &M, header: &ArenaHeader) -> Result<bool, Error> {
    let (mut offset, mut previous_free) = (FIRST_BLOCK, false);
    while offset < header.end() {
        let [word] = read_words(memory, offset);
        let tag = Tag::decode(word, offset)?;
        if tag.size == 0 || tag.size > header.end() - offset || tag.previous_free != previous_free {
            return Err(Error::corrupted("a block of the arena contradicts its neighbours", offset));
        }
        (offset, previous_free) = (offset + tag.size, tag.free);
    }
    Ok(previous_free)
}
