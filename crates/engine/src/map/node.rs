//! One node of the tree.

use std::cmp::Ordering;

use ic_stable_structures::Memory;
use storage_api::Error;

use super::layout::{
    CHUNK_BYTES, CHUNK_HEADER_BYTES, MAX_ENTRIES, MIN_ENTRIES, NODE_FRONT_BYTES, NODE_MAGIC,
    OVERFLOW_FRONT_BYTES, OVERFLOW_MAGIC, chunk_header, overflows_for,
};
use super::tree::Tree;
use crate::checksum::{u32_at, u64_at};

/// Bytes that are read of a node at first. Mostly its children and its keys are among them, which is all that a search needs.
const FIRST_READ_BYTES: usize = 512;

/// Where something lies in the bytes of a node.
type Span = (u32, u32);

/// An entry: a key and its value.
pub(super) type Entry<'a> = (&'a [u8], &'a [u8]);

/// A node, checked as far as it was read: whatever it says of itself lies in it, and its keys are in order.
#[derive(Debug)]
pub(super) struct Node {
    /// The bytes of its first chunk, header included, and behind them what the overflows hold.
    bytes: Vec<u8>,
    /// Places of its chunks, as far as they have been read.
    chunks: Vec<u64>,
    /// Address of the next overflow to be read, or 0.
    next: u64,
    is_leaf: bool,
    /// Whether there is a length in front of each key.
    has_key_lengths: bool,
    keys: Vec<Span>,
    /// The values that have been read, from the first on.
    values: Vec<Span>,
}

/// An entry that lies in no node.
pub(super) type OwnedEntry = (Vec<u8>, Vec<u8>);

/// What two nodes have become.
pub(super) enum Joined {
    One(Box<Node>),
    Two(Box<Split>),
}

/// A node that was split: what is left of it, the entry that goes up, and the node behind it.
pub(super) struct Split {
    pub(super) left: Node,
    pub(super) middle: OwnedEntry,
    pub(super) right: Node,
}

impl Node {
    /// Reads a node as far as its keys.
    pub(super) fn load<M: Memory>(tree: &Tree<M>, address: u64) -> Result<Self, Error> {
        let at = tree.chunk_of(address)?;
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        bytes.resize(FIRST_READ_BYTES, 0);
        tree.memory.read(at, &mut bytes);
        tree.link_in(&bytes, at, true)?;
        let front = &bytes[CHUNK_HEADER_BYTES..NODE_FRONT_BYTES];
        let (kind, count) = (front[4], usize::from(u16::from_le_bytes([front[5], front[6]])));
        if front[..4] != NODE_MAGIC || kind > 1 || !(1..=MAX_ENTRIES).contains(&count) {
            return Err(tree.damaged("a node is damaged", address));
        }
        let next = u64_at(front, 7);
        let mut node = Self {
            bytes,
            chunks: vec![at],
            next,
            is_leaf: kind == 0,
            has_key_lengths: tree.key_bytes.is_none(),
            keys: vec![],
            values: vec![],
        };
        node.load_keys(tree, count)?;
        Ok(node)
    }

    fn load_keys<M: Memory>(&mut self, tree: &Tree<M>, count: usize) -> Result<(), Error> {
        let children = if self.is_leaf { 0 } else { count + 1 };
        let mut at = NODE_FRONT_BYTES + 8 * children;
        self.keys.reserve_exact(count);
        for _ in 0..count {
            let key = match tree.key_bytes {
                Some(length) => self.span(tree, at, length)?,
                None => self.span_behind_length(tree, at)?,
            };
            self.keys.push(key);
            at = key.1 as usize;
        }
        if (1..count).all(|at| compare(self.key(at - 1), self.key(at)).is_lt()) {
            Ok(())
        } else {
            Err(self.damaged(tree, "the keys of a node are not in order"))
        }
    }

    /// Reads a value, and those in front of it.
    pub(super) fn load_value<M: Memory>(&mut self, tree: &Tree<M>, at: usize) -> Result<&[u8], Error> {
        self.values.reserve_exact(self.len() - self.values.len());
        while self.values.len() <= at {
            let place =
                self.values.last().or(self.keys.last()).map_or(NODE_FRONT_BYTES, |span| span.1 as usize);
            let value = self.span_behind_length(tree, place)?;
            if (self.key(self.values.len()).len() + length(value)) as u64 > tree.max_entry_bytes {
                return Err(self.damaged(tree, "an entry is longer than it can be"));
            }
            self.values.push(value);
        }
        Ok(self.slice(self.values[at]))
    }

    /// Reads all of it. A node gives back the overflows that it does not need, so there are no more.
    pub(super) fn load_all<M: Memory>(&mut self, tree: &Tree<M>) -> Result<(), Error> {
        self.load_value(tree, self.len() - 1)?;
        if self.next != 0 || self.chunks.len() != 1 + overflows_for(self.end()) {
            return Err(self.damaged(tree, "a node is damaged"));
        }
        Ok(())
    }

