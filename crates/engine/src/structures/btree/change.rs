//! Changing a tree, all or nothing.
//!
//! A change works on pages on the heap and records which bytes differ from memory. Every possible error
//! occurs before [`Change::commit`], which writes each page once.

use std::collections::BTreeSet;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::header::TreeHeader;
use super::loaded::Loaded;
use super::page::{
    CellSpan, FREE, Frame, INNER, LEAF, LINK, LONG, LONG_CONTENT, MAX_KEY, MAX_LOCAL_VALUE, NewValue, Node,
    NodeMut, PAGE, PageNumber, SLOT, Value, head_of, key_in, leaf_cell_len, leaf_key, leaf_value, link,
    read_link, write_leaf_cell,
};
use super::page_set::PageSet;
use super::tree::Tree;
use crate::base::bytes::{common_prefix, compare};

/// Number of pages of 4,096 bytes in a page of 64 KiB.
const PAGES_PER_WASM_PAGE: u64 = 65_536 / PAGE as u64;

/// Insertions and removals that take effect together.
///
/// Dropping it without a commit changes nothing.
#[must_use = "a change that is not committed changes nothing"]
pub(super) struct Change<'a, M: Memory> {
    pub(super) tree: &'a Tree<M>,
    /// The header as it is in memory.
    stored: TreeHeader,
    /// The header after the change.
    pub(super) header: TreeHeader,
    pub(super) pages: PageSet,
    /// Pages that were freed and not allocated again.
    freed: BTreeSet<PageNumber>,
    /// Number of pages that were allocated or freed. If it is not zero, the cache may contain pages that are
    /// no longer inner pages.
    shape: u32,
    /// The leaf of the previous search.
    last: Option<LastLeaf>,
    /// Whether an error occurred in the middle of the change, so that the pages must not be written.
    poisoned: bool,
}

/// Position of a key, or its insertion point: a leaf among the pages of a change, and the index in it.
#[derive(Clone, Copy, Debug)]
struct Position {
    leaf: usize,
    found: Result<usize, usize>,
}

/// Result of the search for a key in a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    /// `None` in an empty tree.
    position: Option<Position>,
    /// Version of the leaf for which the position is valid.
    version: u32,
}

/// A leaf and its position below its parent: the next key of a batch often belongs to the same leaf.
#[derive(Clone, Copy, Debug)]
struct LastLeaf {
    leaf: usize,
    parent: PageNumber,
    child: usize,
    /// The position is valid as long as the tree has this shape.
    shape: u32,
}

/// Returns the length of the common prefix of the separators on both sides of a child, or 0 if there is only
/// one.
fn common_around(node: Node<'_>, child: usize) -> Option<usize> {
    match child.checked_sub(1) {
        Some(left) if child < node.len() => {
            Some(common_prefix(node.inner_key(left)?, node.inner_key(child)?))
        }
        _ => Some(0),
    }
}

/// Returns the whole pages of 64 KiB that a tree does not use in a memory of `memory_pages` pages, after
/// `freed` of its pages are freed.
pub(super) fn unused_pages(header: &TreeHeader, memory_pages: u64, freed: u64) -> u64 {
    let free = memory_pages * PAGES_PER_WASM_PAGE + u64::from(header.free_count) + freed;
    free.saturating_sub(u64::from(header.pages)) / PAGES_PER_WASM_PAGE
}

/// The inner pages from the root to a leaf, each with the index of the next child.
pub(super) type Path = Vec<(PageNumber, usize)>;

impl<'a, M: Memory> Change<'a, M> {
    pub(super) fn new(tree: &'a Tree<M>) -> Self {
        let stored = tree.header.get();
        Self {
            tree,
            stored,
            header: stored,
            pages: tree.pages.take(),
            freed: BTreeSet::new(),
            shape: 0,
            last: None,
            poisoned: false,
        }
    }

    /// Finds a key.
    pub(super) fn locate(&mut self, key: &[u8]) -> Result<Located, Error> {
        let position = self.find(key)?;
        Ok(self.located(position))
    }

