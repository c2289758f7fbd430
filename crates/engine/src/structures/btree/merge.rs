//! Pages that are empty or nearly empty.
//!
//! A removal never needs a page and never makes anything longer. Pages merge if their cells fit in one page.
//! A separator is removed or moves down a level, but never replaces another one. A full store can therefore
//! delete.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::{Change, Path};
use super::node_mut::NodeMut;
use super::page::{CAPACITY, INNER, LEAF, PageNumber, SLOT, inner_cell, space_of};

/// A page with fewer bytes is merged with a neighbour.
const FEW_BYTES: usize = CAPACITY / 4;

/// Pages merge to at most this many bytes, so that the next insertion need not split them again.
const MAX_JOINED: usize = CAPACITY / 4 * 3;

impl<M: Memory> Change<'_, M> {
    /// Merges a leaf from which an entry with this key was removed with a neighbour, or frees it if it is
    /// empty.
    pub(super) fn shrink_leaf(&mut self, leaf: usize, key: &[u8]) -> Result<(), Error> {
        let node = self.pages[leaf].node();
        if node.len() > 0 && (node.used() >= FEW_BYTES || self.header.levels == 1) {
            return Ok(());
        }
        let number = self.pages[leaf].number;
        let path = self.path_to(key, number)?;
        if self.pages[leaf].node().len() == 0 {
            return self.drop_leaf(leaf, path);
        }
        let Some((left, right, child)) = self.partner(&path, number, LEAF)? else { return Ok(()) };
        let (left, right) = (self.leaf(left)?, self.leaf(right)?);
        self.tree.know_cells(&mut self.pages[left]);
        self.tree.know_cells(&mut self.pages[right]);
        let (first, second) = (self.pages[left].node(), self.pages[right].node());
        let (before, after) = (first.before(), second.after());
        let (left_number, right_number) = (self.pages[left].number, self.pages[right].number);
        if first.after() != right_number || second.before() != left_number {
            return Err(self.tree.damaged("two adjacent leaves are not linked", left_number.offset()));
        }
        let mut cells = Vec::with_capacity(first.len() + second.len());
        let all = first.all_cells(&mut cells).and_then(|()| second.all_cells(&mut cells));
        all.ok_or_else(|| self.tree.damaged_page(left_number))?;
        let frame = self.filled(LEAF, &cells, before, after)?;
        self.replace_page(left, frame);
        self.set_before(after, left_number)?;
        self.free_page(right_number)?;
        self.remove_child(path, child)
    }

    /// Frees a leaf without entries.
    fn drop_leaf(&mut self, leaf: usize, path: Path) -> Result<(), Error> {
        let node = self.pages[leaf].node();
        let (number, before, after) = (self.pages[leaf].number, node.before(), node.after());
        self.set_after(before, after)?;
        self.set_before(after, before)?;
        self.free_page(number)?;
        match path.last() {
            Some((_, child)) => {
                let child = *child;
                self.remove_child(path, child)
            }
            None => {
                (self.header.root, self.header.levels) = (PageNumber::NONE, 0);
                Ok(())
            }
        }
    }

    /// Returns this page and a neighbour below the last page of a path, if they can merge, and the index of
    /// the second one among the children.
    fn partner(
        &mut self,
        path: &Path,
        page: PageNumber,
        kind: u8,
    ) -> Result<Option<(PageNumber, PageNumber, usize)>, Error> {
        let Some(&(parent, child)) = path.last() else { return Ok(None) };
        let used = self.space_in(page, kind)?;
        let (before, after, between) = self.look(parent, |node| {
            let before = if child > 0 { Some(node.child(child - 1)?) } else { None };
            let after = if child < node.len() { Some(node.child(child + 1)?) } else { None };
            // For inner pages, the separator between the two moves down.
            let space = |index: usize| Some(node.cell(index)?.len() + SLOT);
            let before_space = if child > 0 { space(child - 1)? } else { 0 };
            let after_space = if child < node.len() { space(child)? } else { 0 };
            Some((before, after, (before_space, after_space)))
        })?;
        let between = if kind == INNER { between } else { (0, 0) };
        if before == Some(page) || after == Some(page) {
            return Err(self.tree.damaged("two links point to the same page", page.offset()));
        }
        if let Some(before) = before
            && self.space_in(before, kind)? + used + between.0 <= MAX_JOINED
        {
            return Ok(Some((before, page, child)));
        }
        if let Some(after) = after
            && self.space_in(after, kind)? + used + between.1 <= MAX_JOINED
        {
            return Ok(Some((page, after, child + 1)));
        }
        Ok(None)
    }

    /// Returns the size of the cells of a page and their slots, in bytes.
    fn space_in(&mut self, number: PageNumber, kind: u8) -> Result<usize, Error> {
        if kind == INNER {
            return self.look(number, |node| Some(node.used()));
        }
        let leaf = self.leaf(number)?;
        Ok(self.pages[leaf].node().used())
    }

    /// Removes a child of the last inner page of a path.
    fn remove_child(&mut self, mut path: Path, mut child: usize) -> Result<(), Error> {
        while let Some((number, _)) = path.pop() {
            let position = self.inner(number)?;
            let count = self.pages[position].node().len();
            if count > 0 {
                self.remove_cell(position, child)?;
                return if path.is_empty() { self.lower_root() } else { self.shrink_inner(number, path) };
            }
            // It was the only child, so the page is freed as well.
            self.free_page(number)?;
            match path.last() {
                Some((_, index)) => child = *index,
                None => (self.header.root, self.header.levels) = (PageNumber::NONE, 0),
            }
        }
        Ok(())
    }

    /// Removes a child of an inner page that has others, with the separator beside it.
    fn remove_cell(&mut self, position: usize, child: usize) -> Result<(), Error> {
        let index = child.saturating_sub(1);
        let page = &mut self.pages[position];
        let number = page.number;
        let node = page.node();
        let damaged = || self.tree.damaged_page(number);
        let span = node.cell_span(index).ok_or_else(damaged)?;
        let first = node.child(1).ok_or_else(damaged)?;
        let end = node.slots_end();
        page.change_front(&self.tree.memory, end, |mut node: NodeMut<'_>| {
            if child == 0 {
                node.set_before(first);
            }
            node.remove_slot(index, span);
        });
        Ok(())
    }

    /// Removes roots that have only one child.
    fn lower_root(&mut self) -> Result<(), Error> {
        while self.header.levels > 1 {
            let root = self.header.root;
            let (count, child) = self.look(root, |node| Some((node.len(), node.child(0)?)))?;
            if count > 0 {
                break;
            }
            self.free_page(root)?;
            self.header.root = child;
            self.header.levels -= 1;
        }
        Ok(())
    }

    /// Merges an inner page below a path with a neighbour, if it has become small.
    fn shrink_inner(&mut self, number: PageNumber, path: Path) -> Result<(), Error> {
        if self.look(number, |node| Some(node.used()))? >= FEW_BYTES {
            return Ok(());
        }
        let Some((left, right, child)) = self.partner(&path, number, INNER)? else { return Ok(()) };
        let Some(&(parent, _)) = path.last() else { return Ok(()) };
        let between = self.look(parent, |node| node.inner_key(child - 1).map(<[u8]>::to_vec))?;
        let (left_at, right_at) = (self.inner(left)?, self.inner(right)?);
        let (first, second) = (self.pages[left_at].node(), self.pages[right_at].node());
        let middle = inner_cell(&between, second.before());
        let before = first.before();
        let mut cells = Vec::with_capacity(first.len() + 1 + second.len());
        let gathered = first.all_cells(&mut cells).and_then(|()| {
            cells.push(&middle);
            second.all_cells(&mut cells)
        });
        gathered.ok_or_else(|| self.tree.damaged_page(left))?;
        debug_assert!(space_of(&cells) <= CAPACITY);
        let frame = self.filled(INNER, &cells, before, PageNumber::NONE)?;
        self.replace_page(left_at, frame);
        self.free_page(right)?;
        self.remove_child(path, child)
    }
}
