//! A Merkle mountain range: digests of a list that only grows, with a root and short proofs of each element.
//!
//! # Layout v1
//!
//! ```text
//! memory 8     the digests of all nodes, 32 bytes each, in the order in which they become complete: a node follows its two
//!              children
//!
//! header, at the offset of the memory's header on page 0:
//! offset  bytes  field
//!      0      4  magic "IC-M"
//!      4      1  version, 1
//!      5      3  zero
//!      8      8  number of elements
//!     16      8  check: see [`mix`](crate::base::checksum::mix)
//! ```
//!
//! The elements are the leaves of perfect binary trees, the mountains: one for each binary digit 1 of their number, the largest
//! first. An append completes one leaf and, on average, one inner node; no node ever changes. Digests are SHA-256 with a domain
//! separator, which is preceded by its length:
//!
//! ```text
//! element  "stable-storage-log-entry", the bytes
//! node     "stable-storage-log-node", the digest of the left child, the digest of the right child
//! root     the last peak; then, from right to left, the node of each other peak and the root so far. Zeroes without elements
//! ```

mod change;
mod check;
mod place;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use ic_stable_structures::Memory;
use sha2::{Digest as _, Sha256};

use crate::base::checksum::{mix, u64_at};
use crate::base::layout::PAGE_BYTES;
use crate::base::open::OpenError;
use crate::structures::hash_tree::Digest;
pub(crate) use change::Change;
use place::{Mountain, mountains, nodes};

/// Size of the header, in bytes.
const HEADER_BYTES: usize = 24;

const MAGIC: [u8; 8] = *b"IC-M\x01\0\0\0";

/// The digests of a list of elements, in a separate memory.
pub(crate) struct MountainRange<M: Memory> {
    memory: M,
    /// Location of the header.
    home: (M, u64),
    growth_pages: u64,
    /// Number of elements; `None` until the range is first used.
    elements: Cell<Option<u64>>,
}

impl<M: Memory> MountainRange<M> {
    /// Opens the range in a memory. Its header is at an offset of another memory. A header of zeroes is a range that has never been
    /// used.
    pub(crate) fn open(memory: M, home: (M, u64), growth_pages: u64) -> Result<Self, OpenError> {
        let mut header = [0; HEADER_BYTES];
        home.0.read(home.1, &mut header);
        let is_unused = header == [0; HEADER_BYTES] && memory.size() == 0;
        let elements = u64_at(&header, 8);
        let is_sound = header[..8] == MAGIC && u64_at(&header, 16) == mix(&header[..16]);
        let fits = elements < 1 << 48 && nodes(elements) * 32 <= memory.size() * PAGE_BYTES;
        if !(is_unused || is_sound && fits) {
            return Err(OpenError::damaged("the digests of the log do not have a valid header", home.1));
        }
        let elements = Cell::new((!is_unused).then_some(elements));
        Ok(Self { memory, home, growth_pages, elements })
    }

    fn write_header(&self, elements: u64) {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&elements.to_le_bytes());
        let check = mix(&header[..16]);
        header[16..].copy_from_slice(&check.to_le_bytes());
        self.home.0.write(self.home.1, &header);
        self.elements.set(Some(elements));
    }

    /// Returns the number of elements, or `None` if the range has never been used.
    pub(crate) fn elements(&self) -> Option<u64> {
        self.elements.get()
    }

    fn node(&self, position: u64) -> Digest {
        let mut digest = [0; 32];
        self.memory.read(position * 32, &mut digest);
        digest
    }

    /// Returns the digests that lead from an element to the root: the siblings on the way up its mountain; then the digest of what is
    /// to the right of the mountain, if anything; then the peaks to its left, from right to left. The element must exist.
    pub(crate) fn path(&self, element: u64) -> Vec<Digest> {
        let mountains: Vec<_> = mountains(self.elements().unwrap_or_default()).collect();
        let at = mountains.iter().position(|mountain| element < mountain.end()).expect("the element exists");
        let mut path: Vec<_> =
            mountains[at].siblings(element).into_iter().map(|position| self.node(position)).collect();
        let peak = |mountain: &Mountain| self.node(mountain.peak());
        path.extend(root_of(mountains[at + 1..].iter().map(peak)));
        path.extend(mountains[..at].iter().rev().map(peak));
        path
    }
}

/// Returns the digest of an element.
pub(crate) fn element_digest(bytes: &[u8]) -> Digest {
    Sha256::new().chain_update(b"\x18stable-storage-log-entry").chain_update(bytes).finalize().into()
}

fn node_digest(left: &Digest, right: &Digest) -> Digest {
    Sha256::new()
        .chain_update(b"\x17stable-storage-log-node")
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// Returns the root over peaks; `None` without any.
fn root_of(peaks: impl DoubleEndedIterator<Item = Digest>) -> Option<Digest> {
    peaks.rev().reduce(|root, peak| node_digest(&peak, &root))
}
