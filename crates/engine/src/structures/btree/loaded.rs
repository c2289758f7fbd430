//! A page on the heap: the parts that were read, with pending changes.

use ic_stable_structures::Memory;

use super::node_mut::NodeMut;
use super::page::{Frame, Node, PAGE, PageNumber};
use super::ranges::Ranges;

/// Number of bytes of a page that are read first: the header and the slots of most leaves.
pub(super) const FIRST_READ: usize = 256;

/// A page, or the required parts of it.
pub(super) struct Loaded {
    pub(super) number: PageNumber,
    frame: Box<Frame>,
    /// Number of changes of the header and the slots. A change may move an entry in the page.
    pub(super) version: u32,
    /// Whether the gap between slots and cells contains old bytes of the frame. These do not belong to the
    /// page, and are not part of `changed`.
    has_dirty_gap: bool,
    /// Ranges of the frame that were read or written.
    known: Ranges,
    /// Ranges that are not in memory yet. All of them are known.
    changed: Ranges,
}

impl Loaded {
    /// Reads the first bytes of a page.
    pub(super) fn read(number: PageNumber, mut frame: Box<Frame>, memory: &impl Memory) -> Self {
        memory.read(number.offset(), &mut frame.0[..FIRST_READ]);
        Self {
            number,
            frame,
            version: 0,
            has_dirty_gap: false,
            known: Ranges::one(0, FIRST_READ),
            changed: Ranges::default(),
        }
    }

