//! Inner pages on the heap, and frames that are used again.
//!
//! The cache is written through: a page changes in it when it changes in memory, at the commit. On the Internet Computer the
//! heap of a query is thrown away and the heap of a message that traps is rolled back together with stable memory, so
//! what is cached can never be older or newer than what is stored. A cold cache costs instructions and nothing else.

use ic_stable_structures::Memory;

use super::page::{Frame, PAGE, PageNumber};

/// Places that a page can be kept in.
const WAYS: usize = 4;

/// Inner pages by their numbers: four places for each remainder of the number, so that heap and search are bounded.
pub(super) struct Cache {
    sets: Vec<Set>,
    set_count: usize,
}

#[derive(Default)]
struct Set {
    numbers: [PageNumber; WAYS],
    frames: [Option<Box<Frame>>; WAYS],
    /// The place that is given up next.
    next: usize,
}

impl Cache {
    /// A cache of at most this many pages, at least four.
    pub(super) fn new(pages: usize) -> Self {
        Self { sets: Vec::new(), set_count: (pages / WAYS).max(1) }
    }

    fn place(&self, number: PageNumber) -> usize {
        number.0 as usize % self.set_count
    }

    /// The page, if it is kept.
    #[inline]
    pub(super) fn get(&self, number: PageNumber) -> Option<&[u8; PAGE]> {
        let set = self.sets.get(self.place(number))?;
        let way = set.numbers.iter().position(|kept| *kept == number)?;
        set.frames[way].as_ref().map(|frame| &frame.0)
    }

    /// Keeps a page in the place of an older one, whose frame it returns.
    pub(super) fn put(&mut self, number: PageNumber, frame: Box<Frame>) -> Option<Box<Frame>> {
        let place = self.place(number);
        if place >= self.sets.len() {
            // Once and for all, or what is there would be copied whenever it grows.
            self.sets.reserve_exact(self.set_count - self.sets.len());
            self.sets.resize_with(place + 1, Set::default);
        }
        let set = &mut self.sets[place];
        let same = set.numbers.iter().position(|kept| *kept == number);
        let way = same.or_else(|| set.frames.iter().position(Option::is_none)).unwrap_or_else(|| {
            set.next = (set.next + 1) % WAYS;
            set.next
        });
        set.numbers[way] = number;
        set.frames[way].replace(frame)
    }

    /// Forgets a page that is no longer an inner page, and returns its frame.
    pub(super) fn remove(&mut self, number: PageNumber) -> Option<Box<Frame>> {
        let place = self.place(number);
        let set = self.sets.get_mut(place)?;
        let way = set.numbers.iter().position(|kept| *kept == number)?;
        set.numbers[way] = PageNumber::NONE;
        set.frames[way].take()
    }
}

/// Frames that nothing uses, so that one message after another takes the same ones and dirties the same pages of the heap.
#[derive(Default)]
pub(super) struct Frames(Vec<Box<Frame>>);

/// Frames that are kept: as many as a batch of a thousand entries takes. A canister's heap never shrinks, so giving them back would only have
/// them made, and filled with zeroes, again.
const MAX_FRAMES: usize = 1_024 + 64;

impl Frames {
    /// A frame with any content.
    pub(super) fn take(&mut self) -> Box<Frame> {
        self.0.pop().unwrap_or_else(|| Box::new(Frame([0; PAGE])))
    }

    /// A frame with a whole page of a memory.
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
    fn neighbours_do_not_displace_each_other() {
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
