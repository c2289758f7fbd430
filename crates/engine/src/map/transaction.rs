//! Changing a map, all or nothing.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use ic_stable_structures::{Memory, Storable};
use storage_api::Error;

use super::chunks::Chunks;
use super::layout::{
    CHUNK_BYTES, CHUNK_HEADER_BYTES, Head, MAX_ENTRIES, MIN_ENTRIES, OVERFLOW_FRONT_BYTES, OVERFLOW_MAGIC,
    chunk_header, overflows_for, pages_for,
};
use super::node::{Entry, Joined, Node};
use super::tree::Tree;
use crate::space::Demand;

/// Chunks that an insert leaves room for, so that a removal need not grow the memory: one touches three nodes of each level
/// at most, and each of them may take a chunk more than before.
pub(super) const SPARE_CHUNKS: u64 = 64;

/// Inserts and removals that become true together, at [`commit`](Self::commit).
///
/// Until then nothing is written, and dropping the transaction leaves no trace. Every error that there can be is found
/// before the commit.
#[must_use = "a transaction that is not committed leaves no trace"]
pub(crate) struct Transaction<'a, K, V, M: Memory> {
    tree: &'a Tree<M>,
    /// The head as it is in the memory.
    stored: Head,
    /// Address of the root, or 0.
    root: u64,
    length: u64,
    chunks: Chunks,
    /// Nodes that have been read or changed, by their addresses.
    nodes: BTreeMap<u64, Loaded>,
    has_inserted: bool,
    /// Damage was found half-way through a change, so the nodes must not be written.
    is_broken: bool,
    types: PhantomData<fn(K) -> V>,
}

struct Loaded {
    node: Node,
    is_changed: bool,
}

/// A node on the way from the root to a key, and where the way goes on, or ends.
#[derive(Clone, Copy)]
struct Step {
    address: u64,
    at: usize,
}

impl<'a, K: Storable, V: Storable, M: Memory> Transaction<'a, K, V, M> {
    pub(super) fn new(tree: &'a Tree<M>) -> Self {
        let stored = tree.head.get();
        Self {
            tree,
            stored,
            root: stored.root,
            length: stored.length,
            chunks: Chunks::of(tree),
            nodes: BTreeMap::new(),
            has_inserted: false,
            is_broken: false,
            types: PhantomData,
        }
    }

    /// The value that will be under a key.
    pub(crate) fn get(&mut self, key: &K) -> Result<Option<V>, Error> {
        let (way, is_there) = self.way_to(&key.to_bytes())?;
        let Some(&Step { address, at }) = way.last().filter(|_| is_there) else { return Ok(None) };
        let tree = self.tree;
        let value = self.load(address)?.node.load_value(tree, at)?;
        Ok(Some(V::from_bytes(value.to_vec().into())))
    }

    /// Puts a value under a key, in place of the one that is there. After an error, the transaction cannot be committed.
    pub(crate) fn insert(&mut self, key: &K, value: &V) -> Result<(), Error> {
        let inserted = self.try_insert(key, value);
        self.is_broken |= inserted.is_err();
        inserted
    }

    fn try_insert(&mut self, key: &K, value: &V) -> Result<(), Error> {
        let (key, value) = (key.to_bytes(), value.to_bytes());
        let entry: Entry<'_> = (&key, &value);
        let (mut way, is_there) = self.way_to(&key)?;
        self.has_inserted = true;
        let Some(Step { address, at }) = way.pop() else {
            self.root = self.add(Node::new(self.tree, entry, &[]))?;
            self.length = 1;
            return Ok(());
        };
        let node = self.load_all(address)?;
        if is_there {
            let node = node.replacing(at, entry);
            return self.change(address, node);
        }
        let node = node.inserting(at, entry, None);
        self.length = self.length.saturating_add(1);
        self.split_up(way, address, node)
    }

    /// Removes the value under a key, and tells whether there was one. After an error, the transaction cannot be committed.
    pub(crate) fn remove(&mut self, key: &K) -> Result<bool, Error> {
        let removed = self.try_remove(key);
        self.is_broken |= removed.is_err();
        removed
    }

