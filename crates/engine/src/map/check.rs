//! Walking a map as it lies in memory, before anything is asked of it.
//!
//! The B-tree of ic-stable-structures panics on a damaged node, or follows it wherever it leads. So a check of an image
//! reads the nodes by itself first, from the layout that ic-stable-structures documents. What it finds sound can be iterated.
//!
//! # The layout of a `BTreeMap` v2 with chunks of 1,024 bytes
//!
//! ```text
//! offset  bytes  field
//!      0      4  magic "BTR" and the version 2
//!      4      8  bytes of a chunk, 1,024; ff ff ff ff
//!     12      8  address of the root, or 0
//!     20      8  how many entries
//!     28     24  reserved, zero
//!     52      8  magic "BTA" and the version 1; zeroes
//!     60      8  bytes of a chunk
//!     68      8  how many chunks are in use
//!     76      8  the first free chunk
//!     84     16  reserved, zero
//!    100         chunks, one after the other, up to the last free one
//!
//! chunk:     +0 "CHK" and the version 1   +4 whether it is in use   +5 zeroes   +8 the next free one, or 0   +16 content
//! node:      +0 "BTN" and the version 2   +4 0 leaf, 1 internal   +5 entries (2)   +7 overflow, or 0 (8)   +15 children,
//!            keys and values; in front of each key that may have any length, and of each value, its length (4)
//! overflow:  +0 "NOF"   +3 the next one, or 0 (8)   +11 what does not fit the node
//! ```
//!
//! An address of a node or an overflow is that of the content of its chunk. Of the free chunks, the last one is the end of
//! what was ever in use.

use std::collections::HashSet;

use ic_stable_structures::{Memory, Storable};

use super::{
    ALLOCATED_CHUNKS_AT, CHUNK_BYTES, CHUNK_HEADER_BYTES, FIRST_CHUNK_AT, Map, NODE_ENTRIES,
    NODE_OVERHEAD_BYTES,
};
use crate::checksum::{Fields, u64_at};
use crate::layout::PAGE_BYTES;
use crate::problem::Problem;

const ROOT_AT: u64 = 12;
const RESERVED_AT: u64 = 28;
const FREE_AT: u64 = ALLOCATED_CHUNKS_AT + 8;
const HEAD_BYTES: usize = FIRST_CHUNK_AT as usize;

/// From the start of a chunk to the start of the next one.
const STRIDE: u64 = CHUNK_HEADER_BYTES + CHUNK_BYTES;

const NODE_HEADER_BYTES: usize = 7;
const LEAF: u8 = 0;
const INTERNAL: u8 = 1;
const OVERFLOW_HEADER_BYTES: usize = 3 + 8;

/// More levels than this no map has: each has six times the nodes of the one above.
const MAX_HEIGHT: u32 = 26;

impl<K: Storable + Ord + Clone, V: Storable, M: Memory + Clone> Map<K, V, M> {
    /// Walks every chunk and every node. Reports the first thing that is wrong, with the map's name, and whether the map is
    /// sound. One that is not must not be asked for entries, because that may panic.
    pub(crate) fn check(&self, name: &str, problems: &mut Vec<Problem>) -> bool {
        match self.walk() {
            Ok(()) => true,
            Err(Problem { what, offset }) => {
                problems.push(Problem { what: format!("{name}: {what}"), offset });
                false
            }
        }
    }

