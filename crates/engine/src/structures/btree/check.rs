//! The check of every page of a tree in memory.

use std::collections::HashSet;

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::Error;

use super::Map;
use super::page::{
    FREE, INNER, LEAF, LONG, LONG_CONTENT, Node, PAGE, PageNumber, Value, head_of, key_in, leaf_value,
};
use super::tree::Tree;
use crate::base::problem::Problem;

impl<K: Storable, V: Storable, M: Memory> Map<K, V, M> {
    /// Reports the first problem of the tree, and returns whether it is sound.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) -> bool {
        let walk = Walk {
            tree: &self.tree,
            seen: HashSet::new(),
            entries: 0,
            last_leaf: PageNumber::NONE,
            expected: None,
        };
        let walked = walk.all();
        let is_sound = walked.is_ok();
        problems.extend(walked.err().map(Problem::from));
        is_sound
    }
}

/// Bounds of the keys of a page; one is missing for the first or last page of a level.
#[derive(Clone, Copy, Default)]
struct Bounds<'a> {
    /// The least possible key.
    from: Option<&'a [u8]>,
    /// Exclusive upper bound of the keys.
    below: Option<&'a [u8]>,
}

struct Walk<'a, M: Memory> {
    tree: &'a Tree<M>,
    /// Pages that a link points to.
    seen: HashSet<PageNumber>,
    entries: u64,
    /// The leaf before the next one.
    last_leaf: PageNumber,
    /// The leaf that the link of the last leaf points to.
    expected: Option<PageNumber>,
}

impl<M: Memory> Walk<'_, M> {
    fn all(mut self) -> Result<(), Error> {
        let (tree, header) = (self.tree, self.tree.header.get());
        if tree.memory.size() == 0 {
            return Ok(());
        }
        self.free_pages()?;
        if !header.root.is_none() {
            self.page(header.root, 1, Bounds::default())?;
        }
        if self.expected.is_some_and(|page| !page.is_none()) {
            return Err(tree.damaged("the last leaf has a link to a next leaf", self.last_leaf.offset()));
        }
        if self.entries != header.entries {
            let what = format!("it has {} entries, but its header counts {}", self.entries, header.entries);
            return Err(tree.damaged(&what, 0));
        }
        if self.seen.len() as u64 + 1 != u64::from(header.pages) {
            let what = format!(
                "{} pages are used or free, but the header counts {}",
                self.seen.len(),
                header.pages - 1
            );
            return Err(tree.damaged(&what, 0));
        }
        Ok(())
    }

    fn free_pages(&mut self) -> Result<(), Error> {
        let header = self.tree.header.get();
        let mut next = header.free;
        for _ in 0..header.free_count {
            let number = next;
            next = self.tree.next_in_chain(FREE, number, header.pages)?;
            self.see(number)?;
        }
        if next.is_none() {
            Ok(())
        } else {
            Err(self.tree.damaged("more pages are free than the header counts", next.offset()))
        }
    }

    /// Records that a link points to a page.
    fn see(&mut self, number: PageNumber) -> Result<(), Error> {
        if self.seen.insert(number) {
            Ok(())
        } else {
            Err(self.tree.damaged("two links point to the same page", number.offset()))
        }
    }

    /// Checks a page and all pages below it.
    fn page(&mut self, number: PageNumber, level: u8, bounds: Bounds<'_>) -> Result<(), Error> {
        let (tree, header) = (self.tree, self.tree.header.get());
        tree.check_number(number, header.pages)?;
        self.see(number)?;
        let mut bytes = vec![0; PAGE];
        tree.memory.read(number.offset(), &mut bytes);
        let bytes: &[u8; PAGE] = bytes.first_chunk().expect("the buffer has the size of a page");
        let kind = if level == header.levels { LEAF } else { INNER };
        let damaged = || tree.damaged_page(number);
        let node = Node::of(bytes, kind).ok_or_else(damaged)?;
        check_cells(node, kind, bounds).ok_or_else(damaged)?;
        if kind == LEAF {
            return self.leaf(number, node);
        }
        let is_stale = |kept: &[u8; PAGE]| {
            kept[..node.slots_end()] != bytes[..node.slots_end()]
                || kept[node.lowest()..] != bytes[node.lowest()..]
        };
        if !node.after().is_none() || tree.cache.borrow().get(number).is_some_and(is_stale) {
            return Err(damaged());
        }
        for child in 0..=node.len() {
            let from = if child == 0 { bounds.from } else { node.inner_key(child - 1) };
            let below = if child == node.len() { bounds.below } else { node.inner_key(child) };
            let below_it = node.child(child).ok_or_else(damaged)?;
            self.page(below_it, level + 1, Bounds { from, below })?;
        }
        Ok(())
    }

    fn leaf(&mut self, number: PageNumber, node: Node<'_>) -> Result<(), Error> {
        let tree = self.tree;
        if node.len() == 0 {
            return Err(tree.damaged("a leaf is empty", number.offset()));
        }
        let is_linked = node.before() == self.last_leaf && self.expected.is_none_or(|page| page == number);
        if !is_linked {
            return Err(tree.damaged("a leaf is not linked to its neighbour", number.offset()));
        }
        (self.last_leaf, self.expected) = (number, Some(node.after()));
        self.entries += node.len() as u64;
        for index in 0..node.len() {
            let value = node.cell(index).and_then(leaf_value).ok_or_else(|| tree.damaged_page(number))?;
            if let Value::Long { length, first } = value {
                self.long(length, first)?;
            }
        }
        Ok(())
    }

    fn long(&mut self, length: usize, first: PageNumber) -> Result<(), Error> {
        let pages = self.tree.header.get().pages;
        self.tree.check_long(length, pages, first)?;
        let mut next = first;
        for _ in 0..length.div_ceil(LONG_CONTENT) {
            let number = next;
            next = self.tree.next_in_chain(LONG, number, pages)?;
            self.see(number)?;
        }
        if next.is_none() {
            Ok(())
        } else {
            Err(self.tree.damaged("a long value has more pages than bytes", next.offset()))
        }
    }
}