    /// Finds the first key that is not less than a bound. Returns `None` if there is none.
    pub(super) fn locate_from(&mut self, bound: &[u8]) -> Result<Option<Located>, Error> {
        let Some(Position { leaf, found }) = self.find(bound)? else { return Ok(None) };
        let (Ok(index) | Err(index)) = found;
        let node = self.pages[leaf].node();
        let (leaf, index) = match node.after() {
            _ if index < node.len() => (leaf, index),
            PageNumber::NONE => return Ok(None),
            after => (self.leaf(after)?, 0),
        };
        // Every leaf has at least one entry.
        if self.pages[leaf].node().len() == 0 {
            return Err(self.tree.damaged_page(self.pages[leaf].number));
        }
        Ok(Some(self.located(Some(Position { leaf, found: Ok(index) }))))
    }

    fn located(&self, position: Option<Position>) -> Located {
        Located { position, version: position.map_or(0, |Position { leaf, .. }| self.pages[leaf].version) }
    }

    /// Returns the position of a key that was located before, possibly before other changes. An entry leaves
    /// its leaf only by a change of the leaf.
    fn position(&mut self, located: Located, key: &[u8]) -> Result<Option<Position>, Error> {
        let is_good = match located.position {
            Some(Position { leaf, .. }) => self.pages[leaf].version == located.version,
            None => self.header.root.is_none(),
        };
        if is_good { Ok(located.position) } else { self.find(key) }
    }

    fn find(&mut self, key: &[u8]) -> Result<Option<Position>, Error> {
        if self.header.root.is_none() {
            return Ok(None);
        }
        let leaf = match self.last_leaf(key)? {
            Some(leaf) => leaf,
            None => self.descend(key)?,
        };
        let found = match self.tree.find_equal(&mut self.pages[leaf], key)? {
            (Err(index), false) if !self.have_all_prefix(leaf)? => {
                self.tree.place_by_prefix(&mut self.pages[leaf], key, index)?
            }
            (found, _) => found,
        };
        Ok(Some(Position { leaf, found }))
    }

    /// Returns whether every key of the leaf that was found last has the page's prefix. The separators on
    /// both sides decide this without reading a key.
    fn have_all_prefix(&self, leaf: usize) -> Result<bool, Error> {
        let Some(LastLeaf { parent, child, .. }) = self.last else { return Ok(false) };
        let prefix_len = self.pages[leaf].node().prefix_len();
        Ok(prefix_len == 0 || self.look(parent, |node| common_around(node, child))? >= prefix_len)
    }

    /// Returns the leaf of a key, searching from the root.
    fn descend(&mut self, key: &[u8]) -> Result<usize, Error> {
        let (mut number, mut last) = (self.header.root, None);
        for _ in 1..self.header.levels {
            let parent = number;
            let child;
            (child, number) = self.look(parent, |node| {
                let child = node.child_for(key)?;
                Some((child, node.child(child)?))
            })?;
            last = Some((parent, child));
        }
        let leaf = self.leaf(number)?;
        self.last = last.map(|(parent, child)| LastLeaf { leaf, parent, child, shape: self.shape });
        Ok(leaf)
    }

    /// Returns the leaf of the previous search, if it certainly contains the key: if the key is between the
    /// separators on both sides, or after the left one of the last leaf.
    fn last_leaf(&self, key: &[u8]) -> Result<Option<usize>, Error> {
        let Some(LastLeaf { leaf, parent, child, .. }) = self.last.filter(|last| last.shape == self.shape)
        else {
            return Ok(None);
        };
        let is_last = self.pages[leaf].node().after().is_none();
        let belongs = self.look(parent, |node| {
            let (Some(left), right) = (child.checked_sub(1), child) else { return Some(false) };
            Some(match right < node.len() {
                true => {
                    compare(node.inner_key(right)?, key).is_gt()
                        && compare(node.inner_key(left)?, key).is_le()
                }
                false => is_last && compare(node.inner_key(left)?, key).is_le(),
            })
        })?;
        Ok(belongs.then_some(leaf))
    }

    /// Calls `f` with the value of a located key, if it exists. Nothing may have changed since.
    pub(super) fn value_at<R>(
        &mut self,
        located: Located,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        match located.position {
            Some(Position { found: Ok(_), .. }) => self.entry_at(located, |_, value| f(value)).map(Some),
            _ => Ok(None),
        }
    }