    fn walk(&self) -> Result<(), Problem> {
        if self.memory.size() == 0 {
            return Ok(());
        }
        let mut head = [0; HEAD_BYTES];
        self.memory.read(0, &mut head);
        let word = |at: u64| u64_at(&head, at as usize);
        let (root, length, in_use) = (word(ROOT_AT), word(ROOT_AT + 8), word(ALLOCATED_CHUNKS_AT));
        if [RESERVED_AT..RESERVED_AT + 24, FREE_AT + 8..FIRST_CHUNK_AT]
            .into_iter()
            .any(|range| head[range.start as usize..range.end as usize].iter().any(|byte| *byte != 0))
        {
            return Err(problem("a reserved byte of the map is not zero", RESERVED_AT));
        }
        let key_bytes = K::BOUND.is_fixed_size().then(|| K::BOUND.max_size());
        let mut walk = Walk {
            memory: &self.memory,
            key_bytes,
            max_entry_bytes: self.max_entry_bytes,
            seen: HashSet::new(),
            entries: 0,
        };
        let last = walk.free_chunks(word(FREE_AT))?;
        let free = walk.seen.len() as u64;
        if root != 0 {
            walk.node(root, MAX_HEIGHT, Keys::default())?;
        }
        let used = walk.seen.len() as u64 - free;
        if walk.entries != length {
            let what = format!("the map has {} entries, and counts {length}", walk.entries);
            return Err(problem(what, ROOT_AT + 8));
        }
        if used != in_use || used + free - 1 != (last - FIRST_CHUNK_AT) / STRIDE {
            let what = format!("{used} chunks are in nodes and {free} are free, and {in_use} are counted");
            return Err(problem(what, ALLOCATED_CHUNKS_AT));
        }
        if self.memory.size() != (last + CHUNK_HEADER_BYTES).div_ceil(PAGE_BYTES) {
            return Err(problem("the memory is larger than its chunks", last));
        }
        Ok(())
    }
}

fn problem(what: impl Into<String>, offset: u64) -> Problem {
    Problem { what: what.into(), offset }
}

/// What the keys of a node must lie between, where it is neither the first nor the last of its level.
#[derive(Clone, Copy, Default)]
struct Keys<'a> {
    above: Option<&'a [u8]>,
    below: Option<&'a [u8]>,
}

struct Walk<'a, M: Memory> {
    memory: &'a M,
    /// The length of a key, where all have the same.
    key_bytes: Option<u32>,
    max_entry_bytes: u64,
    /// The chunks that something led to.
    seen: HashSet<u64>,
    entries: u64,
}

/// A node in one piece.
struct Node {
    children: Vec<u64>,
    keys: Vec<Vec<u8>>,
}

