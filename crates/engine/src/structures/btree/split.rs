//! Pages that are full: laying them out again, and splitting them.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::{Change, Path};
use super::header::MAX_LEVELS;
use super::node_mut::NodeMut;
use super::page::{
    AFTER_AT, BEFORE_AT, CAPACITY, Frame, INNER, LEAF, Node, PageNumber, SLOT, inner_cell, inner_child,
    key_in, leaf_key, space_of,
};
use crate::base::bytes::separator;

/// The point at which a full page is split.
#[derive(Clone, Copy)]
enum Trend {
    /// The previous insertion was the entry before the new one, so the next one probably follows the new one.
    /// The new entry becomes the last of its page, or the first of the next page if its page is full.
    Ascending(usize),
    /// The same for descending keys.
    Descending(usize),
    /// No trend: each page gets half of the bytes.
    Mixed,
}

impl Trend {
    /// Returns the number of cells for the first of two pages; each page gets at least one. `between` cells
    /// go to neither: 1 if the cell at that index becomes the separator.
    fn divide(self, cells: &[&[u8]], between: usize) -> usize {
        let most = cells.len() - 1 - between;
        let fits = |count: &usize| {
            let range = if between == 0 { 1..=most } else { 0..=most };
            range.contains(count)
                && space_of(&cells[..*count]) <= CAPACITY
                && space_of(&cells[*count + between..]) <= CAPACITY
        };
        let candidates = match self {
            // Where a cell becomes the separator, it is the one before the new one, so that the new one is
            // the first of its page.
            Self::Ascending(index) => [index + 1, index.saturating_sub(between)],
            Self::Descending(index) => [index.saturating_sub(between), index + 1 - between],
            Self::Mixed => [usize::MAX; 2],
        };
        candidates.into_iter().find(fits).unwrap_or_else(|| middle_of(cells).min(most))
    }
}