/// Checks that the cells of a page do not overlap and have the counted size. Checks that its keys are in
/// order, within their bounds and consistent with their slots.
fn check_cells(node: Node<'_>, kind: u8, bounds: Bounds<'_>) -> Option<()> {
    let mut spans = Vec::new();
    let mut last: Option<&[u8]> = None;
    for index in 0..node.len() {
        let span = node.cell_span(index)?;
        spans.push((span.start, span.end));
        let key = key_in(kind, node.cell(index)?)?;
        let is_in_order = last.is_none_or(|last| last < key)
            && bounds.from.is_none_or(|from| from <= key)
            && bounds.below.is_none_or(|below| key < below);
        let shares_prefix = match last {
            Some(last) => key.get(..node.prefix_len())? == last.get(..node.prefix_len())?,
            None => key.len() >= node.prefix_len(),
        };
        if !is_in_order || !shares_prefix || node.head(index) != head_of(key, node.prefix_len()) {
            return None;
        }
        last = Some(key);
    }
    spans.sort_unstable();
    let is_apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    let bytes: usize = spans.iter().map(|(start, end)| end - start).sum();
    (is_apart && bytes + node.unused() == PAGE - node.lowest()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::super::node_mut::NodeMut;
    use super::super::page::{NewValue, SLOT, leaf_cell_len, write_leaf_cell};
    use super::*;

    type Page = Box<[u8; PAGE]>;

    /// Returns a leaf with these keys in this order, each with a value of three bytes.
    fn leaf(keys: &[&str]) -> Page {
        let cell = |key: &&str| {
            let value = NewValue::Local(b"va", b"l");
            let mut cell = vec![0; leaf_cell_len(key.as_bytes(), value)];
            write_leaf_cell(&mut cell, key.as_bytes(), value);
            cell
        };
        let cells: Vec<_> = keys.iter().map(cell).collect();
        let cells: Vec<_> = cells.iter().map(Vec::as_slice).collect();
        let mut page = Box::new([0; PAGE]);
        NodeMut(&mut page).fill(LEAF, &cells, PageNumber::NONE, PageNumber::NONE).unwrap();
        page
    }

    fn is_sound(page: &Page, from: Option<&str>, below: Option<&str>) -> bool {
        let bounds = Bounds { from: from.map(str::as_bytes), below: below.map(str::as_bytes) };
        check_cells(Node::of(page, LEAF).unwrap(), LEAF, bounds).is_some()
    }

    #[test]
    fn keys_are_within_their_bounds() {
        let page = leaf(&["b", "c"]);
        for (from, below, expected) in [
            (None, None, true),
            (Some("b"), Some("d"), true),
            (Some("a"), Some("c\0"), true),
            (Some("b\0"), Some("d"), false),
            (Some("c"), None, false),
            (Some("b"), Some("c"), false),
            (None, Some("b"), false),
        ] {
            assert_eq!(is_sound(&page, from, below), expected, "{from:?} {below:?}");
        }
    }

    #[test]
    fn keys_are_in_order_and_distinct() {
        for (keys, expected) in
            [(["aab", "aac", "aad"], true), (["aab", "aab", "aad"], false), (["aab", "aad", "aac"], false)]
        {
            assert_eq!(is_sound(&leaf(&keys), None, None), expected, "{keys:?}");
        }
    }

    /// Sets the prefix length, and the heads that belong to it.
    fn set_prefix_len(page: &mut Page, keys: &[&str], prefix_len: usize) {
        let mut node = NodeMut(page);
        node.set_prefix_len(prefix_len);
        for (index, key) in keys.iter().enumerate() {
            node.set_head(index, head_of(key.as_bytes(), prefix_len));
        }
    }

    #[test]
    fn keys_share_the_prefix_of_their_page() {
        for (keys, prefix_len, expected) in [
            (&["xab", "xac"][..], 2, true),
            (&["xab", "xac"], 1, true),
            (&["xab", "yac"], 1, false),
            (&["xab", "xbb"], 2, false),
            (&["x", "xab"], 1, true),
            (&["x", "xab"], 2, false),
            (&["xa"], 2, true),
            (&["xa"], 3, false),
        ] {
            let mut page = leaf(keys);
            set_prefix_len(&mut page, keys, prefix_len);
            assert_eq!(is_sound(&page, None, None), expected, "{keys:?}, prefix of {prefix_len} bytes");
        }
    }

    #[test]
    fn heads_are_those_of_the_keys() {
        for index in 0..3 {
            let mut page = leaf(&["aab", "aac", "aad"]);
            let head = Node::trusted(&page).head(index);
            NodeMut(&mut page).set_head(index, head ^ 1);
            assert!(!is_sound(&page, None, None), "{index}");
        }
    }

    /// A cell that is longer than its entry overlaps the cell after it, also if the number of bytes is right.
    #[test]
    fn cells_do_not_overlap_and_have_the_counted_bytes() {
        let sound = leaf(&["a", "b", "c"]);
        let node = Node::trusted(&sound);
        let (lengths, unused): (Vec<_>, _) =
            ((0..3).map(|i| HEADER_LENGTHS_AT + i * SLOT).collect(), node.unused());
        assert_eq!(unused, 0);
        let mut longer = sound.clone();
        longer[lengths[1]] += 2;
        assert!(!is_sound(&longer, None, None), "two bytes more than counted");
        // The same bytes in all: the last cell ends two bytes before the one before it begins.
        longer[lengths[2]] -= 2;
        assert!(!is_sound(&longer, None, None), "two cells overlap");
        let mut shorter = sound.clone();
        NodeMut(&mut shorter).shorten_cell(2, node.cell_span(2).unwrap(), 4);
        assert!(is_sound(&shorter, None, None), "two unused bytes are counted");
        shorter[super::super::page::UNUSED_AT] -= 1;
        assert!(!is_sound(&shorter, None, None), "two unused bytes are counted as one");
    }

    /// Cells that are the same bytes would not fit in a page one after the other, so a change refuses them.
    #[test]
    fn cells_that_overlap_do_not_fit_in_a_page() {
        let page = leaf(&["a", "b", "c", "d"]);
        let mut cells = Vec::new();
        assert!(Node::trusted(&page).all_cells(&mut cells).is_some());
        assert_eq!(cells.len(), 4);
        let mut overlapping = page.clone();
        let lowest = super::super::page::LOWEST_AT;
        overlapping[lowest..lowest + 2].copy_from_slice(&1_000u16.to_le_bytes());
        for index in 0..4 {
            let at = HEADER_LENGTHS_AT - 2 + index * SLOT;
            overlapping[at..at + 2].copy_from_slice(&1_000u16.to_le_bytes());
            overlapping[at + 2..at + 4].copy_from_slice(&1_100u16.to_le_bytes());
        }
        assert!(Node::trusted(&overlapping).all_cells(&mut Vec::new()).is_none());
    }

    /// Offset in a page of the length of the first cell.
    const HEADER_LENGTHS_AT: usize = super::super::page::HEADER + 6;
}