impl<M: Memory> Walk<'_, M> {
    /// Walks the free chunks, and gives the last one.
    fn free_chunks(&mut self, first: u64) -> Result<u64, Problem> {
        let mut at = first;
        loop {
            match self.chunk(at, false)? {
                0 => return Ok(at),
                next => at = next,
            }
        }
    }

    /// Checks the header of a chunk that nothing else has led to, and gives the link in it.
    fn chunk(&mut self, at: u64, in_use: bool) -> Result<u64, Problem> {
        let needed = if in_use { STRIDE } else { CHUNK_HEADER_BYTES };
        let is_inside = at.checked_add(needed).is_some_and(|end| end <= self.memory.size() * PAGE_BYTES);
        let is_place = at >= FIRST_CHUNK_AT && (at - FIRST_CHUNK_AT).is_multiple_of(STRIDE);
        if !is_inside || !is_place {
            return Err(problem("a link leads to where no chunk is", at));
        }
        if !self.seen.insert(at) {
            return Err(problem("two links lead to the same chunk", at));
        }
        let mut header = [0; CHUNK_HEADER_BYTES as usize];
        self.memory.read(at, &mut header);
        if header[..4] != *b"CHK\x01" || header[4] != u8::from(in_use) || header[5..8] != [0; 3] {
            return Err(problem("the header of a chunk is damaged", at));
        }
        Ok(u64_at(&header, 8))
    }

    /// Reads the content of the chunk at an address.
    fn content(&mut self, address: u64) -> Result<[u8; CHUNK_BYTES as usize], Problem> {
        let at = address.checked_sub(CHUNK_HEADER_BYTES);
        self.chunk(at.ok_or_else(|| problem("a link leads to where no chunk is", address))?, true)?;
        let mut content = [0; CHUNK_BYTES as usize];
        self.memory.read(address, &mut content);
        Ok(content)
    }

    /// Walks a node and all below it, and gives how many levels there are.
    fn node(&mut self, address: u64, height: u32, bounds: Keys<'_>) -> Result<u32, Problem> {
        if height == 0 {
            return Err(problem("the map has more levels than it can have", address));
        }
        let Node { children, keys } = self.load(address)?;
        let ordered = bounds.above.into_iter().chain(keys.iter().map(Vec::as_slice)).chain(bounds.below);
        if !ordered.is_sorted_by(|one, next| one < next) {
            return Err(problem("the keys of a node are not in order", address));
        }
        self.entries += keys.len() as u64;
        let mut levels = None;
        for (number, child) in children.into_iter().enumerate() {
            let before = number.checked_sub(1).map(|number| keys[number].as_slice());
            let after = keys.get(number).map(Vec::as_slice);
            let bounds = Keys { above: before.or(bounds.above), below: after.or(bounds.below) };
            let below = self.node(child, height - 1, bounds)?;
            if *levels.get_or_insert(below) != below {
                return Err(problem("a node has fewer levels below it than the one beside it", child));
            }
        }
        Ok(levels.unwrap_or(0) + 1)
    }

    fn load(&mut self, address: u64) -> Result<Node, Problem> {
        let damaged = || problem("a node is damaged", address);
        let (content, overflows) = self.gather(address)?;
        let mut bytes = Content {
            fields: Fields::of(&content[NODE_HEADER_BYTES + 8..]),
            left: content.len() - NODE_HEADER_BYTES - 8,
        };
        let (kind, entries) = (content[4], u16::from_le_bytes([content[5], content[6]]));
        let is_node = content[..4] == *b"BTN\x02" && (kind == LEAF || kind == INTERNAL);
        if !is_node || entries == 0 || u64::from(entries) > NODE_ENTRIES {
            return Err(damaged());
        }
        let children = if kind == INTERNAL { usize::from(entries) + 1 } else { 0 };
        let children = (0..children).map(|_| bytes.u64()).collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
        let keys: Option<Vec<_>> = (0..entries)
            .map(|_| {
                let length = self.key_bytes.or_else(|| bytes.u32())?;
                bytes.take(length).map(<[u8]>::to_vec)
            })
            .collect();
        let keys = keys.ok_or_else(damaged)?;
        for key in &keys {
            let value = bytes.u32().and_then(|length| bytes.take(length)).ok_or_else(damaged)?;
            if (key.len() + value.len()) as u64 > self.max_entry_bytes {
                return Err(problem("an entry is longer than it can be", address));
            }
        }
        // A node gives back the overflows that it does not need.
        let end = (content.len() - bytes.left) as u64;
        let needed = end.saturating_sub(CHUNK_BYTES).div_ceil(CHUNK_BYTES - OVERFLOW_HEADER_BYTES as u64);
        if needed != overflows { Err(damaged()) } else { Ok(Node { children, keys }) }
    }

    /// The most bytes that a node can have. An overflow may begin before and end after them.
    fn max_node_bytes(&self) -> u64 {
        NODE_OVERHEAD_BYTES + NODE_ENTRIES * self.max_entry_bytes
    }

    /// The content of a node with that of its overflows, and how many of them there are.
    fn gather(&mut self, address: u64) -> Result<(Vec<u8>, u64), Problem> {
        let mut content = self.content(address)?.to_vec();
        let (mut next, mut overflows) = (u64_at(&content, NODE_HEADER_BYTES), 0);
        while next != 0 {
            let overflow = self.content(next)?;
            if overflow[..3] != *b"NOF" || content.len() as u64 > self.max_node_bytes() {
                return Err(problem("an overflow of a node is damaged", next));
            }
            content.extend_from_slice(&overflow[OVERFLOW_HEADER_BYTES..]);
            next = u64_at(&overflow, 3);
            overflows += 1;
        }
        Ok((content, overflows))
    }
}

/// What is left to read of a node.
struct Content<'a> {
    fields: Fields<'a>,
    left: usize,
}

