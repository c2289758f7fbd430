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