    fn try_remove(&mut self, key: &K) -> Result<bool, Error> {
        let (mut way, is_there) = self.way_to(&key.to_bytes())?;
        let Some(step) = way.pop().filter(|_| is_there) else { return Ok(false) };
        let counted = self.length.checked_sub(1);
        self.length = counted.ok_or_else(|| self.tree.damaged("it has entries, and counts none", 0))?;
        let node = self.load_all(step.address)?;
        if node.is_leaf() {
            let node = node.removing(step.at);
            return self.join_up(way, step.address, node).map(|()| true);
        }
        // The entry in front of it comes from a leaf, and takes its place.
        way.push(step);
        let mut address = self.child(step)?;
        let leaf = loop {
            let node = self.load_all(address)?;
            if node.is_leaf() {
                break node;
            }
            let step = Step { address, at: node.len() };
            way.push(step);
            self.check_levels(&way)?;
            address = self.child(step)?;
        };
        let last = leaf.len() - 1;
        let (key, value) = leaf.entry(last);
        let (key, value) = (key.to_vec(), value.to_vec());
        let leaf = leaf.removing(last);
        let replaced = self.load_all(step.address)?.replacing(step.at, (&key, &value));
        self.change(step.address, replaced)?;
        self.join_up(way, address, leaf).map(|()| true)
    }