    /// Calls `f` with the key and the value of a located entry. Nothing may have changed since.
    pub(super) fn entry_at<R>(
        &mut self,
        located: Located,
        f: impl FnOnce(&[u8], &[u8]) -> R,
    ) -> Result<R, Error> {
        let Some(Position { leaf, found: Ok(index) }) = located.position else {
            return Err(self.tree.damaged("an entry is missing", 0));
        };
        debug_assert_eq!(located.version, self.pages[leaf].version, "the leaf has changed since");
        let span = self.tree.know_cell(&mut self.pages[leaf], index)?;
        let page = &self.pages[leaf];
        let cell = &page.bytes()[span.start..span.end];
        let damaged = || self.tree.damaged_page(page.number);
        let key = leaf_key(cell).ok_or_else(damaged)?;
        match leaf_value(cell).ok_or_else(damaged)? {
            Value::Local(value) => Ok(f(key, value)),
            Value::Long { length, first } => Ok(f(key, &self.read_long(length, first)?)),
        }
    }

    /// Reads an inner page in the state of this change.
    pub(super) fn look<R>(
        &self,
        number: PageNumber,
        look: impl FnOnce(Node<'_>) -> Option<R>,
    ) -> Result<R, Error> {
        match self.pages.position(number) {
            Some(position) => {
                let page = &self.pages[position];
                let node = Node::of(page.bytes(), INNER).ok_or_else(|| self.tree.damaged_page(number))?;
                look(node).ok_or_else(|| self.tree.damaged_page(number))
            }
            None => self.tree.with_inner(number, look),
        }
    }

    /// Returns the index of a leaf among the pages of the change.
    pub(super) fn leaf(&mut self, number: PageNumber) -> Result<usize, Error> {
        if let Some(position) = self.pages.position(number) {
            let is_leaf = Node::of(self.pages[position].bytes(), LEAF).is_some();
            return if is_leaf { Ok(position) } else { Err(self.tree.damaged_page(number)) };
        }
        let page = self.tree.load_leaf(number)?;
        Ok(self.pages.add(page))
    }

    /// Returns the index of an inner page among the pages of the change.
    pub(super) fn inner(&mut self, number: PageNumber) -> Result<usize, Error> {
        if let Some(position) = self.pages.position(number) {
            return Ok(position);
        }
        // Moves the page out of the cache, which must not change before the commit. A dropped change leaves
        // the cache colder.
        let kept = self.tree.cache.borrow_mut().remove(number);
        let frame = match kept {
            Some(frame) => frame,
            None => self.tree.read_inner(number)?,
        };
        Ok(self.pages.add(Loaded::whole(number, frame)))
    }

    /// Returns the value in the cell of an entry of a leaf, and the position of the cell.
    fn cell_at(&mut self, leaf: usize, index: usize) -> Result<(CellSpan, Value<'_>), Error> {
        let page = &mut self.pages[leaf];
        let span = self.tree.know_cell(page, index)?;
        let number = page.number;
        let value = leaf_value(&page.bytes()[span.start..span.end]);
        Ok((span, value.ok_or_else(|| self.tree.damaged_page(number))?))
    }

    /// Inserts a value, given in two parts, under a located key, replacing an existing value. After an error,
    /// the change cannot be committed.
    pub(super) fn insert_at(
        &mut self,
        located: Located,
        key: &[u8],
        (start, end): (&[u8], &[u8]),
    ) -> Result<(), Error> {
        debug_assert!(key.len() <= MAX_KEY);
        let position = self.position(located, key)?;
        let inserted = self.try_insert(position, key, start, end);
        self.poisoned |= inserted.is_err();
        inserted
    }

    fn try_insert(
        &mut self,
        position: Option<Position>,
        key: &[u8],
        start: &[u8],
        end: &[u8],
    ) -> Result<(), Error> {
        if let Some(Position { leaf, found: Ok(index) }) = position {
            self.free_long_at(leaf, index)?;
        }
        let value = if start.len() + end.len() <= MAX_LOCAL_VALUE {
            NewValue::Local(start, end)
        } else {
            self.store_long(&[start, end].concat())?
        };
        match position {
            None => self.plant(key, value),
            Some(Position { leaf, found: Ok(index) }) => self.replace(leaf, index, key, value),
            Some(Position { leaf, found: Err(index) }) => {
                self.header.entries = self.header.entries.saturating_add(1);
                let bytes = leaf_cell_len(key, value);
                if self.pages[leaf].node().gap() >= bytes + SLOT {
                    self.insert_cell(leaf, LEAF, index, key, bytes, |cell| write_leaf_cell(cell, key, value))
                } else {
                    let mut cell = vec![0; bytes];
                    write_leaf_cell(&mut cell, key, value);
                    self.rebuild_leaf(leaf, Err(index), &cell, key)
                }
            }
        }
    }

    /// Creates the first leaf, with one entry.
    fn plant(&mut self, key: &[u8], value: NewValue<'_>) -> Result<(), Error> {
        let mut cell = vec![0; leaf_cell_len(key, value)];
        write_leaf_cell(&mut cell, key, value);
        self.header.root = self.add_page(LEAF, &[&cell], PageNumber::NONE, PageNumber::NONE)?;
        (self.header.levels, self.header.entries) = (1, 1);
        Ok(())
    }

    /// Replaces the value of an existing entry.
    fn replace(&mut self, leaf: usize, index: usize, key: &[u8], value: NewValue<'_>) -> Result<(), Error> {
        let (memory, bytes) = (&self.tree.memory, leaf_cell_len(key, value));
        let page = &mut self.pages[leaf];
        let old = self.tree.know_cell(page, index)?;
        let old_bytes = old.end - old.start;
        let span = if bytes <= old_bytes {
            if bytes < old_bytes {
                let end = page.node().slots_end();
                page.change_front(memory, end, |mut node| node.shorten_cell(index, old, bytes));
            }
            CellSpan { start: old.start, end: old.start + bytes }
        } else if page.node().gap() >= bytes {
            let end = page.node().slots_end();
            page.change_front(memory, end, |mut node| node.replace_slot(index, old, bytes))
        } else {
            let mut cell = vec![0; bytes];
            write_leaf_cell(&mut cell, key, value);
            return self.rebuild_leaf(leaf, Ok(index), &cell, key);
        };
        page.change(memory, span.start, span.end, |frame| {
            write_leaf_cell(&mut frame[span.start..span.end], key, value);
        });
        Ok(())
    }

    /// Inserts an entry into a page that has space for its cell of `bytes` bytes. `write` writes the cell.
    pub(super) fn insert_cell(
        &mut self,
        position: usize,
        kind: u8,
        index: usize,
        key: &[u8],
        bytes: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), Error> {
        let count = self.pages[position].node().len();
        // A key between two keys of the page has their common prefix.
        if index == 0 || index == count {
            self.fit_prefix(position, kind, key)?;
        }
        let memory = &self.tree.memory;
        let page = &mut self.pages[position];
        let (head, end) = (head_of(key, page.node().prefix_len()), page.node().slots_end() + SLOT);
        let span = page.change_front(memory, end, |mut node| node.insert_slot(index, head, bytes));
        page.change(memory, span.start, span.end, |frame| write(&mut frame[span.start..span.end]));
        Ok(())
    }

    /// Shortens or lengthens the common prefix of a page so that another key also has it.
    fn fit_prefix(&mut self, position: usize, kind: u8, key: &[u8]) -> Result<(), Error> {
        let page = &mut self.pages[position];
        let (count, prefix_len) = (page.node().len(), page.node().prefix_len());
        if count == 0 {
            return Ok(());
        }
        let span = self.tree.know_cell(page, 0)?;
        let number = page.number;
        let damaged = || self.tree.damaged_page(number);
        let first = key_in(kind, &page.bytes()[span.start..span.end]).ok_or_else(damaged)?;
        let common = common_prefix(first, key);
        // With a single entry, any prefix is common.
        if common == prefix_len || (common > prefix_len && count > 1) {
            return Ok(());
        }
        self.tree.know_cells(page);
        let node = page.node();
        let heads: Option<Vec<_>> =
            (0..count).map(|index| Some(head_of(key_in(kind, node.cell(index)?)?, common))).collect();
        let (heads, end) = (heads.ok_or_else(damaged)?, node.slots_end());
        page.change_front(&self.tree.memory, end, |mut node: NodeMut<'_>| {
            node.set_prefix_len(common);
            heads.into_iter().enumerate().for_each(|(index, head)| node.set_head(index, head));
        });
        Ok(())
    }

