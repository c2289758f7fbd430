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
//!     56     32  digest of the left subtree; zero if there is none
//!     88     32  digest of the right subtree; zero if there is none
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

const LEFT_AT: usize = 0;
const RIGHT_AT: usize = LEFT_AT + 4;
const TREE_AT: usize = RIGHT_AT + 4;
const REST_AT: usize = TREE_AT + 4;
const LENGTH_AT: usize = REST_AT + 4;
const KIND_AT: usize = LENGTH_AT + 2;
const ZERO_AT: usize = KIND_AT + 1;
const NEXT_AT: usize = ZERO_AT + 1;
const VALUE_AT: usize = NEXT_AT + 4;
const LEFT_DIGEST_AT: usize = VALUE_AT + 32;
const RIGHT_DIGEST_AT: usize = LEFT_DIGEST_AT + 32;
const LABELED_AT: usize = RIGHT_DIGEST_AT + 32;
const JOINED_AT: usize = LABELED_AT + 32;
const LABEL_AT: usize = JOINED_AT + 32;
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

/// A subtree, and its digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) slot: SlotNumber,
    /// Meaningless without a slot.
    pub(super) digest: Digest,
}

/// A label: its first bytes, and the slots with the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) length: u16,
    pub(super) start: [u8; INLINE_LABEL],
    pub(super) rest: SlotNumber,
}

/// Digest of the value under a label, and the nested tree that has it, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) digest: Digest,
    pub(super) tree: SlotNumber,
    /// Digest of the value under its label.
    pub(super) labeled: Digest,
}

/// A node of a red-black tree: a label with its value, between the smaller and the larger labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) label: Label,
    pub(super) value: Value,
    pub(super) left: Subtree,
    pub(super) right: Subtree,
    /// Digest of the labeled value and the right subtree.
    pub(super) joined: Digest,
    pub(super) is_red: bool,
}

/// Part of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LabelPart {
    pub(super) length: u16,
    pub(super) bytes: [u8; LABEL_PART],
    pub(super) rest: SlotNumber,
}

/// A free slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FreeSlot {
    pub(super) next: SlotNumber,
    /// Slots that are free with this one.
    pub(super) links: [SlotNumber; 4],
}

/// Contents of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Node(Node),
    LabelPart(LabelPart),
    Free(FreeSlot),
}

impl Slot {
    /// Returns the slots to which this one links.
    pub(super) fn links(&self) -> [SlotNumber; 4] {
        match self {
            Self::Node(node) => [node.left.slot, node.right.slot, node.value.tree, node.label.rest],
            Self::LabelPart(part) => [SlotNumber::NONE, SlotNumber::NONE, SlotNumber::NONE, part.rest],
            Self::Free(free) => free.links,
        }
    }

    pub(super) fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        for (index, link) in self.links().into_iter().enumerate() {
            bytes[4 * index..4 * index + 4].copy_from_slice(&link.0.to_le_bytes());
        }
        let kind = match self {
            Self::Node(node) => {
                node.encode(&mut bytes);
                if node.is_red { RED } else { BLACK }
            }
            Self::LabelPart(part) => {
                bytes[LENGTH_AT..KIND_AT].copy_from_slice(&part.length.to_le_bytes());
                bytes[VALUE_AT..CHECK_AT].copy_from_slice(&part.bytes);
                REST
            }
            Self::Free(free) => {
                bytes[NEXT_AT..VALUE_AT].copy_from_slice(&free.next.0.to_le_bytes());
                FREE
            }
        };
        bytes[KIND_AT] = kind;
        let check = mix(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Decodes a slot. Returns `None` for bytes that are not a slot.
    pub(super) fn decode(bytes: &[u8; SLOT]) -> Option<Self> {
        if u64_at(bytes, CHECK_AT) != mix(&bytes[..CHECK_AT]) {
            return None;
        }
        let link = |offset| SlotNumber(u32_at(bytes, offset));
        let length = u16::from_le_bytes([bytes[LENGTH_AT], bytes[LENGTH_AT + 1]]);
        match bytes[KIND_AT] {
            BLACK | RED if usize::from(length) <= MAX_LABEL => Some(Self::Node(Node::decode(bytes, length))),
            REST if usize::from(length) <= LABEL_PART => Some(Self::LabelPart(LabelPart {
                length,
                bytes: bytes[VALUE_AT..CHECK_AT].try_into().expect("the range has the length"),
                rest: link(REST_AT),
            })),
            FREE => Some(Self::Free(FreeSlot {
                next: link(NEXT_AT),
                links: [LEFT_AT, RIGHT_AT, TREE_AT, REST_AT].map(link),
            })),
            _ => None,
        }
    }
}

impl Node {
    fn encode(&self, bytes: &mut [u8; SLOT]) {
        bytes[LENGTH_AT..KIND_AT].copy_from_slice(&self.label.length.to_le_bytes());
        let digests = [
            (VALUE_AT, &self.value.digest),
            (LEFT_DIGEST_AT, &self.left.digest),
            (RIGHT_DIGEST_AT, &self.right.digest),
            (LABELED_AT, &self.value.labeled),
            (JOINED_AT, &self.joined),
        ];
        for (offset, digest) in digests {
            bytes[offset..offset + 32].copy_from_slice(digest);
        }
        bytes[LABEL_AT..CHECK_AT].copy_from_slice(&self.label.start);
    }

