//! The tree in memory: opening it, and searching it.

use std::cell::{Cell, RefCell};

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::cache::{Cache, Frames};
use super::header::{HEADER_BYTES, TreeHeader};
use super::loaded::Loaded;
use super::page::{
    CellSpan, Frame, INNER, LEAF, LINK, LONG, LONG_CONTENT, Node, PAGE, PageNumber, Value, leaf_key,
    leaf_value, read_link,
};
use super::page_set::PageSet;
use crate::base::bytes::compare;
use crate::base::open::OpenError;

/// Number of bytes of a WebAssembly page, by which a memory grows.
const WASM_PAGE: u64 = 65_536;

/// Use of memory and heap by a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Name of the tree in errors.
    pub(crate) name: &'static str,
    /// The memory grows by multiples of this many pages of 64 KiB.
    pub(crate) growth_pages: u64,
    /// Number of inner pages of 4,096 bytes that are cached on the heap.
    pub(crate) cached_pages: usize,
}

/// A B+ tree in a separate memory.
pub(super) struct Tree<M: Memory> {
    pub(super) memory: M,
    /// Location of the header, if it is not at the start of the tree's memory.
    home: Option<(M, u64)>,
    pub(super) options: Options,
    /// The header after the last commit.
    pub(super) header: Cell<TreeHeader>,
    pub(super) cache: RefCell<Cache>,
    pub(super) frames: RefCell<Frames>,
    /// Allocation that the next change reuses for its pages.
    pub(super) pages: Cell<PageSet>,
}

impl<M: Memory> Tree<M> {
    /// Opens the tree in a memory. Its header is at the start of the memory, or at an offset of another
    /// memory. An empty memory is an empty tree.
    pub(super) fn open(memory: M, home: Option<(M, u64)>, options: Options) -> Result<Self, OpenError> {
        let bytes = memory.size().saturating_mul(WASM_PAGE);
        let mut encoded = [0; HEADER_BYTES];
        match &home {
            Some((home, offset)) => home.read(*offset, &mut encoded),
            None if bytes > 0 => memory.read(0, &mut encoded),
            None => {}
        }
        let header = if bytes == 0 && encoded == [0; HEADER_BYTES] {
            TreeHeader::NEW
        } else {
            let offset = home.as_ref().map_or(0, |(_, offset)| *offset);
            let what = || format!("the {} does not have a valid header of a tree", options.name);
            TreeHeader::decode(&encoded, bytes).ok_or_else(|| OpenError::damaged(what(), offset))?
        };
        Ok(Self {
            memory,
            home,
            options,
            header: Cell::new(header),
            cache: RefCell::new(Cache::new(options.cached_pages)),
            frames: RefCell::default(),
            pages: Cell::default(),
        })
    }

    /// Writes the header.
    pub(super) fn write_header(&self) {
        let header = self.header.get().encode();
        match &self.home {
            Some((home, offset)) => home.write(*offset, &header),
            None => self.memory.write(0, &header),
        }
    }

    /// Returns an error at an offset of the memory.
    #[cold]
    pub(super) fn damaged(&self, what: &str, offset: u64) -> Error {
        Error::corrupted(format!("{}: {what}", self.options.name), offset)
    }

    /// Returns an error in a page.
    #[cold]
    pub(super) fn damaged_page(&self, page: PageNumber) -> Error {
        self.damaged("a page is corrupt", page.offset())
    }

    /// Refuses a page number that is out of range.
    pub(super) fn check_number(&self, number: PageNumber, pages: u32) -> Result<(), Error> {
        if !number.is_none() && number.0 < pages {
            Ok(())
        } else {
            Err(self.damaged("a link points to a page outside the tree", number.offset()))
        }
    }

    /// Returns a frame with arbitrary contents.
    pub(super) fn frame(&self) -> Box<Frame> {
        self.frames.borrow_mut().take()
    }

    /// Keeps the frame of a page that is no longer needed for reuse.
    pub(super) fn recycle(&self, page: Loaded) {
        self.frames.borrow_mut().give(page.into_frame());
    }

