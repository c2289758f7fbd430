//! Slots of 256 bytes: the nodes of the tree.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field of a node
//!      0      4  left child: slot, or 0
//!      4      4  right child: slot, or 0
//!      8      4  root of the nested tree: slot, or 0
//!     12      4  slot with the rest of the label, or 0
//!     16      2  length of the label
//!     18      1  kind: 1 black node, 2 red node, 3 rest of a label, 4 free
//!     19      1  zero
//!     20      4  next free slot, or 0
//!     24     32  digest of the value: of the nested tree, if there is one
//!     56     32  digest of the left subtree; meaningless if there is none
//!     88     32  digest of the right subtree; meaningless if there is none
//!    120     32  digest of the labeled value
//!    152     32  digest of the labeled value and the right subtree
//!    184     64  first bytes of the label, then zeroes
//!    248      8  check: see [`mix`](crate::base::checksum::mix)
//! ```
//!
//! The rest of a label is in a list of slots, each with 224 bytes from offset 24 on; offset 16 has the number of its bytes. A free
//! slot keeps its four links: the slots to which they lead are free as well, which frees a whole tree in one step. The next free slot
//! is at offset 20. Slot 0 is not used.

use super::hash::Digest;
use crate::base::checksum::{mix, u32_at, u64_at};

/// Size of a slot, in bytes.
pub(super) const SLOT: usize = 256;

/// Bytes of a label in the node itself.
pub(super) const INLINE_LABEL: usize = 64;

/// Bytes of a label in each further slot.
pub(super) const LABEL_PART: usize = CHECK_AT - VALUE_AT;

/// The longest label, in bytes.
pub(crate) const MAX_LABEL: usize = 1_024;

const LINKS: usize = 4;
const LENGTH_AT: usize = 4 * LINKS;
const KIND_AT: usize = LENGTH_AT + 2;
const ZERO_AT: usize = KIND_AT + 1;
const NEXT_AT: usize = ZERO_AT + 1;
const VALUE_AT: usize = NEXT_AT + 4;
const LABEL_AT: usize = VALUE_AT + 5 * 32;
const CHECK_AT: usize = LABEL_AT + INLINE_LABEL;

const _: () = assert!(CHECK_AT + 8 == SLOT);

const BLACK: u8 = 1;
const RED: u8 = 2;
const REST: u8 = 3;
const FREE: u8 = 4;

/// Number of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotNumber(pub(super) u32);

impl SlotNumber {
    /// Marks the absence of a slot.
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Offset of the slot in the memory, in bytes.
    pub(super) const fn offset(self) -> u64 {
        self.0 as u64 * SLOT as u64
    }
}

/// A link from a slot to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Left,
    Right,
    /// To the root of the nested tree.
    Tree,
    /// To the rest of the label.
    Rest,
}

impl Link {
    pub(super) const ALL: [Self; LINKS] = [Self::Left, Self::Right, Self::Tree, Self::Rest];

    const fn at(self) -> usize {
        4 * self as usize
    }
}

/// A digest that a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Of the value under the label.
    Value,
    /// Of the left subtree; meaningless without one.
    Left,
    /// Of the right subtree; meaningless without one.
    Right,
    /// Of the value with its label.
    Labeled,
    /// Of the labeled value and the right subtree.
    Joined,
}

impl Kept {
    const fn at(self) -> usize {
        VALUE_AT + 32 * self as usize
    }
}

/// What a slot is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A node of a red-black tree: a label with its value, between the smaller and the larger labels.
    Node,
    /// Part of a label.
    LabelPart,
    Free,
}

/// A slot as it is stored. Its fields are read and written in place, because a copy of a slot costs more than all else that an
/// operation does with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot([u8; SLOT]);

impl Slot {
    /// A slot of zeroes, to be read into.
    pub(super) const EMPTY: Self = Self([0; SLOT]);

    /// Makes this slot a red node without a value and without children, whose label begins with these bytes.
    pub(super) fn become_node(&mut self, label: &[u8], rest: SlotNumber) {
        let inline = &label[..label.len().min(INLINE_LABEL)];
        *self = Self::EMPTY;
        self.0[KIND_AT] = RED;
        self.0[LENGTH_AT..KIND_AT].copy_from_slice(&(label.len() as u16).to_le_bytes());
        self.0[LABEL_AT..LABEL_AT + inline.len()].copy_from_slice(inline);
        self.set_link(Link::Rest, rest);
    }

