//! Walking a map as it lies in memory: every chunk and every node.

use std::collections::HashSet;

use ic_stable_structures::{Memory, Storable};
use storage_api::Error;

use super::Map;
use super::layout::{IN_USE_AT, LENGTH_AT, MIN_ENTRIES, chunk_number, pages_for};
use super::node::Node;
use super::transaction::SPARE_CHUNKS;
use super::tree::Tree;
use crate::problem::Problem;

impl<K: Storable, V: Storable, M: Memory> Map<K, V, M> {
    /// Reports the first thing that is wrong with the tree, and whether it is sound.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) -> bool {
        let walked = Walk { tree: &self.tree, seen: HashSet::new(), entries: 0 }.all();
        let is_sound = walked.is_ok();
        problems.extend(walked.err().map(Problem::from));
        is_sound
    }
}

/// What the keys of a node must lie between, where it is neither the first nor the last of its level.
#[derive(Clone, Copy, Default)]
struct Keys<'a> {
    above: Option<&'a [u8]>,
    below: Option<&'a [u8]>,
}

struct Walk<'a, M: Memory> {
    tree: &'a Tree<M>,
    /// The chunks that something led to.
    seen: HashSet<u64>,
    entries: u64,
}

impl<M: Memory> Walk<'_, M> {
    fn all(mut self) -> Result<(), Error> {
        let (tree, head) = (self.tree, self.tree.head.get());
        if tree.memory.size() == 0 {
            return Ok(());
        }
        let last = self.free_chunks(head.free)?;
        let free = self.seen.len() as u64;
        if let Some(root) = head.root() {
            self.node(root, 1, Keys::default())?;
        }
        let used = self.seen.len() as u64 - free;
        if self.entries != head.length {
            let what = format!("it has {} entries, and counts {}", self.entries, head.length);
            return Err(tree.damaged(&what, LENGTH_AT));
        }
        if used != head.in_use || Some(used + free - 1) != chunk_number(last) {
            let what =
                format!("{used} chunks are in nodes and {free} are free, and {} are counted", head.in_use);
            return Err(tree.damaged(&what, IN_USE_AT));
        }
        if tree.memory.size() > pages_for(used + free + SPARE_CHUNKS) {
            return Err(tree.damaged("the memory is larger than its chunks", last));
        }
        Ok(())
    }

    /// Walks the free chunks, and gives the last one.
    fn free_chunks(&mut self, first: u64) -> Result<u64, Error> {
        let mut at = first;
        loop {
            let next = self.tree.free_behind(at)?;
            self.see(at)?;
            match next {
                0 => return Ok(at),
                next => at = next,
            }
        }
    }

    /// Notes that something leads to a chunk.
    fn see(&mut self, at: u64) -> Result<(), Error> {
        if self.seen.insert(at) {
            Ok(())
        } else {
            Err(self.tree.damaged("two links lead to the same chunk", at))
        }
    }

    /// Walks a node and all below it, and gives how many levels there are.
    fn node(&mut self, address: u64, level: usize, bounds: Keys<'_>) -> Result<u32, Error> {
        let tree = self.tree;
        tree.check_levels(level, address)?;
        let mut node = Node::load(tree, address)?;
        self.see(node.chunks()[0])?;
        node.load_all(tree)?;
        node.chunks()[1..].iter().try_for_each(|at| self.see(*at))?;
        let (first, last) = (node.key(0), node.key(node.len() - 1));
        if bounds.above.is_some_and(|above| above >= first) || bounds.below.is_some_and(|below| below <= last)
        {
            return Err(tree.damaged("the keys of a node are not in order", address));
        }
        if level > 1 && node.len() < MIN_ENTRIES {
            return Err(tree.damaged("a node has too few entries", address));
        }
        self.entries += node.len() as u64;
        let mut levels = None;
        for (number, child) in (0..=node.len()).filter_map(|number| Some((number, node.child(number)?))) {
            let before = number.checked_sub(1).map(|number| node.key(number));
            let after = (number < node.len()).then(|| node.key(number));
            let bounds = Keys { above: before.or(bounds.above), below: after.or(bounds.below) };
            let below = self.node(child, level + 1, bounds)?;
            if *levels.get_or_insert(below) != below {
                return Err(tree.damaged("a node has fewer levels below it than the one beside it", child));
            }
        }
        Ok(levels.unwrap_or(0) + 1)
    }
}