    /// Removes the entry of a located key, and returns whether there was one. After an error, the change
    /// cannot be committed.
    pub(super) fn remove_at(&mut self, located: Located, key: &[u8]) -> Result<bool, Error> {
        let position = self.position(located, key)?;
        let Some(Position { leaf, found: Ok(index) }) = position else { return Ok(false) };
        let removed = self.try_remove(leaf, index, key);
        self.poisoned |= removed.is_err();
        removed.map(|()| true)
    }

    fn try_remove(&mut self, leaf: usize, index: usize, key: &[u8]) -> Result<(), Error> {
        self.free_long_at(leaf, index)?;
        let counted = self.header.entries.checked_sub(1);
        self.header.entries =
            counted.ok_or_else(|| self.tree.damaged("it has entries, but its header counts none", 0))?;
        let page = &mut self.pages[leaf];
        let span = self.tree.know_cell(page, index)?;
        let end = page.node().slots_end();
        page.change_front(&self.tree.memory, end, |mut node| node.remove_slot(index, span));
        self.shrink_leaf(leaf, key)
    }

    /// Frees the pages of the value of an entry, if it is long.
    fn free_long_at(&mut self, leaf: usize, index: usize) -> Result<(), Error> {
        let (_, Value::Long { length, first }) = self.cell_at(leaf, index)? else { return Ok(()) };
        self.tree.check_long(length, self.header.pages, first)?;
        let mut next = first;
        for _ in 0..length.div_ceil(LONG_CONTENT) {
            let number = next;
            next = self.next_in_chain(LONG, number)?;
            self.free(number)?;
        }
        Ok(())
    }