impl<M: Memory> Change<'_, M> {
    /// Lays out a leaf with one more cell, or with a replaced cell. Splits the leaf if the cells do not fit
    /// in one page.
    pub(super) fn rebuild_leaf(
        &mut self,
        leaf: usize,
        found: Result<usize, usize>,
        cell: &[u8],
        key: &[u8],
    ) -> Result<(), Error> {
        let trend = found.err().map_or(Trend::Mixed, |index| self.trend(leaf, index));
        let node = self.pages[leaf].node();
        let is_too_much = node.used() + cell.len() + SLOT > CAPACITY;
        if is_too_much && matches!(trend, Trend::Ascending(index) if index == node.len()) {
            return self.add_leaf_after(leaf, cell, key);
        }
        self.tree.know_cells(&mut self.pages[leaf]);
        let old = self.take_frame(leaf);
        let rebuilt = self.rebuild_from(&old, leaf, found, cell, key, trend);
        self.tree.frames.borrow_mut().give(old);
        rebuilt
    }

    /// Keeps a full leaf unchanged, and puts an entry that follows all of its entries into a new leaf.
    fn add_leaf_after(&mut self, leaf: usize, cell: &[u8], key: &[u8]) -> Result<(), Error> {
        let (last, after) = (self.pages[leaf].node().len() - 1, self.pages[leaf].node().after());
        let (number, span) = (self.pages[leaf].number, self.tree.know_cell(&mut self.pages[leaf], last)?);
        let damaged = || self.tree.damaged_page(number);
        let last = leaf_key(&self.pages[leaf].bytes()[span.start..span.end]).ok_or_else(damaged)?;
        if last >= key {
            return Err(self.tree.damaged("the keys of a page are not in order", number.offset()));
        }
        let between = separator(last, key);
        let path = self.path_to(key, number)?;
        let new = self.add_page(LEAF, &[cell], number, after)?;
        self.set_after(number, new)?;
        self.set_before(after, new)?;
        self.insert_child(path, between, new)
    }

    /// Lays out a leaf from its old contents with one more or one replaced cell.
    fn rebuild_from(
        &mut self,
        old: &Frame,
        leaf: usize,
        found: Result<usize, usize>,
        cell: &[u8],
        key: &[u8],
        trend: Trend,
    ) -> Result<(), Error> {
        let (number, node) = (self.pages[leaf].number, Node::trusted(&old.0));
        let (before, after) = (node.before(), node.after());
        let mut cells = self.cells_of(old, number)?;
        match found {
            Ok(index) => cells[index] = cell,
            Err(index) => cells.insert(index, cell),
        }
        if space_of(&cells) <= CAPACITY {
            let frame = self.filled(LEAF, &cells, before, after)?;
            self.replace_page(leaf, frame);
            return Ok(());
        }
        let path = self.path_to(key, number)?;
        let (left, right) = cells.split_at(trend.divide(&cells, 0));
        let damaged = || self.tree.damaged_page(number);
        let last = left.last().and_then(|cell| leaf_key(cell)).ok_or_else(damaged)?;
        let first = right.first().and_then(|cell| leaf_key(cell)).ok_or_else(damaged)?;
        if last >= first {
            return Err(self.tree.damaged("the keys of a page are not in order", number.offset()));
        }
        let between = separator(last, first);
        let new = self.add_page(LEAF, right, number, after)?;
        let frame = self.filled(LEAF, left, before, new)?;
        self.replace_page(leaf, frame);
        self.set_before(after, new)?;
        self.insert_child(path, between, new)
    }

    /// Takes the frame of a page that is completely loaded, so that its cells can be borrowed while the page
    /// changes.
    fn take_frame(&mut self, position: usize) -> Box<Frame> {
        let other = self.tree.frame();
        self.pages[position].take_frame(other)
    }

    /// Returns the cells of a frame that was taken.
    fn cells_of<'f>(&self, frame: &'f Frame, number: PageNumber) -> Result<Vec<&'f [u8]>, Error> {
        let node = Node::trusted(&frame.0);
        let mut cells = Vec::with_capacity(node.len() + 1);
        node.all_cells(&mut cells).ok_or_else(|| self.tree.damaged_page(number)).map(|()| cells)
    }

    /// Returns whether an entry at this index continues a run of ascending or descending keys. The lowest
    /// cell is the one that was inserted last, so no other state is needed.
    fn trend(&self, position: usize, index: usize) -> Trend {
        let node = self.pages[position].node();
        let is_lowest = |index| node.cell_span(index).is_some_and(|span| span.start == node.lowest());
        if index.checked_sub(1).is_some_and(is_lowest) {
            Trend::Ascending(index)
        } else if index < node.len() && is_lowest(index) {
            Trend::Descending(index)
        } else {
            Trend::Mixed
        }
    }

    /// Sets the link of a leaf, if there is one, to the previous leaf.
    pub(super) fn set_before(&mut self, leaf: PageNumber, before: PageNumber) -> Result<(), Error> {
        self.link(leaf, BEFORE_AT, |mut node| node.set_before(before))
    }

    /// Sets the link of a leaf, if there is one, to the next leaf.
    pub(super) fn set_after(&mut self, leaf: PageNumber, after: PageNumber) -> Result<(), Error> {
        self.link(leaf, AFTER_AT, |mut node| node.set_after(after))
    }

    /// Changes the four bytes of a link of a leaf, if there is one.
    fn link(&mut self, leaf: PageNumber, offset: usize, set: impl FnOnce(NodeMut<'_>)) -> Result<(), Error> {
        if !leaf.is_none() {
            let leaf = self.leaf(leaf)?;
            self.pages[leaf].change(&self.tree.memory, offset, offset + 4, |frame| set(NodeMut(frame)));
        }
        Ok(())
    }

    /// Returns the inner pages from the root to the leaf of a key, which must be this one.
    pub(super) fn path_to(&mut self, key: &[u8], leaf: PageNumber) -> Result<Path, Error> {
        let mut path = Path::with_capacity(usize::from(self.header.levels));
        let mut number = self.header.root;
        for _ in 1..self.header.levels {
            let (child, next) = self.look(number, |node| {
                let child = node.child_for(key)?;
                Some((child, node.child(child)?))
            })?;
            path.push((number, child));
            number = next;
        }
        if number == leaf {
            Ok(path)
        } else {
            Err(self.tree.damaged("a key does not belong to its leaf", leaf.offset()))
        }
    }

    /// Inserts a separator and its right child into the last inner page of a path.
    fn insert_child(&mut self, mut path: Path, between: &[u8], mut child: PageNumber) -> Result<(), Error> {
        let mut between = between.to_vec();
        while let Some((number, index)) = path.pop() {
            let position = self.inner(number)?;
            let cell = inner_cell(&between, child);
            if self.pages[position].node().gap() >= cell.len() + SLOT {
                return self.insert_cell(position, INNER, index, &between, cell.len(), |target| {
                    target.copy_from_slice(&cell);
                });
            }
            match self.rebuild_inner(position, index, &cell)? {
                None => return Ok(()),
                Some(split) => (between, child) = split,
            }
        }
        self.add_root(&between, child)
    }

    /// Adds a root with two children above the current one.
    fn add_root(&mut self, between: &[u8], child: PageNumber) -> Result<(), Error> {
        if usize::from(self.header.levels) == MAX_LEVELS {
            return Err(self.tree.damaged("it has more levels than the limit", 0));
        }
        let cell = inner_cell(between, child);
        self.header.root = self.add_page(INNER, &[&cell], self.header.root, PageNumber::NONE)?;
        self.header.levels += 1;
        Ok(())
    }

    /// Lays out an inner page with one more cell. If the cells do not fit, splits the page, and returns the
    /// separator and the number of the new page.
    fn rebuild_inner(
        &mut self,
        position: usize,
        index: usize,
        cell: &[u8],
    ) -> Result<Option<(Vec<u8>, PageNumber)>, Error> {
        let trend = self.trend(position, index);
        let old = self.take_frame(position);
        let rebuilt = self.rebuild_inner_from(&old, position, index, cell, trend);
        self.tree.frames.borrow_mut().give(old);
        rebuilt
    }

    fn rebuild_inner_from(
        &mut self,
        old: &Frame,
        position: usize,
        index: usize,
        cell: &[u8],
        trend: Trend,
    ) -> Result<Option<(Vec<u8>, PageNumber)>, Error> {
        let (number, before) = (self.pages[position].number, Node::trusted(&old.0).before());
        let mut cells = self.cells_of(old, number)?;
        cells.insert(index, cell);
        if space_of(&cells) <= CAPACITY {
            let frame = self.filled(INNER, &cells, before, PageNumber::NONE)?;
            self.replace_page(position, frame);
            return Ok(None);
        }
        // One cell becomes the separator, and its child the first one of the new page.
        let middle = trend.divide(&cells, 1);
        let damaged = || self.tree.damaged_page(number);
        let between = key_in(INNER, cells[middle]).ok_or_else(damaged)?.to_vec();
        let first = inner_child(cells[middle]).ok_or_else(damaged)?;
        let new = self.add_page(INNER, &cells[middle + 1..], first, PageNumber::NONE)?;
        let frame = self.filled(INNER, &cells[..middle], before, PageNumber::NONE)?;
        self.replace_page(position, frame);
        Ok(Some((between, new)))
    }
}

/// Returns the number of cells for the first of two pages so that both have a similar size. Each gets at
/// least one.
fn middle_of(cells: &[&[u8]]) -> usize {
    let total = space_of(cells);
    let (mut count, mut before) = (0, 0);
    // The cell at the middle goes to the smaller page.
    for cell in cells {
        let space = cell.len() + SLOT;
        if 2 * before + space > total {
            break;
        }
        before += space;
        count += 1;
    }
    count.clamp(1, cells.len() - 1)
}
