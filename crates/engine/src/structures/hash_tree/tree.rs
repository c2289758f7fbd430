//! The tree in memory: opening it, and searching it.

use std::cell::Cell;
use std::cmp::Ordering;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::hash::Digest;
use super::header::{HEADER_BYTES, Header};
use super::slot::{INLINE_LABEL, Label, Node, SLOT, Slot, SlotNumber, Value};
use crate::base::layout::PAGE_BYTES;
use crate::base::open::OpenError;

/// An ordered map from paths of labels to digests, in a separate memory, with the digest of the whole.
///
/// Each label has a value: a digest, or a nested tree. Each tree is a left-leaning red-black tree (Sedgewick, 2008) of the shape
/// that the `RbTree` of ic-certified-map has after the same insertions and removals, and so has its digests and witnesses.
pub(crate) struct Tree<M: Memory> {
    pub(super) memory: M,
    /// Location of the header.
    home: (M, u64),
    /// The memory grows by multiples of this many pages of 64 KiB.
    pub(super) growth_pages: u64,
    /// The header after the last commit.
    pub(super) header: Cell<Header>,
}

impl<M: Memory> Tree<M> {
    /// Opens the tree in a memory. Its header is at an offset of another memory. A header of zeroes is an empty tree.
    pub(crate) fn open(memory: M, home: (M, u64), growth_pages: u64) -> Result<Self, OpenError> {
        let mut encoded = [0; HEADER_BYTES];
        home.0.read(home.1, &mut encoded);
        let bytes = memory.size().saturating_mul(PAGE_BYTES);
        let what = || "the hash tree does not have a valid header".to_string();
        let header = Header::decode(&encoded, bytes).ok_or_else(|| OpenError::damaged(what(), home.1))?;
        Ok(Self { memory, home, growth_pages, header: Cell::new(header) })
    }

    pub(super) fn write_header(&self, header: Header) {
        self.home.0.write(self.home.1, &header.encode());
        self.header.set(header);
    }

    /// Returns the digest of the whole tree.
    pub(crate) fn digest(&self) -> Digest {
        self.header.get().digest
    }

    /// Returns the digest of the value under a path of labels.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn get(&self, path: &[&[u8]]) -> Result<Option<Digest>, Error> {
        Ok(self.find(path)?.map(|value| value.digest))
    }

    /// Returns the value under a path of labels.
    pub(super) fn find(&self, path: &[&[u8]]) -> Result<Option<Value>, Error> {
        let mut found = None;
        let mut root = self.header.get().root;
        for label in path {
            let Some(node) = self.find_label(root, label)? else { return Ok(None) };
            root = node.value.tree;
            found = Some(node.value);
        }
        Ok(found)
    }

    /// Returns the node of a label in one tree.
    fn find_label(&self, root: SlotNumber, label: &[u8]) -> Result<Option<Node>, Error> {
        self.descend(root, label, |_, _| ())
    }

    /// Searches a label in one tree, and returns its node. Passes the other nodes on the way to `pass`, each with the side on which
    /// the label is.
    pub(super) fn descend(
        &self,
        root: SlotNumber,
        label: &[u8],
        mut pass: impl FnMut(&Node, Ordering),
    ) -> Result<Option<Node>, Error> {
        let mut next = root;
        let mut steps = Steps::default();
        while !next.is_none() {
            steps.take(next)?;
            let node = self.node(next)?;
            let side = self.compare(label, &node.label)?;
            next = match side {
                Ordering::Equal => return Ok(Some(node)),
                Ordering::Less => node.left.slot,
                Ordering::Greater => node.right.slot,
            };
            pass(&node, side);
        }
        Ok(None)
    }

    /// Compares a label with the one of a node.
    pub(super) fn compare(&self, label: &[u8], other: &Label) -> Result<Ordering, Error> {
        let length = usize::from(other.length);
        let (start, other_start) = (&label[..label.len().min(INLINE_LABEL)], other.inline());
        match start.cmp(other_start) {
            Ordering::Equal if length > INLINE_LABEL && label.len() > INLINE_LABEL => {
                Ok(label.cmp(&self.label(other)?))
            }
            Ordering::Equal => Ok(label.len().cmp(&length)),
            different => Ok(different),
        }
    }

    /// Returns all bytes of a label.
    pub(super) fn label(&self, label: &Label) -> Result<Vec<u8>, Error> {
        let mut bytes = label.inline().to_vec();
        let mut next = label.rest;
        while bytes.len() < usize::from(label.length) {
            let Slot::LabelPart(part) = self.slot(next)? else { return Err(damaged(next)) };
            if part.length == 0 {
                return Err(damaged(next));
            }
            bytes.extend_from_slice(&part.bytes[..usize::from(part.length)]);
            next = part.rest;
        }
        if bytes.len() > usize::from(label.length) || !next.is_none() {
            return Err(damaged(label.rest));
        }
        Ok(bytes)
    }

    /// Reads a node.
    pub(super) fn node(&self, number: SlotNumber) -> Result<Node, Error> {
        match self.slot(number)? {
            Slot::Node(node) => Ok(node),
            _ => Err(damaged(number)),
        }
    }

    /// Reads a slot.
    pub(super) fn slot(&self, number: SlotNumber) -> Result<Slot, Error> {
        if number.is_none() || number.0 >= self.header.get().slots {
            return Err(Error::corrupted(
                "hash tree: a link points to a slot outside the tree",
                number.offset(),
            ));
        }
        let mut bytes = [0; SLOT];
        self.memory.read(number.offset(), &mut bytes);
        Slot::decode(&bytes).ok_or_else(|| damaged(number))
    }
}

impl Label {
    /// Returns the bytes in the node itself.
    pub(super) fn inline(&self) -> &[u8] {
        &self.start[..usize::from(self.length).min(INLINE_LABEL)]
    }
}

/// Returns an error in a slot.
#[cold]
pub(super) fn damaged(number: SlotNumber) -> Error {
    Error::corrupted("hash tree: a slot is corrupt", number.offset())
}

/// Largest number of levels of one tree: a red-black tree of 2^32 nodes has at most twice 32.
pub(super) const MAX_LEVELS: u32 = 64;

/// Number of nodes on the way down one tree, bounded so that links in a circle end.
#[derive(Default)]
pub(super) struct Steps(u32);

impl Steps {
    /// Counts a step.
    pub(super) fn take(&mut self, number: SlotNumber) -> Result<(), Error> {
        self.0 += 1;
        Self::at(self.0, number)
    }

    /// Checks the number of a level.
    pub(super) fn at(level: u32, number: SlotNumber) -> Result<(), Error> {
        if level > MAX_LEVELS {
            return Err(Error::corrupted("hash tree: more levels than a tree can have", number.offset()));
        }
        Ok(())
    }
}
