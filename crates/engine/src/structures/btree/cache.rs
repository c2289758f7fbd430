//! The cache of inner pages on the heap, and the pool of page buffers.
//!
//! The cache is written through: a cached page changes at the commit, together with memory. On the Internet
//! Computer the heap of a query is discarded, and the heap of a trapped message is rolled back together with
//! stable memory. A cached page therefore always equals the stored one. A cold cache only costs instructions.

use ic_stable_structures::Memory;

use super::page::{Frame, PAGE, PageNumber};

/// Number of ways of a set.
const WAYS: usize = 4;

/// Set-associative cache of inner pages, with four ways per set, which bounds the heap and the search.
pub(super) struct Cache {
    sets: Vec<Set>,
    set_count: usize,
}

#[derive(Default)]
struct Set {
    numbers: [PageNumber; WAYS],
    frames: [Option<Box<Frame>>; WAYS],
    /// The way that is evicted next.
    next: usize,
}

impl Cache {
    /// Creates a cache of at most `pages` pages, at least four.
    pub(super) fn new(pages: usize) -> Self {
        Self { sets: Vec::new(), set_count: (pages / WAYS).max(1) }
    }

    fn set_index(&self, number: PageNumber) -> usize {
        number.0 as usize % self.set_count
    }

    /// Returns the page, if it is cached.
    #[inline]
    pub(super) fn get(&self, number: PageNumber) -> Option<&[u8; PAGE]> {
        let set = self.sets.get(self.set_index(number))?;
        let way = set.numbers.iter().position(|kept| *kept == number)?;
        set.frames[way].as_ref().map(|frame| &frame.0)
    }

    /// Caches a page. Returns the frame of the page that it replaces, if any.
    pub(super) fn put(&mut self, number: PageNumber, frame: Box<Frame>) -> Option<Box<Frame>> {
        let index = self.set_index(number);
        if index >= self.sets.len() {
            // Allocated once, because a growing vector would copy its contents.
            self.sets.reserve_exact(self.set_count - self.sets.len());
            self.sets.resize_with(index + 1, Set::default);
        }
        let set = &mut self.sets[index];
        let same = set.numbers.iter().position(|kept| *kept == number);
        let way = same.or_else(|| set.frames.iter().position(Option::is_none)).unwrap_or_else(|| {
            set.next = (set.next + 1) % WAYS;
            set.next
        });
        set.numbers[way] = number;
        set.frames[way].replace(frame)
    }

    /// Removes a page that is no longer an inner page, and returns its frame.
    pub(super) fn remove(&mut self, number: PageNumber) -> Option<Box<Frame>> {
        let index = self.set_index(number);
        let set = self.sets.get_mut(index)?;
        let way = set.numbers.iter().position(|kept| *kept == number)?;
        set.numbers[way] = PageNumber::NONE;
        set.frames[way].take()
    }
}

/// Unused frames, kept so that consecutive messages use the same frames and write to the same pages of the
/// heap.
#[derive(Default)]
pub(super) struct Frames(Vec<Box<Frame>>);

/// Number of frames that are kept: enough for a batch of a thousand entries. A canister's heap never shrinks,
/// so freeing them would only mean to allocate and zero them again.
const MAX_FRAMES: usize = 1_024 + 64;

impl Frames {
    /// Returns a frame with arbitrary contents.
    pub(super) fn take(&mut self) -> Box<Frame> {
        self.0.pop().unwrap_or_else(|| Box::new(Frame([0; PAGE])))
    }

    /// Returns a frame with a whole page of a memory.
    pub(super) fn read(&mut self, memory: &impl Memory, number: PageNumber) -> Box<Frame> {
        let Some(mut frame) = self.0.pop() else { return Frame::read(memory, number) };
        memory.read(number.offset(), &mut frame.0);
        frame
    }

    pub(super) fn give(&mut self, frame: Box<Frame>) {
        if self.0.len() < MAX_FRAMES {
            self.0.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(byte: u8) -> Box<Frame> {
        Box::new(Frame([byte; PAGE]))
    }

    #[test]
    fn consecutive_pages_do_not_evict_each_other() {
        let mut cache = Cache::new(64);
        (1..=64)
            .for_each(|number| assert!(cache.put(PageNumber(number), frame(0)).is_none(), "page {number}"));
        assert!(cache.put(PageNumber(65), frame(0)).is_some());
    }

    #[test]
    fn a_cache_keeps_the_last_pages_of_a_set_and_no_more() {
        let mut cache = Cache::new(8);
        for number in 1..=9u32 {
            let dropped = cache.put(PageNumber(number * 2), frame(number as u8));
            assert_eq!(dropped.is_some(), number > 4, "page {number}");
        }
        let kept = (1..=9u32).filter(|number| cache.get(PageNumber(number * 2)).is_some()).count();
        assert_eq!(kept, 4);
        assert_eq!(cache.get(PageNumber(18)).map(|bytes| bytes[7]), Some(9));
        assert!(cache.put(PageNumber(18), frame(77)).is_some(), "the same page is replaced");
        assert_eq!(cache.get(PageNumber(18)).map(|bytes| bytes[7]), Some(77));
        assert!(cache.remove(PageNumber(18)).is_some());
        assert!(cache.get(PageNumber(18)).is_none() && cache.remove(PageNumber(18)).is_none());
        assert!(cache.get(PageNumber(3)).is_none());
    }
}
