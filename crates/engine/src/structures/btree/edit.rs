//! Inserting, replacing and removing entries of leaves.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::Change;
use super::locate::{Located, Position};
use super::node_mut::NodeMut;
use super::page::{
    CellSpan, LEAF, LONG, LONG_CONTENT, MAX_KEY, MAX_LOCAL_VALUE, NewValue, PageNumber, SLOT, Value, head_of,
    key_in, leaf_cell_len, leaf_value, write_leaf_cell,
};
use crate::base::bytes::common_prefix;

impl<M: Memory> Change<'_, M> {
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

    /// Returns the value in the cell of an entry of a leaf, and the position of the cell.
    fn cell_at(&mut self, leaf: usize, index: usize) -> Result<(CellSpan, Value<'_>), Error> {
        let page = &mut self.pages[leaf];
        let span = self.tree.know_cell(page, index)?;
        let number = page.number;
        let value = leaf_value(&page.bytes()[span.start..span.end]);
        Ok((span, value.ok_or_else(|| self.tree.damaged_page(number))?))
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
            self.free_page(number)?;
        }
        Ok(())
    }
}
