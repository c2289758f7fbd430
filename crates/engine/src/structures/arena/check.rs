//! The check of the whole arena, for tests, tools and operators.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::class::{CLASSES, Class};
use super::control::{ArenaHeader, FIRST_BLOCK, list_head};
use super::repair::LOST_SENTINEL;
use super::tag::{ALIGNMENT, FOOTER_BYTES, TAG_BYTES, Tag};
use super::{Extent, SLOT_BYTES, read_header, read_words};
use crate::Problem;

/// Limit of reported problems: a corrupt image can have millions.
const MAX_PROBLEMS: usize = 100;

/// Implements [`Arena::check`](super::Arena::check).
pub(super) fn check<M: Memory>(
    memory: &M,
    bucket_bytes: u64,
    owned: &mut dyn FnMut(Extent, u64),
    problems: &mut Vec<Problem>,
) {
    let most = problems.len() + MAX_PROBLEMS;
    let mut report = Report { problems, most };
    match read_header(memory, bucket_bytes) {
        Ok(header) if header.is_empty() => {}
        Ok(header) => {
            report.error(header.verify());
            Checker { memory, header, report, free: Vec::new() }.run(owned);
        }
        Err(error) => report.error(Err(error)),
    }
}

/// The problems found, up to the limit.
struct Report<'a> {
    problems: &'a mut Vec<Problem>,
    most: usize,
}

impl Report<'_> {
    fn add(&mut self, what: &str, offset: u64) {
        if self.problems.len() < self.most {
            self.problems.push(Problem { what: what.into(), offset });
        }
    }

    fn error(&mut self, result: Result<(), Error>) {
        match result {
            Ok(()) => {}
            Err(Error::Corrupted { what, offset }) => self.add(&what, offset),
            Err(other) => self.add(&other.to_string(), 0),
        }
    }
}

/// A free block that the walk over the blocks has found.
struct FreeBlock {
    offset: u64,
    size: u64,
    /// Whether a free list contains it.
    listed: bool,
}

struct Checker<'a, M: Memory> {
    memory: &'a M,
    header: ArenaHeader,
    report: Report<'a>,
    /// In ascending order of the offset.
    free: Vec<FreeBlock>,
}

impl<M: Memory> Checker<'_, M> {
    fn run(mut self, owned: &mut dyn FnMut(Extent, u64)) {
        let whole = self.walk_blocks(owned);
        for class in (0..CLASSES).map(Class::of_index) {
            self.walk_list(class, whole);
        }
        for block in self.free.iter().filter(|block| !block.listed) {
            self.report.add("a free block is in no list", block.offset);
        }
    }

    /// Walks from the first block to the sentinel. Returns false if the chain breaks: the next block cannot
    /// be found then, and checks that need all blocks are skipped.
    fn walk_blocks(&mut self, owned: &mut dyn FnMut(Extent, u64)) -> bool {
        let (mut offset, mut previous_free) = (FIRST_BLOCK, false);
        let (mut used_bytes, mut used_blocks) = (0, 0);
        while offset < self.header.end() {
            let Some(tag) = self.tag(offset, previous_free) else { return false };
            if tag.size == 0 || tag.size > self.header.end() - offset {
                self.report.add("a block has an impossible size; the walk ends here", offset);
                return false;
            }
            if tag.free {
                self.free_block(offset, tag.size);
            } else {
                (used_bytes, used_blocks) = (used_bytes + tag.size, used_blocks + 1);
                owned(Extent(offset + TAG_BYTES), tag.size - TAG_BYTES);
            }
            (offset, previous_free) = (offset + tag.size, tag.free);
        }
        self.sentinel(previous_free);
        if self.free.iter().map(|block| block.size / SLOT_BYTES).sum::<u64>() != self.header.slots() {
            self.report.add("the count of slots differs from the free blocks", 0);
        }
        if (used_bytes, used_blocks) != (self.header.used_bytes(), self.header.used_blocks()) {
            self.report.add("the counts of used bytes and blocks differ from the blocks", 0);
        }
        true
    }

    /// Returns the tag at `offset`, if it is valid.
    fn tag(&mut self, offset: u64, previous_free: bool) -> Option<Tag> {
        let [word] = read_words(self.memory, offset);
        match Tag::decode(word, offset) {
            Ok(tag) => {
                if tag.previous_free != previous_free {
                    self.report.add("a tag contradicts the block before it", offset);
                }
                Some(tag)
            }
            Err(error) => {
                self.report.error(Err(error));
                None
            }
        }
    }

    fn free_block(&mut self, offset: u64, size: u64) {
        let footer_at = offset + size - FOOTER_BYTES;
        let [footer] = read_words(self.memory, footer_at);
        if footer != Tag::free(size).encode(footer_at) {
            self.report.add("a footer differs from its tag", footer_at);
        }
        self.free.push(FreeBlock { offset, size, listed: false });
    }

    fn sentinel(&mut self, previous_free: bool) {
        let end = self.header.end();
        let [word, rest @ ..]: [u64; (ALIGNMENT / 8) as usize] = read_words(self.memory, end);
        if word == LOST_SENTINEL {
            self.report.add("the sentinel of the arena is lost: a repair restores it", end);
        } else if word != (Tag { previous_free, ..Tag::SENTINEL }).encode(end) {
            self.report.add("the arena does not end in its sentinel", end);
        }
        if rest != [0; 3] {
            self.report.add("the bytes after the sentinel are not zero", end + TAG_BYTES);
        }
    }

    /// Follows the list of `class`. Every step marks a block that was not marked before, so the walk
    /// terminates.
    fn walk_list(&mut self, class: Class, whole: bool) {
        let [mut offset] = read_words(self.memory, list_head(class));
        if self.header.has(class) != (offset != 0) {
            self.report.add("a free list contradicts its bit", list_head(class));
        }
        let mut previous = 0;
        while offset != 0 {
            let Ok(i) = self.free.binary_search_by_key(&offset, |block| block.offset) else {
                if whole {
                    self.report.add("a free list contains an offset without a free block", offset);
                }
                return;
            };
            if std::mem::replace(&mut self.free[i].listed, true) {
                self.report.add("a free list contains a block twice", offset);
                return;
            }
            if Class::holding(self.free[i].size) != class {
                self.report.add("a free block is in the list of another class", offset);
            }
            let [next, back] = read_words(self.memory, offset + TAG_BYTES);
            if back != previous {
                self.report.add("a free block's link to the previous block is wrong", offset);
            }
            (previous, offset) = (offset, next);
        }
    }
}
