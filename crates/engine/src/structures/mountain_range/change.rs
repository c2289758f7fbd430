//! Appending: planned first, and written in one step.

use ic_stable_structures::Memory;

use super::place::{mountains, nodes};
use super::{MountainRange, node_digest, root_of};
use crate::base::growth::Growth;
use crate::base::layout::PAGE_BYTES;
use crate::structures::hash_tree::Digest;

/// A planned change. Dropping it without a commit changes nothing.
#[must_use = "a change that is not committed changes nothing"]
pub(crate) struct Change<'a, M: Memory> {
    range: &'a MountainRange<M>,
    elements: u64,
    /// The peaks, each with the number of its elements, from left to right.
    peaks: Vec<(u64, Digest)>,
    /// The nodes that are complete with the change.
    nodes: Vec<u8>,
}

impl<M: Memory> MountainRange<M> {
    /// Begins a change, of an empty range if it has never been used.
    pub(crate) fn begin(&self) -> Change<'_, M> {
        let elements = self.elements().unwrap_or_default();
        let peaks =
            mountains(elements).map(|mountain| (mountain.elements, self.node(mountain.peak()))).collect();
        Change { range: self, elements, peaks, nodes: Vec::new() }
    }
}

impl<M: Memory> Change<'_, M> {
    /// Appends an element by its digest.
    pub(crate) fn append(&mut self, element: Digest) {
        self.elements += 1;
        self.nodes.extend(element);
        let mut peak = (1, element);
        while let Some((size, left)) = self.peaks.pop_if(|(size, _)| *size == peak.0) {
            peak = (2 * size, node_digest(&left, &peak.1));
            self.nodes.extend(peak.1);
        }
        self.peaks.push(peak);
    }

    /// Returns the number of elements after the change.
    pub(crate) fn elements(&self) -> u64 {
        self.elements
    }

    /// Returns the root after the change.
    pub(crate) fn root(&self) -> Digest {
        root_of(self.peaks.iter().map(|(_, digest)| *digest)).unwrap_or_default()
    }

    /// Returns the memory and the pages by which the commit grows it.
    pub(crate) fn growth(&self) -> Growth<'_, M> {
        let needed = (nodes(self.elements) * 32).div_ceil(PAGE_BYTES);
        let missing = needed.saturating_sub(self.range.memory.size());
        let step = self.range.growth_pages;
        Growth { memory: &self.range.memory, pages: missing.div_ceil(step) * step }
    }

    /// Writes the change. The pages of [`growth`](Self::growth) must have been reserved.
    pub(crate) fn commit(self) {
        let Growth { memory, pages } = self.growth();
        if pages > 0 {
            assert!(
                memory.grow(pages) >= 0,
                "the memory of the log's digests refused {pages} reserved pages"
            );
        }
        let end = nodes(self.elements) * 32;
        memory.write(end - self.nodes.len() as u64, &self.nodes);
        self.range.write_header(self.elements);
    }
}
