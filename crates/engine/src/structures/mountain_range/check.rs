//! Checks a whole range.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::place::nodes;
use super::{MountainRange, node_digest};
use crate::structures::hash_tree::Digest;

/// Compares the nodes of a range with those of its elements, which are passed in order.
pub(crate) struct Comparison<'a, M: Memory> {
    range: &'a MountainRange<M>,
    elements: u64,
    peaks: Vec<(u64, Digest)>,
}

impl<M: Memory> MountainRange<M> {
    /// Begins a comparison.
    pub(crate) fn compare(&self) -> Comparison<'_, M> {
        Comparison { range: self, elements: 0, peaks: Vec::new() }
    }
}

impl<M: Memory> Comparison<'_, M> {
    /// Compares the nodes that are complete with the next element. Elements after the last one of the range are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn next(&mut self, element: Digest) -> Result<(), Error> {
        if self.elements >= self.range.elements().unwrap_or_default() {
            return Ok(());
        }
        let mut position = nodes(self.elements);
        self.elements += 1;
        let mut peak = (1, element);
        self.check(position, &element)?;
        while let Some((size, left)) = self.peaks.pop_if(|(size, _)| *size == peak.0) {
            peak = (2 * size, node_digest(&left, &peak.1));
            position += 1;
            self.check(position, &peak.1)?;
        }
        self.peaks.push(peak);
        Ok(())
    }

    fn check(&self, position: u64, expected: &Digest) -> Result<(), Error> {
        if self.range.node(position) == *expected {
            return Ok(());
        }
        Err(Error::corrupted("digests of the log: a digest is not that of its entries", position * 32))
    }

    /// Checks that all elements of the range were passed.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.elements == self.range.elements().unwrap_or_default() {
            return Ok(());
        }
        Err(Error::corrupted("digests of the log: there are more of them than entries", 0))
    }
}
