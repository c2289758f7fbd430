//! The tree in memory: opening it, and searching it.

use std::cell::Cell;
use std::cmp::Ordering;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::hash::Digest;
use super::header::{HEADER_BYTES, Header};
use super::plan::Plan;
use super::slot::{INLINE_LABEL, Kept, Kind, Link, Slot, SlotNumber};
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
    /// Buffers for the next change.
    pub(super) spare: Cell<Plan>,
}

impl<M: Memory> Tree<M> {
    /// Opens the tree in a memory. Its header is at an offset of another memory. A header of zeroes is an empty tree.
    pub(crate) fn open(memory: M, home: (M, u64), growth_pages: u64) -> Result<Self, OpenError> {
        let mut encoded = [0; HEADER_BYTES];
        home.0.read(home.1, &mut encoded);
        let bytes = memory.size().saturating_mul(PAGE_BYTES);
        let what = || "the hash tree does not have a valid header".to_string();
        let header = Header::decode(&encoded, bytes).ok_or_else(|| OpenError::damaged(what(), home.1))?;
        Ok(Self { memory, home, growth_pages, header: Cell::new(header), spare: Cell::default() })
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
        Ok(self.find(path)?.map(|node| *node.digest(Kept::Value)))
    }

    /// Returns the node of the last label of a path.
    pub(super) fn find(&self, path: &[&[u8]]) -> Result<Option<Slot>, Error> {
        let mut found = None;
        let mut root = self.header.get().root;
        for label in path {
            let Some(node) = self.descend(root, label, |_, _| ())? else { return Ok(None) };
            root = node.link(Link::Tree);
            found = Some(node);
        }
        Ok(found)
    }

    /// Searches a label in one tree, and returns its node. Passes the other nodes on the way to `pass`, each with the side on which
    /// the label is.
    pub(super) fn descend(
        &self,
        root: SlotNumber,
        label: &[u8],
        mut pass: impl FnMut(&Slot, Ordering),
    ) -> Result<Option<Slot>, Error> {
        let wanted = Wanted::new(label);
        let mut next = root;
        let mut steps = Steps::default();
        let mut node = Slot::EMPTY;
        while !next.is_none() {
            steps.take(next)?;
            self.read_node(next, &mut node)?;
            let side = self.compare(&wanted, &node)?;
            next = match side {
                Ordering::Equal => return Ok(Some(node)),
                Ordering::Less => node.link(Link::Left),
                Ordering::Greater => node.link(Link::Right),
            };
            pass(&node, side);
        }
        Ok(None)
    }

    /// Compares a label with the one of a node.
    pub(super) fn compare(&self, wanted: &Wanted<'_>, node: &Slot) -> Result<Ordering, Error> {
        match wanted.compare_start(node) {
            Some(side) => Ok(side),
            None => Ok(wanted.label.cmp(&self.label(node)?)),
        }
    }

    /// Returns all bytes of the label of a node.
    pub(super) fn label(&self, node: &Slot) -> Result<Vec<u8>, Error> {
        let mut bytes = node.inline_label().to_vec();
        let mut next = node.link(Link::Rest);
        let mut part = Slot::EMPTY;
        while bytes.len() < node.length() {
            self.read(next, &mut part)?;
            if part.kind() != Kind::LabelPart || part.length() == 0 {
                return Err(damaged(next));
            }
            bytes.extend_from_slice(part.label_part());
            next = part.link(Link::Rest);
        }
        if bytes.len() > node.length() || !next.is_none() {
            return Err(damaged(node.link(Link::Rest)));
        }
        Ok(bytes)
    }

    /// Reads a node.
    pub(super) fn node(&self, number: SlotNumber) -> Result<Slot, Error> {
        let mut node = Slot::EMPTY;
        self.read_node(number, &mut node)?;
        Ok(node)
    }

    fn read_node(&self, number: SlotNumber, node: &mut Slot) -> Result<(), Error> {
        self.read(number, node)?;
        if node.kind() == Kind::Node { Ok(()) } else { Err(damaged(number)) }
    }

    /// Reads a slot.
    pub(super) fn read(&self, number: SlotNumber, slot: &mut Slot) -> Result<(), Error> {
        if number.is_none() || number.0 >= self.header.get().slots {
            return Err(Error::corrupted(
                "hash tree: a link points to a slot outside the tree",
                number.offset(),
            ));
        }
        self.memory.read(number.offset(), slot.buffer());
        if slot.is_sound() { Ok(()) } else { Err(damaged(number)) }
    }
}

/// A label that is searched.
pub(super) struct Wanted<'a> {
    pub(super) label: &'a [u8],
    /// The first bytes of the label, then zeroes.
    start: [u8; INLINE_LABEL],
}

impl<'a> Wanted<'a> {
    pub(super) fn new(label: &'a [u8]) -> Self {
        let mut start = [0; INLINE_LABEL];
        let inline = &label[..label.len().min(INLINE_LABEL)];
        start[..inline.len()].copy_from_slice(inline);
        Self { label, start }
    }

    /// Compares the label with the part in the node itself, or returns `None` if that does not suffice.
    ///
    /// Words are compared first: the zeroes after a shorter label are never greater than the bytes of a longer one, and the lengths
    /// decide if those are zeroes as well.
    pub(super) fn compare_start(&self, node: &Slot) -> Option<Ordering> {
        let (ours, theirs) = (self.start.as_chunks::<8>().0, node.label_start().as_chunks::<8>().0);
        if let Some((ours, theirs)) = ours.iter().zip(theirs).find(|(ours, theirs)| ours != theirs) {
            return Some(u64::from_be_bytes(*ours).cmp(&u64::from_be_bytes(*theirs)));
        }
        let is_longer = self.label.len() > INLINE_LABEL && node.length() > INLINE_LABEL;
        if is_longer { None } else { Some(self.label.len().cmp(&node.length())) }
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