    /// Makes this slot a part of a label.
    pub(super) fn become_label_part(&mut self, part: &[u8], rest: SlotNumber) {
        *self = Self::EMPTY;
        self.0[KIND_AT] = REST;
        self.0[LENGTH_AT..KIND_AT].copy_from_slice(&(part.len() as u16).to_le_bytes());
        self.0[VALUE_AT..VALUE_AT + part.len()].copy_from_slice(part);
        self.set_link(Link::Rest, rest);
    }

    /// Makes this slot a free one, which keeps its links.
    pub(super) fn become_free(&mut self, next: SlotNumber) {
        self.0[LENGTH_AT..].fill(0);
        self.0[KIND_AT] = FREE;
        self.0[NEXT_AT..VALUE_AT].copy_from_slice(&next.0.to_le_bytes());
    }

    /// Returns the bytes, to be read into.
    pub(super) fn buffer(&mut self) -> &mut [u8; SLOT] {
        &mut self.0
    }

    /// Computes the check, and returns the bytes to store.
    pub(super) fn sealed(&mut self) -> &[u8; SLOT] {
        let check = mix(&self.0[..CHECK_AT]);
        self.0[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        &self.0
    }

    /// Returns whether the bytes that were read are a slot.
    pub(super) fn is_sound(&self) -> bool {
        let longest = match self.0[KIND_AT] {
            BLACK | RED => MAX_LABEL,
            REST => LABEL_PART,
            FREE => usize::from(u16::MAX),
            _ => return false,
        };
        self.length() <= longest && u64_at(&self.0, CHECK_AT) == mix(&self.0[..CHECK_AT])
    }

    pub(super) fn kind(&self) -> Kind {
        match self.0[KIND_AT] {
            BLACK | RED => Kind::Node,
            REST => Kind::LabelPart,
            _ => Kind::Free,
        }
    }

    pub(super) fn is_red(&self) -> bool {
        self.0[KIND_AT] == RED
    }

    /// Colors a node.
    pub(super) fn set_red(&mut self, is_red: bool) {
        self.0[KIND_AT] = if is_red { RED } else { BLACK };
    }

    pub(super) fn link(&self, link: Link) -> SlotNumber {
        SlotNumber(u32_at(&self.0, link.at()))
    }

    pub(super) fn set_link(&mut self, link: Link, target: SlotNumber) {
        self.0[link.at()..link.at() + 4].copy_from_slice(&target.0.to_le_bytes());
    }

    /// Returns all slots to which this one links.
    pub(super) fn links(&self) -> [SlotNumber; LINKS] {
        Link::ALL.map(|link| self.link(link))
    }

    /// Returns the next free slot of a free slot.
    pub(super) fn next_free(&self) -> SlotNumber {
        SlotNumber(u32_at(&self.0, NEXT_AT))
    }

    /// Returns a digest of a node.
    pub(super) fn digest(&self, kept: Kept) -> &Digest {
        self.0[kept.at()..kept.at() + 32].try_into().expect("a range of 32 has 32 bytes")
    }

    pub(super) fn set_digest(&mut self, kept: Kept, digest: &Digest) {
        self.0[kept.at()..kept.at() + 32].copy_from_slice(digest);
    }

    /// Returns the length of the label of a node, or of a part of a label, in bytes.
    pub(super) fn length(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[LENGTH_AT], self.0[LENGTH_AT + 1]]))
    }

    /// Returns the first bytes of the label of a node, then zeroes.
    pub(super) fn label_start(&self) -> &[u8; INLINE_LABEL] {
        self.0[LABEL_AT..CHECK_AT].try_into().expect("the range has the length")
    }

    /// Returns the bytes of a label that are in the node itself.
    pub(super) fn inline_label(&self) -> &[u8] {
        &self.label_start()[..self.length().min(INLINE_LABEL)]
    }

    /// Returns the bytes of a part of a label.
    pub(super) fn label_part(&self) -> &[u8] {
        &self.0[VALUE_AT..VALUE_AT + self.length().min(LABEL_PART)]
    }

    /// Takes the label and the value of another node.
    pub(super) fn take_label_and_value(&mut self, other: &Self) {
        for link in [Link::Tree, Link::Rest] {
            self.set_link(link, other.link(link));
        }
        self.0[LENGTH_AT..KIND_AT].copy_from_slice(&other.0[LENGTH_AT..KIND_AT]);
        self.0[LABEL_AT..CHECK_AT].copy_from_slice(&other.0[LABEL_AT..CHECK_AT]);
        for kept in [Kept::Value, Kept::Labeled] {
            self.set_digest(kept, other.digest(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> [Slot; 3] {
        let [mut node, mut part, mut free] = [const { Slot::EMPTY }; 3];
        node.become_node(&[9; MAX_LABEL], SlotNumber(0x0a0b_0c0d));
        for (link, target) in [(Link::Left, 0x0102_0304), (Link::Right, 5), (Link::Tree, 7)] {
            node.set_link(link, SlotNumber(target));
        }
        let digests = [Kept::Left, Kept::Right, Kept::Value, Kept::Labeled, Kept::Joined];
        for (byte, kept) in (1..).zip(digests) {
            node.set_digest(kept, &[byte; 32]);
        }
        part.become_label_part(&[8; LABEL_PART], SlotNumber(3));
        free.become_node(b"a node that was freed", SlotNumber(4));
        for (link, target) in [(Link::Left, 1), (Link::Right, 2), (Link::Tree, 3)] {
            free.set_link(link, SlotNumber(target));
        }
        free.become_free(SlotNumber(77));
        [node, part, free]
    }

    fn is_sound(bytes: [u8; SLOT]) -> bool {
        Slot(bytes).is_sound()
    }

    #[test]
    fn slots_are_sound_and_every_flipped_bit_is_detected() {
        for mut slot in samples() {
            let bytes = *slot.sealed();
            assert!(is_sound(bytes));
            for bit in 0..SLOT * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(!is_sound(damaged), "bit {bit}");
            }
        }
    }

    #[test]
    fn the_fields_are_where_the_layout_has_them() {
        let [node, part, free] = samples().map(|mut slot| *slot.sealed());
        assert_eq!(node[..20], [4, 3, 2, 1, 5, 0, 0, 0, 7, 0, 0, 0, 13, 12, 11, 10, 0, 4, 2, 0]);
        for (offset, byte) in [(24, 3), (56, 1), (88, 2), (120, 4), (152, 5), (184, 9)] {
            assert_eq!(node[offset..offset + 32], [byte; 32], "at {offset}");
        }
        assert_eq!(part[12..20], [3, 0, 0, 0, 224, 0, 3, 0]);
        assert_eq!(part[24..248], [8; 224]);
        assert_eq!(free[..24], [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 0, 77, 0, 0, 0]);
        assert_eq!(free[24..248], [0; 224], "nothing is left of the node");
    }

    #[test]
    fn fields_are_read_back() {
        let [node, part, free] = samples();
        assert_eq!((node.kind(), part.kind(), free.kind()), (Kind::Node, Kind::LabelPart, Kind::Free));
        assert_eq!(node.links(), [0x0102_0304, 5, 7, 0x0a0b_0c0d].map(SlotNumber));
        assert_eq!((node.length(), node.inline_label()), (MAX_LABEL, [9; INLINE_LABEL].as_slice()));
        assert_eq!((part.label_part(), free.next_free()), ([8; LABEL_PART].as_slice(), SlotNumber(77)));
        let mut other = Slot::EMPTY;
        other.become_node(b"label", SlotNumber::NONE);
        assert_eq!(other.inline_label(), b"label");
        other.take_label_and_value(&node);
        assert_eq!(other.links(), [0, 0, 7, 0x0a0b_0c0d].map(SlotNumber));
        assert_eq!((other.length(), other.digest(Kept::Labeled)), (MAX_LABEL, &[4; 32]));
        assert!(other.is_red());
        other.set_red(false);
        assert!(!other.is_red() && other.kind() == Kind::Node);
    }

    #[test]
    fn impossible_lengths_and_kinds_are_refused_despite_a_valid_check() {
        let with = |slot: &Slot, offset: usize, byte: u8| {
            let mut damaged = slot.clone();
            damaged.0[offset] = byte;
            damaged.sealed();
            damaged.is_sound()
        };
        let [node, part, free] = samples();
        assert!(!with(&node, LENGTH_AT, 1), "a label of 1,025 bytes");
        assert!(!with(&part, LENGTH_AT, 225));
        for kind in [0, 5, 255] {
            assert!(!with(&free, KIND_AT, kind));
        }
    }
}