    /// How far the commit grows the memory.
    pub(crate) fn demand(&self) -> Demand<'a, M> {
        Demand { memory: &self.tree.memory, pages: self.pages_to_grow() }
    }

    /// Whole pages of the memory that the commit leaves for insertions to come: they need not grow it.
    pub(crate) fn unused_pages(&self) -> u64 {
        let size = self.tree.memory.size() + self.pages_to_grow();
        size.saturating_sub(pages_for(self.chunks.in_use + SPARE_CHUNKS))
    }

    /// Pages by which the commit grows the memory.
    pub(super) fn pages_to_grow(&self) -> u64 {
        if !self.has_changed() {
            return 0;
        }
        let spare = if self.has_inserted { self.chunks.in_use + SPARE_CHUNKS } else { 0 };
        pages_for(self.chunks.up_to_end().max(spare)).saturating_sub(self.tree.memory.size())
    }

    /// Makes the changes.
    ///
    /// # Panics
    ///
    /// Where the memory cannot grow as far as the [`demand`](Self::demand) says, which the caller has made sure of; where a
    /// change has found damage; and where another transaction was committed since this one began.
    pub(crate) fn commit(self) {
        let memory = &self.tree.memory;
        assert!(!self.is_broken, "a transaction that found damage was committed");
        assert_eq!(self.stored, self.tree.head.get(), "two transactions of a map overlap");
        if !self.has_changed() {
            return;
        }
        let pages = self.pages_to_grow();
        if pages > 0 {
            let grown = memory.grow(pages);
            assert!(grown >= 0, "the memory of a map refused {pages} pages that the caller had made sure of");
        }
        for loaded in self.nodes.values().filter(|loaded| loaded.is_changed) {
            write(memory, &loaded.node);
        }
        let free = self.chunks.write(memory);
        let head = Head { root: self.root, length: self.length, in_use: self.chunks.in_use, free };
        if head != self.stored {
            memory.write(0, &head.encode());
            self.tree.head.set(head);
        }
    }

    fn has_changed(&self) -> bool {
        self.root != self.stored.root || self.nodes.values().any(|loaded| loaded.is_changed)
    }

    /// The nodes from the root to a key, and whether it is there. Without it, the way ends in a leaf.
    fn way_to(&mut self, key: &[u8]) -> Result<(Vec<Step>, bool), Error> {
        self.tree.check_count()?;
        let mut way = Vec::new();
        let mut next = Some(self.root).filter(|root| *root != 0);
        while let Some(address) = next {
            let node = &self.load(address)?.node;
            let found = node.search(key);
            let (Ok(at) | Err(at)) = found;
            next = node.child(at);
            way.push(Step { address, at });
            if found.is_ok() {
                return Ok((way, true));
            }
            self.check_levels(&way)?;
        }
        Ok((way, false))
    }

    fn check_levels(&self, way: &[Step]) -> Result<(), Error> {
        self.tree.check_levels(way.len(), self.root)
    }

    fn load(&mut self, address: u64) -> Result<&mut Loaded, Error> {
        match self.nodes.entry(address) {
            std::collections::btree_map::Entry::Occupied(loaded) => Ok(loaded.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => {
                let node = Node::load(self.tree, address)?;
                Ok(place.insert(Loaded { node, is_changed: false }))
            }
        }
    }

    fn load_all(&mut self, address: u64) -> Result<&Node, Error> {
        let tree = self.tree;
        let loaded = self.load(address)?;
        if !loaded.is_changed {
            loaded.node.load_all(tree)?;
        }
        Ok(&loaded.node)
    }

    /// The child that a step leads to.
    fn child(&mut self, Step { address, at }: Step) -> Result<u64, Error> {
        let child = self.load(address)?.node.child(at);
        child.ok_or_else(|| self.tree.damaged("a node is damaged", address))
    }

    /// Adds a node, and gives its address.
    fn add(&mut self, mut node: Node) -> Result<u64, Error> {
        let at = self.chunks.take(self.tree)?;
        node.place(vec![at]);
        let address = at + CHUNK_HEADER_BYTES as u64;
        self.change(address, node).map(|()| address)
    }

    /// Puts a node in the place of the one with this address, with as many chunks as it needs.
    fn change(&mut self, address: u64, mut node: Node) -> Result<(), Error> {
        let needed = 1 + overflows_for(node.end());
        let mut chunks = node.chunks().to_vec();
        while chunks.len() > needed {
            let at = chunks.pop().expect("it has more than it needs");
            self.chunks.give_back(self.tree, at)?;
        }
        while chunks.len() < needed {
            chunks.push(self.chunks.take(self.tree)?);
        }
        node.place(chunks);
        self.nodes.insert(address, Loaded { node, is_changed: true });
        Ok(())
    }

    /// Takes a node away.
    fn drop_node(&mut self, address: u64) -> Result<(), Error> {
        let chunks = self.load_all(address)?.chunks().to_vec();
        self.nodes.remove(&address);
        chunks.into_iter().try_for_each(|at| self.chunks.give_back(self.tree, at))
    }

    /// Puts a node in its place, in two where it has too many entries, and goes on with the one above it.
    fn split_up(&mut self, mut way: Vec<Step>, mut address: u64, mut node: Node) -> Result<(), Error> {
        while node.len() > MAX_ENTRIES {
            let split = node.split();
            self.change(address, split.left)?;
            let right = self.add(split.right)?;
            let entry: Entry<'_> = (&split.middle.0, &split.middle.1);
            let Some(above) = way.pop() else {
                self.root = self.add(Node::new(self.tree, entry, &[address, right]))?;
                return Ok(());
            };
            node = self.load_all(above.address)?.inserting(above.at, entry, Some(right));
            address = above.address;
        }
        self.change(address, node)
    }

    /// Puts a node in its place, together with one beside it where it has too few entries, and goes on with the one above.
    fn join_up(&mut self, mut way: Vec<Step>, mut address: u64, mut node: Node) -> Result<(), Error> {
        while node.len() < MIN_ENTRIES
            && let Some(above) = way.pop()
        {
            self.change(address, node)?;
            node = self.join(above, &way)?;
            address = above.address;
        }
        if node.len() > 0 {
            return self.change(address, node);
        }
        // The root has no entry left. What is below it, if anything, is the root now.
        self.root = node.child(0).unwrap_or(0);
        self.change(address, node)?;
        self.drop_node(address)
    }

    /// Joins the child that a step leads to with the one in front of it, or behind the first one; or divides the two anew.
    /// Gives the node above them as it is then, which is not in its place yet.
    fn join(&mut self, above: Step, way: &[Step]) -> Result<Node, Error> {
        let at = above.at.saturating_sub(1);
        let first = self.child(Step { at, ..above })?;
        let second = self.child(Step { at: at + 1, ..above })?;
        let is_on_the_way = |address| way.iter().chain([&above]).any(|step| step.address == address);
        if first == second || is_on_the_way(first) || is_on_the_way(second) {
            return Err(self.tree.damaged("two links lead to the same chunk", first));
        }
        self.load_all(first)?;
        self.load_all(second)?;
        self.load_all(above.address)?;
        let (left, right) = (&self.nodes[&first].node, &self.nodes[&second].node);
        let parent = &self.nodes[&above.address].node;
        if left.is_leaf() != right.is_leaf() {
            return Err(self.tree.damaged("a node has fewer levels below it than the one beside it", first));
        }
        match left.joined(parent.entry(at), right) {
            Joined::One(joined) => {
                let parent = parent.removing(at);
                self.drop_node(second)?;
                self.change(first, *joined)?;
                Ok(parent)
            }
            Joined::Two(split) => {
                let parent = parent.replacing(at, (&split.middle.0, &split.middle.1));
                self.change(first, split.left)?;
                self.change(second, split.right)?;
                Ok(parent)
            }
        }
    }
}

/// Writes a node to its chunks.
fn write<M: Memory>(memory: &M, node: &Node) {
    let bytes = node.bytes();
    let (first, mut rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES));
    memory.write(node.chunks()[0], first);
    let mut chunk = Vec::new();
    for (number, at) in node.chunks().iter().enumerate().skip(1) {
        let (part, after) = rest.split_at(rest.len().min(CHUNK_BYTES - OVERFLOW_FRONT_BYTES));
        chunk.clear();
        chunk.extend(chunk_header(true, 0));
        chunk.extend(OVERFLOW_MAGIC);
        chunk.extend(node.link_behind(number).to_le_bytes());
        chunk.extend(part);
        memory.write(*at, &chunk);
        rest = after;
    }
}