    /// The place of so many bytes, once they have been read.
    fn span<M: Memory>(&mut self, tree: &Tree<M>, at: usize, length: u32) -> Result<Span, Error> {
        if u64::from(length) > tree.max_entry_bytes {
            return Err(self.damaged(tree, "an entry is longer than it can be"));
        }
        let end = at + length as usize;
        while self.bytes.len() < end {
            self.read_on(tree)?;
        }
        Ok((at as u32, end as u32))
    }

    fn span_behind_length<M: Memory>(&mut self, tree: &Tree<M>, at: usize) -> Result<Span, Error> {
        let (start, end) = self.span(tree, at, 4)?;
        let length = u32_at(&self.bytes, start as usize);
        self.span(tree, end as usize, length)
    }

    /// Reads the rest of the first chunk, or the next overflow.
    fn read_on<M: Memory>(&mut self, tree: &Tree<M>) -> Result<(), Error> {
        let have = self.bytes.len();
        if have < CHUNK_BYTES {
            self.bytes.resize(CHUNK_BYTES, 0);
            tree.memory.read(self.chunks[0] + have as u64, &mut self.bytes[have..]);
            return Ok(());
        }
        if self.next == 0 {
            return Err(self.damaged(tree, "a node is damaged"));
        }
        let at = tree.chunk_of(self.next)?;
        let mut front = [0; OVERFLOW_FRONT_BYTES];
        tree.memory.read(at, &mut front);
        let (header, overflow) = front.split_at(CHUNK_HEADER_BYTES);
        tree.link_in(header, at, true)?;
        if overflow[..3] != OVERFLOW_MAGIC {
            return Err(tree.damaged("an overflow of a node is damaged", at));
        }
        self.next = u64_at(overflow, 3);
        self.chunks.push(at);
        self.bytes.resize(have + CHUNK_BYTES - OVERFLOW_FRONT_BYTES, 0);
        tree.memory.read(at + OVERFLOW_FRONT_BYTES as u64, &mut self.bytes[have..]);
        Ok(())
    }

    fn damaged<M: Memory>(&self, tree: &Tree<M>, what: &str) -> Error {
        tree.damaged(what, self.chunks[0] + CHUNK_HEADER_BYTES as u64)
    }

    /// A node of these entries and children, which has no place yet.
    fn build(entries: &[Entry<'_>], children: &[u64], has_key_lengths: bool) -> Self {
        let size: usize = entries.iter().map(|(key, value)| 4 + key.len() + 4 + value.len()).sum();
        let mut bytes = Vec::with_capacity((NODE_FRONT_BYTES + 8 * children.len() + size).max(CHUNK_BYTES));
        let is_leaf = children.is_empty();
        bytes.extend(chunk_header(true, 0));
        bytes.extend(NODE_MAGIC);
        bytes.push(u8::from(!is_leaf));
        bytes.extend((entries.len() as u16).to_le_bytes());
        bytes.extend([0; 8]);
        children.iter().for_each(|child| bytes.extend(child.to_le_bytes()));
        let mut append = |part: &[u8], has_length: bool| {
            if has_length {
                bytes.extend((part.len() as u32).to_le_bytes());
            }
            let start = bytes.len() as u32;
            bytes.extend(part);
            (start, bytes.len() as u32)
        };
        let keys = entries.iter().map(|(key, _)| append(key, has_key_lengths)).collect();
        let values = entries.iter().map(|(_, value)| append(value, true)).collect();
        Self { bytes, chunks: vec![], next: 0, is_leaf, has_key_lengths, keys, values }
    }

    /// A leaf of one entry, or a root over two nodes.
    pub(super) fn new<M: Memory>(tree: &Tree<M>, entry: Entry<'_>, children: &[u64]) -> Self {
        Self::build(&[entry], children, tree.key_bytes.is_none())
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.is_leaf
    }

    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.slice(self.keys[at])
    }