    /// Stores a value that is too long for a leaf in separate pages.
    fn store_long<'v>(&mut self, value: &[u8]) -> Result<NewValue<'v>, Error> {
        let mut next = PageNumber::NONE;
        // From the last page to the first, so that each links to the next one.
        for part in value.chunks(LONG_CONTENT).rev() {
            let number = self.take()?;
            let mut page = Loaded::whole(number, self.tree.frame());
            page.change(&self.tree.memory, 0, LINK + part.len(), |frame| {
                frame[..LINK].copy_from_slice(&link(LONG, next));
                frame[LINK..LINK + part.len()].copy_from_slice(part);
            });
            self.pages.add(page);
            next = number;
        }
        Ok(NewValue::Long { length: value.len(), first: next })
    }

    /// Returns the bytes of a long value, which this change may have written.
    fn read_long(&self, length: usize, first: PageNumber) -> Result<Vec<u8>, Error> {
        self.tree.check_long(length, self.header.pages, first)?;
        let mut bytes = vec![0; length];
        let mut next = first;
        for part in bytes.chunks_mut(LONG_CONTENT) {
            let number = next;
            next = self.next_in_chain(LONG, number)?;
            match self.pages.position(number) {
                Some(position) => {
                    part.copy_from_slice(&self.pages[position].bytes()[LINK..LINK + part.len()]);
                }
                None => self.tree.memory.read(number.offset() + LINK as u64, part),
            }
        }
        Ok(bytes)
    }

    fn next_in_chain(&self, kind: u8, number: PageNumber) -> Result<PageNumber, Error> {
        let Some(position) = self.pages.position(number) else {
            return self.tree.next_in_chain(kind, number, self.stored.pages);
        };
        let start = self.pages[position].bytes().first_chunk().expect("a page has more bytes than a link");
        read_link(kind, start).ok_or_else(|| self.tree.damaged_page(number))
    }

    /// Allocates a free page, or the one after the last.
    pub(super) fn take(&mut self) -> Result<PageNumber, Error> {
        self.shape += 1;
        if let Some(number) = self.freed.pop_first() {
            return Ok(number);
        }
        let number = self.header.free;
        if !number.is_none() {
            let next = self.tree.next_in_chain(FREE, number, self.stored.pages)?;
            let counted = self.header.free_count.checked_sub(1).filter(|left| (*left == 0) == next.is_none());
            let damaged = || self.tree.damaged("the list of free pages does not have the counted length", 0);
            self.header.free_count = counted.ok_or_else(damaged)?;
            self.header.free = next;
            return Ok(number);
        }
        let number = PageNumber(self.header.pages);
        let pages = self.header.pages.checked_add(1);
        self.header.pages = pages.ok_or(Error::OutOfMemory { requested: PAGE as u64, available: 0 })?;
        Ok(number)
    }