impl<'a> Content<'a> {
    fn take(&mut self, count: u32) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(count as usize)?;
        Some(self.fields.bytes(count as usize))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes were taken")))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes were taken")))
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;

    type TestMap = Map<Vec<u8>, Vec<u8>, VectorMemory>;

    fn open(memory: &VectorMemory) -> TestMap {
        Map::open(memory.clone(), "test", 3_000).unwrap()
    }

    fn problems(memory: &VectorMemory) -> Vec<Problem> {
        let mut problems = Vec::new();
        let is_sound = open(memory).check("test", &mut problems);
        assert_eq!(is_sound, problems.is_empty());
        problems
    }

    /// Three levels, with nodes that overflow and with chunks that were given back.
    fn filled() -> VectorMemory {
        let memory = VectorMemory::default();
        let mut map = open(&memory);
        for number in 0..200u64 {
            map.insert(number.to_be_bytes().to_vec(), vec![1; number as usize * 37 % 2_000]);
        }
        (50..90u64).for_each(|number| map.remove(&number.to_be_bytes().to_vec()));
        assert_eq!(problems(&memory), []);
        memory
    }

    fn word(memory: &VectorMemory, at: u64) -> u64 {
        let mut bytes = [0; 8];
        memory.read(at, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Writes a word, and expects the check to say this.
    fn expect(at: impl Fn(&VectorMemory) -> u64, word: impl Fn(&VectorMemory) -> u64, what: &str) {
        let memory = filled();
        let (at, word) = (at(&memory), word(&memory));
        memory.write(at, &word.to_le_bytes());
        let problems = problems(&memory);
        assert!(problems.len() == 1 && problems[0].what.contains(what), "{what}: {problems:?}");
    }

    fn root(memory: &VectorMemory) -> u64 {
        word(memory, ROOT_AT)
    }

    fn child(memory: &VectorMemory, number: u64) -> u64 {
        word(memory, root(memory) + 15 + number * 8)
    }

    #[test]
    fn a_map_is_sound_whatever_was_inserted_and_removed() {
        let memory = VectorMemory::default();
        let mut map = open(&memory);
        let mut state = 9u64;
        for step in 0..3_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = [(state >> 60) as u8, (state >> 50) as u8 & 15].repeat((state >> 40) as usize % 9 * 9);
            if state >> 33 & 3 > 0 {
                map.insert(key, vec![1; (state >> 20) as usize % 1_800])
            } else {
                map.remove(&key)
            }
            if step % 20 == 0 {
                assert_eq!(problems(&memory), [], "after {step} steps");
            }
        }
        let keys: Vec<_> = map.from(std::ops::Bound::Unbounded, |_| true).map(|(key, _)| key).collect();
        keys.iter().for_each(|key| map.remove(key));
        assert_eq!(problems(&memory), []);
    }

    #[test]
    fn links_that_meet_or_lead_nowhere_are_named() {
        let link = |number: u64| move |memory: &VectorMemory| root(memory) + 15 + number * 8;
        expect(link(0), root, "two links lead to the same chunk");
        expect(link(1), |memory| child(memory, 0), "two links lead to the same chunk");
        expect(link(0), |_| 7, "where no chunk is");
        expect(link(0), |_| u64::MAX, "where no chunk is");
        expect(link(0), |memory| child(memory, 0) + 8, "where no chunk is");
        expect(link(0), |memory| memory.size() * PAGE_BYTES - 84, "where no chunk is");
        expect(
            link(0),
            |memory| word(memory, FREE_AT) + CHUNK_HEADER_BYTES,
            "two links lead to the same chunk",
        );
        expect(|_| FREE_AT, |memory| root(memory) - CHUNK_HEADER_BYTES, "the header of a chunk is damaged");
        expect(|memory| word(memory, FREE_AT) + 8, |memory| word(memory, FREE_AT), "the same chunk");
        expect(|memory| root(memory) + 7, root, "two links lead to the same chunk");
    }

    #[test]
    fn nodes_that_contradict_themselves_or_each_other_are_named() {
        expect(|_| ROOT_AT, |memory| child(memory, 0), "entries, and counts");
        expect(|_| ROOT_AT, |_| 0, "entries, and counts");
        expect(|_| ROOT_AT + 8, |_| 161, "entries, and counts 161");
        expect(|_| ALLOCATED_CHUNKS_AT, |_| 1, "1 are counted");
        expect(|_| FREE_AT + 8, |_| 1, "reserved");
        expect(|memory| root(memory) + 15, |memory| child(memory, 1), "not in order");
        let memory = filled();
        let grown = memory.size();
        memory.grow(1);
        assert_eq!(problems(&memory)[0].what, "test: the memory is larger than its chunks");
        assert_eq!(memory.size(), grown + 1);
    }
}
