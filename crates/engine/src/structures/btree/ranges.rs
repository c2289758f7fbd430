//! Sets of byte ranges of a page, for the known or changed bytes.

/// Largest number of ranges in a set. A message rarely touches more parts of a page; if it does, the page is
/// read as a whole. A page on the heap has two sets and is moved often, which costs more from 64 bytes on.
const MAX_RANGES: usize = 5;

/// A set of bytes of a page, as ranges in ascending order that neither overlap nor touch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ranges {
    count: u32,
    ranges: [(u16, u16); MAX_RANGES],
}

/// The error of a set that would have too many ranges.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Ranges {
    /// Creates the set of all bytes from `start` to `end`.
    pub(super) fn one(start: usize, end: usize) -> Self {
        let mut ranges = [(0, 0); MAX_RANGES];
        ranges[0] = (start as u16, end as u16);
        Self { count: 1, ranges }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.ranges[..self.count as usize].iter().map(|(start, end)| (usize::from(*start), usize::from(*end)))
    }

    /// Returns whether the set contains all bytes from `start` to `end`.
    #[inline]
    pub(super) fn contains(&self, start: usize, end: usize) -> bool {
        self.iter().any(|(from, to)| from <= start && end <= to)
    }

    /// Adds the bytes from `start` to `end`. Changes nothing if that would be too many ranges.
    pub(super) fn insert(&mut self, mut start: usize, mut end: usize) -> Result<(), TooMany> {
        // Most sets have one range, or none yet, and most bytes that are added are already in it.
        if start >= end || self.contains(start, end) {
            return Ok(());
        }
        if self.count == 0 {
            *self = Self::one(start, end);
            return Ok(());
        }
        // The ranges that the new one touches merge with it.
        let first = self.iter().take_while(|(_, to)| *to < start).count();
        let touched = self.iter().skip(first).take_while(|(from, _)| *from <= end).count();
        if touched > 0 {
            start = start.min(usize::from(self.ranges[first].0));
            end = end.max(usize::from(self.ranges[first + touched - 1].1));
        }
        let count = self.count as usize + 1 - touched;
        if count > MAX_RANGES {
            return Err(TooMany);
        }
        if touched != 1 {
            self.ranges.copy_within(first + touched..self.count as usize, first + 1);
        }
        self.ranges[first] = (start as u16, end as u16);
        self.count = count as u32;
        Ok(())
    }

    /// Calls `f` with each part from `start` to `end` that is not in the set.
    pub(super) fn gaps(&self, mut start: usize, end: usize, mut f: impl FnMut(usize, usize)) {
        for (from, to) in self.iter() {
            if to <= start {
                continue;
            }
            if from >= end {
                break;
            }
            if start < from {
                f(start, from);
            }
            start = to;
        }
        if start < end {
            f(start, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(ranges: &Ranges) -> Vec<bool> {
        let mut bits = vec![false; 64];
        ranges.iter().for_each(|(start, end)| bits[start..end].fill(true));
        bits
    }

    #[test]
    fn ranges_match_an_array_of_bits() {
        let mut random = 1u64;
        let mut below = |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((random >> 33) % bound) as usize
        };
        let mut refused = 0;
        for _ in 0..2_000 {
            let (mut ranges, mut model) = (Ranges::default(), vec![false; 64]);
            for _ in 0..12 {
                let start = below(64);
                let end = start + below(1 + (64 - start as u64).min(9));
                let mut gaps = [false; 64];
                ranges.gaps(start, end, |from, to| gaps[from..to].fill(true));
                assert!((0..64).all(|index| gaps[index] == (index >= start && index < end && !model[index])));
                assert_eq!(
                    start == end || ranges.contains(start, end),
                    model[start..end].iter().all(|bit| *bit)
                );
                match ranges.insert(start, end) {
                    Ok(()) => model[start..end].fill(true),
                    Err(TooMany) => {
                        let mut more = model.clone();
                        more[start..end].fill(true);
                        assert!(
                            more.chunk_by(|bit, next| bit == next).filter(|run| run[0]).count() > MAX_RANGES
                        );
                        refused += 1;
                    }
                }
                assert_eq!(bits(&ranges), model);
                let all: Vec<_> = ranges.iter().collect();
                assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0), "{all:?}");
                // An empty range uses no space in the set.
                assert!(all.iter().all(|(start, end)| start < end), "{all:?}");
            }
        }
        assert!(refused > 0, "the limit was never reached");
    }
}