    fn decode(bytes: &[u8; SLOT], length: u16) -> Self {
        let link = |offset| SlotNumber(u32_at(bytes, offset));
        let digest = |offset: usize| -> Digest {
            bytes[offset..offset + 32].try_into().expect("a range of 32 has 32 bytes")
        };
        Self {
            label: Label {
                length,
                start: bytes[LABEL_AT..CHECK_AT].try_into().expect("the range has the length"),
                rest: link(REST_AT),
            },
            value: Value { digest: digest(VALUE_AT), tree: link(TREE_AT), labeled: digest(LABELED_AT) },
            left: Subtree { slot: link(LEFT_AT), digest: digest(LEFT_DIGEST_AT) },
            right: Subtree { slot: link(RIGHT_AT), digest: digest(RIGHT_DIGEST_AT) },
            joined: digest(JOINED_AT),
            is_red: bytes[KIND_AT] == RED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> [Slot; 3] {
        let subtree = |slot, byte| Subtree { slot: SlotNumber(slot), digest: [byte; 32] };
        let node = Node {
            label: Label { length: 1_024, start: [9; INLINE_LABEL], rest: SlotNumber(0x0a0b_0c0d) },
            value: Value { digest: [3; 32], tree: SlotNumber(7), labeled: [4; 32] },
            left: subtree(0x0102_0304, 1),
            right: subtree(5, 2),
            joined: [5; 32],
            is_red: true,
        };
        let part = LabelPart { length: 224, bytes: [8; LABEL_PART], rest: SlotNumber(3) };
        let free = FreeSlot { next: SlotNumber(77), links: [1, 2, 3, 4].map(SlotNumber) };
        [Slot::Node(node), Slot::LabelPart(part), Slot::Free(free)]
    }

    #[test]
    fn slots_round_trip_and_every_flipped_bit_is_detected() {
        for slot in samples() {
            let bytes = slot.encode();
            assert_eq!(Slot::decode(&bytes), Some(slot));
            for bit in 0..SLOT * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Slot::decode(&damaged), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn the_fields_of_a_node_are_where_the_layout_has_them() {
        let [node, part, free] = samples().map(|slot| slot.encode());
        assert_eq!(node[..20], [4, 3, 2, 1, 5, 0, 0, 0, 7, 0, 0, 0, 13, 12, 11, 10, 0, 4, 2, 0]);
        for (offset, byte) in [(24, 3), (56, 1), (88, 2), (120, 4), (152, 5), (184, 9)] {
            assert_eq!(node[offset..offset + 32], [byte; 32], "at {offset}");
        }
        assert_eq!(part[12..20], [3, 0, 0, 0, 224, 0, 3, 0]);
        assert_eq!(part[24..248], [8; 224]);
        assert_eq!(free[..24], [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 0, 77, 0, 0, 0]);
    }

    #[test]
    fn impossible_lengths_and_kinds_are_refused_despite_a_valid_check() {
        let with = |slot: &Slot, offset: usize, byte: u8| {
            let mut bytes = slot.encode();
            bytes[offset] = byte;
            let check = mix(&bytes[..CHECK_AT]);
            bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
            Slot::decode(&bytes)
        };
        let [node, part, free] = samples();
        assert_eq!(with(&node, LENGTH_AT, 1), None, "a label of 1,025 bytes");
        assert_eq!(with(&part, LENGTH_AT, 225), None);
        for kind in [0, 5, 255] {
            assert_eq!(with(&free, KIND_AT, kind), None);
        }
    }
}