    /// Passes an inner page to `look`, and caches it. `look` returns `None` for corruption.
    pub(super) fn with_inner<R>(
        &self,
        number: PageNumber,
        look: impl FnOnce(Node<'_>) -> Option<R>,
    ) -> Result<R, Error> {
        if let Some(bytes) = self.cache.borrow().get(number) {
            return look(Node::trusted(bytes)).ok_or_else(|| self.damaged_page(number));
        }
        self.keep_inner(number)?;
        let cache = self.cache.borrow();
        let bytes = cache.get(number).expect("the page was cached just before");
        look(Node::trusted(bytes)).ok_or_else(|| self.damaged_page(number))
    }

    /// Reads an inner page into the cache.
    #[inline(never)]
    pub(super) fn keep_inner(&self, number: PageNumber) -> Result<(), Error> {
        let frame = self.read_inner(number)?;
        if let Some(old) = self.cache.borrow_mut().put(number, frame) {
            self.frames.borrow_mut().give(old);
        }
        Ok(())
    }

    /// Reads an inner page.
    pub(super) fn read_inner(&self, number: PageNumber) -> Result<Box<Frame>, Error> {
        self.check_number(number, self.header.get().pages)?;
        let frame = self.frames.borrow_mut().read(&self.memory, number);
        match Node::of(&frame.0, INNER) {
            Some(_) => Ok(frame),
            None => Err(self.damaged_page(number)),
        }
    }

    /// Reads the header and the slots of a leaf.
    pub(super) fn load_leaf(&self, number: PageNumber) -> Result<Loaded, Error> {
        self.check_number(number, self.header.get().pages)?;
        let mut page = Loaded::read(number, self.frame(), &self.memory);
        let Some(node) = Node::of(page.bytes(), LEAF) else { return Err(self.damaged_page(number)) };
        let slots_end = node.slots_end();
        page.know(&self.memory, 0, slots_end);
        Ok(page)
    }

    /// Reads the cell of an entry of a leaf, and returns its position.
    #[inline]
    pub(super) fn know_cell(&self, page: &mut Loaded, index: usize) -> Result<CellSpan, Error> {
        let span = page.node().cell_span(index).ok_or_else(|| self.damaged_page(page.number))?;
        page.know(&self.memory, span.start, span.end);
        Ok(span)
    }

    /// Reads all cells of a leaf.
    pub(super) fn know_cells(&self, page: &mut Loaded) {
        let lowest = page.node().lowest();
        page.know(&self.memory, lowest, PAGE);
    }

    /// Returns the key of an entry of a leaf.
    #[inline]
    pub(super) fn key<'p>(&self, page: &'p mut Loaded, index: usize) -> Result<&'p [u8], Error> {
        let span = self.know_cell(page, index)?;
        let number = page.number;
        leaf_key(&page.bytes()[span.start..span.end]).ok_or_else(|| self.damaged_page(number))
    }

    /// Returns the index of a key in a leaf, or `Err` with its insertion point.
    pub(super) fn find(&self, page: &mut Loaded, key: &[u8]) -> Result<Result<usize, usize>, Error> {
        match self.find_equal(page, key)? {
            (Err(index), false) => self.place_by_prefix(page, key, index),
            (found, _) => Ok(found),
        }
    }

    /// Returns the insertion point of a key that is not in a leaf. It is `index` if the key has the common
    /// prefix.
    pub(super) fn place_by_prefix(
        &self,
        page: &mut Loaded,
        key: &[u8],
        index: usize,
    ) -> Result<Result<usize, usize>, Error> {
        let (count, prefix_len) = (page.node().len(), page.node().prefix_len());
        if count == 0 || prefix_len == 0 {
            return Ok(Err(index));
        }
        // Heads are compared after the common prefix, which this key may lack.
        let neighbour = self.key(page, index.min(count - 1))?;
        let prefix = neighbour.get(..prefix_len);
        let prefix = prefix.ok_or_else(|| self.damaged("a key lacks the prefix of its page", 0))?;
        Ok(Err(match compare(&key[..key.len().min(prefix_len)], prefix) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Greater => count,
            std::cmp::Ordering::Equal => index,
        }))
    }

    /// Returns the index of a key in a leaf if the key has the common prefix, and whether the result is also
    /// valid without it.
    pub(super) fn find_equal(
        &self,
        page: &mut Loaded,
        key: &[u8],
    ) -> Result<(Result<usize, usize>, bool), Error> {
        let range = page.node().equal_heads(key);
        let (mut start, mut end) = (range.start, range.end);
        while start < end {
            let middle = (start + end) / 2;
            match compare(self.key(page, middle)?, key) {
                std::cmp::Ordering::Less => start = middle + 1,
                std::cmp::Ordering::Greater => end = middle,
                std::cmp::Ordering::Equal => return Ok((Ok(middle), true)),
            }
        }
        Ok((Err(start), false))
    }

    /// Returns the leaf for a key, or `None` in an empty tree.
    pub(super) fn leaf_for(&self, key: &[u8]) -> Result<Option<PageNumber>, Error> {
        self.descend(|node| node.child(node.child_for(key)?))
    }

    /// Returns the leaf that is reached by choosing a child in each inner page.
    pub(super) fn descend(
        &self,
        choose: impl Fn(Node<'_>) -> Option<PageNumber>,
    ) -> Result<Option<PageNumber>, Error> {
        let header = self.header.get();
        if header.root.is_none() {
            return Ok(None);
        }
        let mut number = header.root;
        for _ in 1..header.levels {
            number = self.with_inner(number, &choose)?;
        }
        Ok(Some(number))
    }

    /// Calls `f` with the value under a key, if there is one.
    pub(super) fn get_with<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        let Some(number) = self.leaf_for(key)? else { return Ok(None) };
        let mut page = self.load_leaf(number)?;
        let (found, _) = self.find_equal(&mut page, key)?;
        let result = match found {
            Ok(index) => {
                let span = page.node().cell_span(index).ok_or_else(|| self.damaged_page(number))?;
                let value = leaf_value(&page.bytes()[span.start..span.end]);
                match value.ok_or_else(|| self.damaged_page(number))? {
                    Value::Local(value) => Some(f(value)),
                    Value::Long { length, first } => Some(f(&self.read_long(length, first)?)),
                }
            }
            Err(_) => None,
        };
        self.recycle(page);
        Ok(result)
    }

    /// Returns the bytes of a long value.
    pub(super) fn read_long(&self, length: usize, first: PageNumber) -> Result<Vec<u8>, Error> {
        self.check_long(length, self.header.get().pages, first)?;
        let mut bytes = vec![0; length];
        let mut next = first;
        for part in bytes.chunks_mut(LONG_CONTENT) {
            let number = next;
            next = self.next_in_chain(LONG, number, self.header.get().pages)?;
            self.memory.read(number.offset() + LINK as u64, part);
        }
        Ok(bytes)
    }

    /// Refuses a length that needs more pages than the tree has.
    pub(super) fn check_long(&self, length: usize, pages: u32, first: PageNumber) -> Result<(), Error> {
        if length.div_ceil(LONG_CONTENT) < pages as usize {
            Ok(())
        } else {
            Err(self.damaged("a value is longer than the tree", first.offset()))
        }
    }

    /// Returns the page after a page of a chain.
    pub(super) fn next_in_chain(
        &self,
        kind: u8,
        number: PageNumber,
        pages: u32,
    ) -> Result<PageNumber, Error> {
        self.check_number(number, pages)?;
        let mut bytes = [0; LINK];
        self.memory.read(number.offset(), &mut bytes);
        read_link(kind, &bytes).ok_or_else(|| self.damaged_page(number))
    }

    /// Reads the upper levels of the tree into the cache: the root, and then up to `pages` pages below it.
    ///
    /// Needed when a store is opened, because a query cannot keep the pages that it reads.
    pub(super) fn warm(&self, mut pages: usize) {
        let header = self.header.get();
        let mut level = vec![header.root];
        for depth in 1..header.levels {
            let mut below = Vec::new();
            for number in level {
                if pages == 0 {
                    return;
                }
                pages -= 1;
                // A later reader of the page reports the corruption.
                let children = self.with_inner(number, |node| {
                    (0..=node.len()).take(pages).map(|child| node.child(child)).collect::<Option<Vec<_>>>()
                });
                below.extend(children.unwrap_or_default());
            }
            if depth + 1 == header.levels {
                return;
            }
            level = below;
        }
    }
}