    /// An entry of a node that was read as far as that.
    pub(super) fn entry(&self, at: usize) -> Entry<'_> {
        (self.key(at), self.slice(self.values[at]))
    }

    /// The child in front of an entry, or behind the last one. A leaf has none.
    pub(super) fn child(&self, at: usize) -> Option<u64> {
        (!self.is_leaf && at <= self.len()).then(|| u64_at(&self.bytes, NODE_FRONT_BYTES + 8 * at))
    }

    /// Where a key is, or where it would be.
    pub(super) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        self.keys.binary_search_by(|span| compare(self.slice(*span), key))
    }

    fn slice(&self, (start, end): Span) -> &[u8] {
        &self.bytes[start as usize..end as usize]
    }

    /// Behind its last byte.
    pub(super) fn end(&self) -> usize {
        self.values.last().map_or(NODE_FRONT_BYTES, |span| span.1 as usize)
    }

    /// Its bytes up to the last one: those of the first chunk, header included, and what goes to the overflows.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end()]
    }

    /// Places of its chunks, of a node that was read to its end.
    pub(super) fn chunks(&self) -> &[u64] {
        &self.chunks
    }

    /// Gives it the chunks that it is written to.
    pub(super) fn place(&mut self, chunks: Vec<u64>) {
        self.chunks = chunks;
        let link = self.link_behind(0).to_le_bytes();
        self.bytes[NODE_FRONT_BYTES - link.len()..NODE_FRONT_BYTES].copy_from_slice(&link);
    }

    /// The address behind the chunk of this number, or 0 behind the last one.
    pub(super) fn link_behind(&self, number: usize) -> u64 {
        self.chunks.get(number + 1).map_or(0, |at| at + CHUNK_HEADER_BYTES as u64)
    }

    fn entries(&self) -> Vec<Entry<'_>> {
        (0..self.len()).map(|at| self.entry(at)).collect()
    }

    fn children(&self) -> Vec<u64> {
        (0..=self.len()).filter_map(|at| self.child(at)).collect()
    }

    /// The node with other entries and children. It keeps its chunks.
    fn rebuilt(&self, entries: &[Entry<'_>], children: &[u64]) -> Self {
        Self { chunks: self.chunks.clone(), ..Self::build(entries, children, self.has_key_lengths) }
    }
}

/// How a node changes. Each makes another node, which has the chunks of this one.
impl Node {
    /// With an entry in the place of another one.
    pub(super) fn replacing(&self, at: usize, entry: Entry<'_>) -> Self {
        let mut entries = self.entries();
        entries[at] = entry;
        self.rebuilt(&entries, &self.children())
    }

    /// With one more entry, and in an inner node with one more child behind it.
    pub(super) fn inserting(&self, at: usize, entry: Entry<'_>, child: Option<u64>) -> Self {
        let (mut entries, mut children) = (self.entries(), self.children());
        entries.insert(at, entry);
        child.into_iter().for_each(|child| children.insert(at + 1, child));
        self.rebuilt(&entries, &children)
    }

    /// Without an entry, and in an inner node without the child behind it.
    pub(super) fn removing(&self, at: usize) -> Self {
        let (mut entries, mut children) = (self.entries(), self.children());
        entries.remove(at);
        if !self.is_leaf {
            children.remove(at + 1);
        }
        self.rebuilt(&entries, &children)
    }

    /// In two, of which the second one has no chunks yet.
    pub(super) fn split(&self) -> Split {
        self.divided(&self.entries(), &self.children(), vec![])
    }

    /// This node, the entry between the two and the next node in one, where that makes no more than two nodes have at least;
    /// else divided anew.
    pub(super) fn joined(&self, between: Entry<'_>, next: &Self) -> Joined {
        let (mut entries, mut children) = (self.entries(), self.children());
        entries.push(between);
        entries.extend(next.entries());
        children.extend(next.children());
        if entries.len() <= 2 * MIN_ENTRIES {
            return Joined::One(Box::new(self.rebuilt(&entries, &children)));
        }
        Joined::Two(Box::new(self.divided(&entries, &children, next.chunks.clone())))
    }

    /// Entries and children in two nodes: this one, and one with other chunks.
    fn divided(&self, entries: &[Entry<'_>], children: &[u64], chunks: Vec<u64>) -> Split {
        let middle = entries.len() / 2;
        let (before, after) = children.split_at(if self.is_leaf { 0 } else { middle + 1 });
        let (key, value) = entries[middle];
        Split {
            left: self.rebuilt(&entries[..middle], before),
            middle: (key.to_vec(), value.to_vec()),
            right: Self { chunks, ..Self::build(&entries[middle + 1..], after, self.has_key_lengths) },
        }
    }
}

/// As slices of bytes are compared, but by words: in WebAssembly, comparing bytes is a loop over each of them.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let (words, other_words) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    for (word, other) in words.iter().zip(other_words) {
        // Whether they differ is seen in either order of their bytes, and costs less in that of the memory.
        let (word, other) = (u64::from_le_bytes(*word), u64::from_le_bytes(*other));
        if word != other {
            return word.swap_bytes().cmp(&other.swap_bytes());
        }
    }
    let equal = 8 * words.len().min(other_words.len());
    one[equal..].cmp(&other[equal..])
}

fn length((start, end): Span) -> usize {
    (end - start) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_compared_as_slices_are() {
        let mut all: Vec<Vec<u8>> = vec![vec![]];
        for length in 1..20 {
            for at in 0..length {
                for byte in [0, 1, 127, 128, 255] {
                    let mut bytes = vec![1; length];
                    bytes[at] = byte;
                    all.push(bytes);
                }
            }
        }
        for one in &all {
            assert!(all.iter().all(|other| compare(one, other) == one.cmp(other)), "{one:?}");
        }
    }
}