    /// Frees a page.
    pub(super) fn free(&mut self, number: PageNumber) -> Result<(), Error> {
        self.shape += 1;
        self.pages.remove(number);
        if self.freed.insert(number) {
            Ok(())
        } else {
            Err(self.tree.damaged("two links point to the same page", number.offset()))
        }
    }

    /// Adds a page with these cells, which must fit, and returns its number.
    pub(super) fn add_page(
        &mut self,
        kind: u8,
        cells: &[&[u8]],
        before: PageNumber,
        after: PageNumber,
    ) -> Result<PageNumber, Error> {
        let frame = self.filled(kind, cells, before, after)?;
        self.add_frame(frame)
    }

    /// Adds a page with these contents, and returns its number.
    pub(super) fn add_frame(&mut self, frame: Box<Frame>) -> Result<PageNumber, Error> {
        let number = self.take()?;
        let mut page = Loaded::whole(number, self.tree.frame());
        self.tree.frames.borrow_mut().give(page.replace(frame));
        self.pages.add(page);
        Ok(number)
    }

    /// Returns a frame with a page of these cells.
    pub(super) fn filled(
        &self,
        kind: u8,
        cells: &[&[u8]],
        before: PageNumber,
        after: PageNumber,
    ) -> Result<Box<Frame>, Error> {
        let mut frame = self.tree.frame();
        let filled = NodeMut(&mut frame.0).fill(kind, cells, before, after);
        filled.ok_or_else(|| self.tree.damaged("a cell is corrupt", 0))?;
        Ok(frame)
    }

    /// Replaces the contents of a page.
    pub(super) fn replace_page(&mut self, position: usize, frame: Box<Frame>) {
        let old = self.pages[position].replace(frame);
        self.tree.frames.borrow_mut().give(old);
    }

    /// Returns the number of pages of 64 KiB by which the commit grows the memory.
    pub(super) fn pages_to_grow(&self) -> u64 {
        let size = self.tree.memory.size();
        if self.header.pages == 1 {
            return 0;
        }
        let needed = u64::from(self.header.pages).div_ceil(PAGES_PER_WASM_PAGE);
        if needed <= size { 0 } else { needed.next_multiple_of(self.tree.options.growth_pages) - size }
    }

    /// Returns the number of unused pages of 64 KiB of the memory after the commit.
    pub(super) fn unused_pages(&self) -> u64 {
        unused_pages(&self.header, self.tree.memory.size() + self.pages_to_grow(), self.freed.len() as u64)
    }

    /// Returns whether the commit changes the header.
    pub(super) fn changes_header(&self) -> bool {
        self.header != self.stored || !self.freed.is_empty()
    }

    /// Writes the changes. The header is changed on the heap; the caller writes it to memory.
    ///
    /// # Panics
    ///
    /// Panics if the memory cannot grow by [`pages_to_grow`](Self::pages_to_grow), which the caller has
    /// reserved; if an insertion or a removal returned an error; or if another change was committed since
    /// this one began.
    pub(super) fn commit(&mut self) {
        let tree = self.tree;
        assert!(!self.poisoned, "a change that met an error was committed");
        assert_eq!(self.stored, tree.header.get(), "two changes of a tree overlap");
        let pages = self.pages_to_grow();
        if pages > 0 {
            let grown = tree.memory.grow(pages);
            assert!(grown >= 0, "the memory of a tree refused {pages} pages that had been reserved");
        }
        self.pages.iter().for_each(|page| page.write(&tree.memory));
        let mut header = self.header;
        let (mut cache, mut frames) = (tree.cache.borrow_mut(), tree.frames.borrow_mut());
        for number in std::mem::take(&mut self.freed).into_iter().rev() {
            tree.memory.write(number.offset(), &link(FREE, header.free));
            header.free = number;
            header.free_count += 1;
            cache.remove(number).into_iter().for_each(|frame| frames.give(frame));
        }
        for page in self.pages.drain() {
            let number = page.number;
            let unused = if !number.is_none() && page.bytes()[0] == INNER {
                cache.put(number, page.into_content())
            } else {
                if self.shape > 0 && !number.is_none() {
                    cache.remove(number).into_iter().for_each(|frame| frames.give(frame));
                }
                Some(page.into_frame())
            };
            unused.into_iter().for_each(|frame| frames.give(frame));
        }
        tree.header.set(header);
        tree.pages.set(std::mem::take(&mut self.pages).for_reuse());
    }
}
