//! Changing a tree, all or nothing.
//!
//! A change works on pages on the heap and records which bytes differ from memory. Every possible error
//! occurs before [`Change::commit`], which writes each page once.

use std::collections::BTreeSet;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::header::TreeHeader;
use super::loaded::Loaded;
use super::node_mut::NodeMut;
use super::page::{FREE, Frame, INNER, LEAF, Node, PAGE, PageNumber, link};
use super::page_set::PageSet;
use super::tree::Tree;

/// Number of pages of 4,096 bytes in a page of 64 KiB.
const PAGES_PER_WASM_PAGE: u64 = 65_536 / PAGE as u64;

/// Insertions and removals that take effect together.
///
/// Dropping it without a commit changes nothing.
#[must_use = "a change that is not committed changes nothing"]
pub(super) struct Change<'a, M: Memory> {
    pub(super) tree: &'a Tree<M>,
    /// The header as it is in memory.
    pub(super) stored: TreeHeader,
    /// The header after the change.
    pub(super) header: TreeHeader,
    pub(super) pages: PageSet,
    /// Pages that were freed and not allocated again.
    freed: BTreeSet<PageNumber>,
    /// Number of pages that were allocated or freed. If it is not zero, the cache may contain pages that are
    /// no longer inner pages.
    pub(super) shape: u32,
    /// The leaf of the previous search.
    pub(super) last: Option<LastLeaf>,
    /// Whether an error occurred in the middle of the change, so that the pages must not be written.
    pub(super) poisoned: bool,
}

/// A leaf and its position below its parent: the next key of a batch often belongs to the same leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastLeaf {
    pub(super) leaf: usize,
    pub(super) parent: PageNumber,
    pub(super) child: usize,
    /// The position is valid as long as the tree has this shape.
    pub(super) shape: u32,
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

    /// Allocates a free page, or the one after the last.
    pub(super) fn allocate_page(&mut self) -> Result<PageNumber, Error> {
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
    pub(super) fn free_page(&mut self, number: PageNumber) -> Result<(), Error> {
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
        let number = self.allocate_page()?;
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