    /// Creates a page from a frame that contains the whole page.
    pub(super) fn whole(number: PageNumber, frame: Box<Frame>) -> Self {
        Self {
            number,
            frame,
            version: 0,
            has_dirty_gap: false,
            known: Ranges::one(0, PAGE),
            changed: Ranges::default(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8; PAGE] {
        &self.frame.0
    }

    /// Returns the page as a node, whose kind and header are checked.
    pub(super) fn node(&self) -> Node<'_> {
        Node::trusted(&self.frame.0)
    }

    /// Reads the bytes from `start` to `end` that are not known.
    #[inline]
    pub(super) fn know(&mut self, memory: &impl Memory, start: usize, end: usize) {
        if !self.known.contains(start, end) {
            self.fetch(memory, start, end);
        }
    }

    #[inline(never)]
    fn fetch(&mut self, memory: &impl Memory, start: usize, end: usize) {
        let mut known = self.known;
        let (start, end) = if known.insert(start, end).is_ok() { (start, end) } else { (0, PAGE) };
        let (offset, frame) = (self.number.offset(), &mut self.frame.0);
        self.known.gaps(start, end, |from, to| memory.read(offset + from as u64, &mut frame[from..to]));
        self.known = if (start, end) == (0, PAGE) { Ranges::one(0, PAGE) } else { known };
    }

    /// Changes bytes, which the commit writes to memory: `change` must write all bytes from `start` to `end`,
    /// and no others.
    pub(super) fn change(
        &mut self,
        memory: &impl Memory,
        start: usize,
        end: usize,
        change: impl FnOnce(&mut [u8; PAGE]),
    ) {
        self.mark(memory, start, end);
        change(&mut self.frame.0);
    }

    /// Marks bytes that the caller then writes as known and changed.
    fn mark(&mut self, memory: &impl Memory, start: usize, end: usize) {
        let is_noted = self.known.insert(start, end).is_ok() && self.changed.insert(start, end).is_ok();
        if !is_noted {
            self.fetch(memory, 0, PAGE);
            self.clear_gap();
            self.changed = Ranges::one(0, PAGE);
        }
    }

    /// Fills the gap between slots and cells with zeroes if it contains old bytes of the frame, which must
    /// not reach memory.
    fn clear_gap(&mut self) {
        if std::mem::take(&mut self.has_dirty_gap) {
            let (slots_end, lowest) = (self.node().slots_end(), self.node().lowest());
            self.frame.0[slots_end..lowest].fill(0);
        }
    }

    /// Changes the header and the slots, which are known. `end` is the end of the slots before or after the
    /// change, whichever is greater.
    pub(super) fn change_front<R>(
        &mut self,
        memory: &impl Memory,
        end: usize,
        change: impl FnOnce(NodeMut<'_>) -> R,
    ) -> R {
        self.version += 1;
        self.mark(memory, 0, end);
        change(NodeMut(&mut self.frame.0))
    }

    /// Replaces this node with another one, and returns the old frame.
    pub(super) fn replace(&mut self, frame: Box<Frame>) -> Box<Frame> {
        let node = Node::trusted(&frame.0);
        let (slots_end, lowest) = (node.slots_end(), node.lowest());
        self.has_dirty_gap = true;
        let mut changed = Ranges::one(0, slots_end);
        let noted = changed.insert(lowest, PAGE);
        debug_assert!(noted.is_ok(), "a set has space for two ranges");
        self.changed = changed;
        self.known = Ranges::one(0, PAGE);
        self.version += 1;
        std::mem::replace(&mut self.frame, frame)
    }

    /// Replaces the frame with one of arbitrary contents, until [`replace`](Self::replace) sets new contents.
    pub(super) fn take_frame(&mut self, other: Box<Frame>) -> Box<Frame> {
        std::mem::replace(&mut self.frame, other)
    }

    /// Writes the changed bytes.
    pub(super) fn write(&self, memory: &impl Memory) {
        let offset = self.number.offset();
        for (start, end) in self.changed.iter() {
            memory.write(offset + start as u64, &self.frame.0[start..end]);
        }
    }

    /// Returns the frame with the contents of a page that is kept.
    pub(super) fn into_content(mut self) -> Box<Frame> {
        self.clear_gap();
        self.frame
    }

    /// Returns the frame for another use.
    pub(super) fn into_frame(self) -> Box<Frame> {
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use storage_testkit::SparseMemory;

    use super::*;

    const NUMBER: PageNumber = PageNumber(1);

    /// Returns a memory of one page of 64 KiB, whose second page of 4 KiB is empty and has only ones in its gap.
    fn memory() -> SparseMemory {
        let memory = SparseMemory::default();
        memory.grow(1);
        let mut page = [1; PAGE];
        NodeMut(&mut page).clear(super::super::page::LEAF, PageNumber::NONE, PageNumber::NONE);
        memory.write(NUMBER.offset(), &page);
        memory.take_traffic();
        memory
    }

    fn read(memory: &SparseMemory) -> Loaded {
        Loaded::read(NUMBER, Box::new(Frame([0xA5; PAGE])), memory)
    }

    fn set(page: &mut Loaded, memory: &SparseMemory, start: usize, end: usize) {
        page.change(memory, start, end, |bytes| bytes[start..end].fill(7));
    }

    /// Only what was changed is written, each byte once.
    #[test]
    fn changed_bytes_are_written_and_no_others() {
        let memory = memory();
        let mut page = read(&memory);
        for (start, end) in [(300, 310), (1_000, 1_001), (305, 320)] {
            set(&mut page, &memory, start, end);
        }
        assert_eq!(memory.take_traffic().read_bytes, FIRST_READ as u64);
        page.write(&memory);
        let traffic = memory.take_traffic();
        assert_eq!((traffic.writes, traffic.written_bytes), (2, 21));
        let mut bytes = [0; PAGE];
        memory.read(NUMBER.offset(), &mut bytes);
        let changed: Vec<_> = (300..320).chain([1_000]).collect();
        assert!((24..PAGE).all(|i| bytes[i] == if changed.contains(&i) { 7 } else { 1 }));
    }

    /// Changes of more parts than are noted one by one are all written.
    #[test]
    fn many_changes_of_a_page_are_written() {
        let memory = memory();
        let mut page = read(&memory);
        let starts = || (0..20).map(|part| 300 + part * 100);
        starts().for_each(|start| set(&mut page, &memory, start, start + 10));
        page.write(&memory);
        let mut bytes = [0; PAGE];
        memory.read(NUMBER.offset(), &mut bytes);
        let is_changed = |i| starts().any(|start| (start..start + 10).contains(&i));
        assert!((24..PAGE).all(|i| bytes[i] == if is_changed(i) { 7 } else { 1 }));
    }

    /// A frame that was used before has the bytes of another page in its gap. They reach neither the memory nor
    /// the cache.
    #[test]
    fn the_gap_of_a_used_frame_is_not_kept() {
        let used = || {
            let mut frame = Box::new(Frame([0xA5; PAGE]));
            NodeMut(&mut frame.0).clear(super::super::page::LEAF, PageNumber::NONE, PageNumber::NONE);
            frame
        };
        let memory = memory();
        let mut page = read(&memory);
        page.replace(used());
        // More parts than are noted one by one, so that the page is written as a whole.
        (0..20).map(|part| 300 + part * 100).for_each(|start| set(&mut page, &memory, start, start + 10));
        page.write(&memory);
        let mut bytes = [0; PAGE];
        memory.read(NUMBER.offset(), &mut bytes);
        assert!(!bytes.contains(&0xA5), "a gap was written");
        let mut page = read(&memory);
        page.replace(used());
        assert!(!page.into_content().0.contains(&0xA5), "a gap is kept");
    }

    /// A position in a page is found again by its version, so each change that can move an entry has another one.
    #[test]
    fn every_change_of_the_slots_has_another_version() {
        let memory = memory();
        let mut page = read(&memory);
        let mut versions = vec![page.version];
        for _ in 0..2 {
            page.change_front(&memory, 24, |mut node| node.set_prefix_len(0));
            versions.push(page.version);
            page.replace(Box::new(Frame([0; PAGE])));
            versions.push(page.version);
        }
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    }
}
