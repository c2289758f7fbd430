//! Changes of the header, the slots and the cells of a page.

use super::page::{
    AFTER_AT, BEFORE_AT, COUNT_AT, CellSpan, HEADER, LOWEST_AT, Node, PAGE, PREFIX_AT, PageNumber, SLOT,
    UNUSED_AT, head_of, key_in,
};
use crate::base::bytes::common_prefix;

/// Changes of a page whose header and slots are loaded.
pub(super) struct NodeMut<'a>(pub(super) &'a mut [u8; PAGE]);

impl NodeMut<'_> {
    fn set_u16(&mut self, offset: usize, number: usize) {
        self.0[offset..offset + 2].copy_from_slice(&(number as u16).to_le_bytes());
    }

    fn set_u32(&mut self, offset: usize, number: u32) {
        self.0[offset..offset + 4].copy_from_slice(&number.to_le_bytes());
    }

    pub(super) fn as_node(&self) -> Node<'_> {
        Node::trusted(self.0)
    }

    /// Makes the page an empty one.
    pub(super) fn clear(&mut self, kind: u8, before: PageNumber, after: PageNumber) {
        self.0[..HEADER].fill(0);
        self.0[0] = kind;
        self.set_u16(LOWEST_AT, PAGE);
        self.set_before(before);
        self.set_after(after);
    }

    pub(super) fn set_before(&mut self, page: PageNumber) {
        self.set_u32(BEFORE_AT, page.0);
    }

    pub(super) fn set_after(&mut self, page: PageNumber) {
        self.set_u32(AFTER_AT, page.0);
    }

    pub(super) fn set_prefix_len(&mut self, bytes: usize) {
        self.set_u16(PREFIX_AT, bytes);
    }

    pub(super) fn set_head(&mut self, index: usize, head: u32) {
        self.set_u32(HEADER + index * SLOT, head);
    }

    /// Inserts a slot for a cell of this size, for which there is space, and returns the position of the
    /// cell.
    pub(super) fn insert_slot(&mut self, index: usize, head: u32, bytes: usize) -> CellSpan {
        let node = self.as_node();
        let (count, lowest, end) = (node.len(), node.lowest(), node.slots_end());
        let slot = HEADER + index * SLOT;
        self.0.copy_within(slot..end, slot + SLOT);
        self.set_u16(COUNT_AT, count + 1);
        self.place_cell(index, head, lowest, bytes)
    }

    /// Replaces the cell of an entry with one of another size, for which there is space. The old one becomes
    /// unused.
    pub(super) fn replace_slot(&mut self, index: usize, old: CellSpan, bytes: usize) -> CellSpan {
        self.drop_cell(old);
        let (head, lowest) = (self.as_node().head(index), self.as_node().lowest());
        self.place_cell(index, head, lowest, bytes)
    }

    fn place_cell(&mut self, index: usize, head: u32, lowest: usize, bytes: usize) -> CellSpan {
        let start = lowest - bytes;
        let slot = HEADER + index * SLOT;
        self.set_u32(slot, head);
        self.set_u16(slot + 4, start);
        self.set_u16(slot + 6, bytes);
        self.set_u16(LOWEST_AT, start);
        CellSpan { start, end: lowest }
    }

    /// Shortens the cell of an entry; the rest becomes unused.
    pub(super) fn shorten_cell(&mut self, index: usize, old: CellSpan, bytes: usize) {
        let unused = self.as_node().unused() + (old.end - old.start - bytes);
        self.set_u16(HEADER + index * SLOT + 6, bytes);
        self.set_u16(UNUSED_AT, unused);
    }

    /// Removes the slot of an entry.
    pub(super) fn remove_slot(&mut self, index: usize, cell: CellSpan) {
        let (count, end) = (self.as_node().len(), self.as_node().slots_end());
        let slot = HEADER + index * SLOT;
        self.0.copy_within(slot + SLOT..end, slot);
        self.set_u16(COUNT_AT, count - 1);
        self.drop_cell(cell);
    }

    /// Counts the bytes of a cell as unused, or as free if it is the lowest cell.
    fn drop_cell(&mut self, cell: CellSpan) {
        let node = self.as_node();
        let (lowest, unused) = (node.lowest(), node.unused());
        if cell.start == lowest {
            self.set_u16(LOWEST_AT, cell.end);
        } else {
            self.set_u16(UNUSED_AT, unused + (cell.end - cell.start));
        }
    }

    /// Lays out a page of these cells, in key order, which must fit. The keys share `prefix_len` bytes.
    pub(super) fn fill(
        &mut self,
        kind: u8,
        cells: &[&[u8]],
        before: PageNumber,
        after: PageNumber,
    ) -> Option<()> {
        self.clear(kind, before, after);
        let prefix_len = prefix_len(kind, cells)?;
        self.set_prefix_len(prefix_len);
        let mut lowest = PAGE;
        for (index, cell) in cells.iter().enumerate() {
            let head = head_of(key_in(kind, cell)?, prefix_len);
            let span = self.place_cell(index, head, lowest, cell.len());
            self.0[span.start..span.end].copy_from_slice(cell);
            lowest = span.start;
        }
        self.set_u16(COUNT_AT, cells.len());
        Some(())
    }
}

/// Returns the length of the common prefix of the keys of these cells, which are in key order.
fn prefix_len(kind: u8, cells: &[&[u8]]) -> Option<usize> {
    let [first, .., last] = cells else {
        // A single key needs no prefix; its head consists of its first bytes.
        return Some(0);
    };
    Some(common_prefix(key_in(kind, first)?, key_in(kind, last)?))
}
