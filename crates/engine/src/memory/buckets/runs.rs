//! The locations of the buckets of each memory, as runs of contiguous buckets.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{MEMORIES, NO_OWNER};

/// A run that is stored besides the table of owners, because its position does not follow from its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Index of the first bucket within its memory.
    pub(super) first: u16,
    /// Number of the first bucket among all buckets.
    pub(super) bucket: u16,
    /// Number of buckets.
    pub(super) count: u16,
}

/// Buckets that are contiguous both in a memory and physically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Index of the first bucket within its memory.
    pub(super) first: u64,
    /// Number of the first bucket among all buckets.
    pub(super) bucket: u64,
    /// Number of buckets.
    pub(super) count: u64,
}

impl Run {
    /// Returns the index after the last bucket, within the memory.
    pub(super) fn end(&self) -> u64 {
        self.first + self.count
    }
}

/// The runs of all memories.
pub(super) struct Runs(Box<[Vec<Run>]>);

impl Default for Runs {
    fn default() -> Self {
        Self(vec![Vec::new(); MEMORIES].into())
    }
}

impl Runs {
    /// Returns the runs for a table of owners, and the buckets without an owner. `moved` are the runs whose
    /// position does not follow from their numbers. Returns `None` if the table and the runs contradict each
    /// other.
    pub(super) fn scan(owners: &[u8], moved: &[Moved]) -> Option<(Self, BTreeSet<u64>)> {
        let mut runs = Self::default();
        let mut holes = BTreeSet::new();
        let mut moved_runs: BTreeMap<u8, Vec<Run>> = BTreeMap::new();
        let mut is_moved = BTreeMap::new();
        for &Moved { first, bucket, count } in moved {
            let (first, bucket, count) = (first.into(), bucket.into(), u64::from(count));
            let owner = *owners.get(bucket as usize).filter(|owner| **owner != NO_OWNER)?;
            let range = owners.get(bucket as usize..(bucket + count) as usize)?;
            let before =
                is_moved.range(..bucket + count).next_back().map_or(0, |(index, count)| index + count);
            if count == 0 || equal_bytes(range, owner) != range.len() || before > bucket {
                return None;
            }
            is_moved.insert(bucket, count);
            moved_runs.entry(owner).or_default().push(Run { first, bucket, count });
        }
        let mut index = 0;
        while let Some(&owner) = owners.get(index) {
            let end = index + equal_bytes(&owners[index..], owner);
            if owner == NO_OWNER {
                holes.extend(index as u64..end as u64);
            } else {
                runs.add_but(owner.into(), index as u64..end as u64, &is_moved);
            }
            index = end;
        }
        for (id, mut moved) in moved_runs {
            moved.sort_by_key(|run| run.first);
            runs.0[usize::from(id)] = merged(&runs.0[usize::from(id)], &moved)?;
        }
        Some((runs, holes))
    }

    /// Adds the buckets of a range to a memory, except those that are moved.
    fn add_but(&mut self, id: usize, range: Range<u64>, moved: &BTreeMap<u64, u64>) {
        let mut index = range.start;
        for (&bucket, &count) in moved.range(range.clone()) {
            if bucket > index {
                self.add(id, index, bucket - index);
            }
            index = index.max(bucket + count);
        }
        if index < range.end {
            self.add(id, index, range.end - index);
        }
    }

    /// Returns the runs whose position does not follow from their numbers: those with a lower bucket than one
    /// before them.
    pub(super) fn moved(&self) -> Vec<Moved> {
        let mut moved = Vec::new();
        for runs in self.all() {
            let mut next = 0;
            for run in runs {
                if run.bucket >= next {
                    next = run.bucket + run.count;
                    continue;
                }
                let number = |n: u64| u16::try_from(n).expect("there are at most 32,768 buckets");
                moved.push(Moved {
                    first: number(run.first),
                    bucket: number(run.bucket),
                    count: number(run.count),
                });
            }
        }
        moved
    }

    /// Truncates a memory to `buckets` buckets, and returns the others.
    pub(super) fn truncate(&mut self, id: usize, buckets: u64) -> Vec<u64> {
        let mut given = Vec::new();
        while let Some(run) = self.0[id].last_mut().filter(|run| run.end() > buckets) {
            let kept = buckets.saturating_sub(run.first);
            given.extend(run.bucket + kept..run.bucket + run.count);
            run.count = kept;
            if kept == 0 {
                self.0[id].pop();
            }
        }
        given
    }

    /// Adds buckets to the end of a memory.
    pub(super) fn add(&mut self, id: usize, bucket: u64, count: u64) {
        let runs = &mut self.0[id];
        match runs.last_mut() {
            Some(last) if last.bucket + last.count == bucket => last.count += count,
            last => {
                let first = last.map_or(0, |last| last.end());
                runs.push(Run { first, bucket, count });
            }
        }
    }

    /// Returns the runs of each memory.
    pub(super) fn all(&self) -> &[Vec<Run>] {
        &self.0
    }

    /// Returns the number of buckets of a memory.
    pub(super) fn buckets(&self, id: usize) -> u64 {
        buckets_in(&self.0[id])
    }

    /// Returns the run that contains a bucket of a memory, if the memory has that bucket.
    pub(super) fn find(&self, id: usize, number: u64) -> Option<Run> {
        let runs = &self.0[id];
        let after = runs.partition_point(|run| run.first <= number);
        runs[..after].last().copied().filter(|run| number < run.end())
    }
}

/// Returns the number of buckets in the runs of a memory.
pub(super) fn buckets_in(runs: &[Run]) -> u64 {
    runs.last().map_or(0, Run::end)
}

/// Merges the runs of a memory: `moved` runs at their positions, in ascending order, and the buckets of the
/// others in between.
fn merged(others: &[Run], moved: &[Run]) -> Option<Vec<Run>> {
    let mut merged = Runs::default();
    let mut others = others.iter().map(|run| (run.bucket, run.count));
    let mut rest = (0, 0);
    let mut index = 0;
    for run in moved {
        while index < run.first {
            rest = if rest.1 == 0 { others.next()? } else { rest };
            let count = rest.1.min(run.first - index);
            merged.add(0, rest.0, count);
            (rest, index) = ((rest.0 + count, rest.1 - count), index + count);
        }
        if index != run.first {
            return None;
        }
        merged.add(0, run.bucket, run.count);
        index += run.count;
    }
    std::iter::once(rest).chain(others).filter(|run| run.1 > 0).for_each(|run| merged.add(0, run.0, run.1));
    Some(std::mem::take(&mut merged.0[0]))
}

/// Returns the number of bytes at the start that equal `byte`. Compares 32 at a time, as words: in
/// WebAssembly, arrays are compared byte by byte, and an upgrade compares up to 32,768 bytes.
fn equal_bytes(bytes: &[u8], byte: u8) -> usize {
    let pattern = u64::from_le_bytes([byte; 8]);
    let differs = |word: &[u8; 8]| u64::from_le_bytes(*word) ^ pattern;
    let (blocks, _) = bytes.as_chunks::<32>();
    let is_equal = |block: &&[u8; 32]| {
        let (words, _) = block.as_chunks::<8>();
        differs(&words[0]) | differs(&words[1]) | differs(&words[2]) | differs(&words[3]) == 0
    };
    let whole = 32 * blocks.iter().take_while(is_equal).count();
    whole + bytes[whole..].iter().take_while(|other| **other == byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_finds_every_bucket_of_every_memory() {
        let owners = [vec![1; 20], vec![2], vec![1, 1, 0], vec![2; 9]].concat();
        let (runs, holes) = Runs::scan(&owners, &[]).unwrap();
        assert!(holes.is_empty());
        let mut seen = [0; 3];
        for (bucket, owner) in owners.iter().enumerate() {
            let id = usize::from(*owner);
            let run = runs.find(id, seen[id]).unwrap();
            assert_eq!(run.bucket + (seen[id] - run.first), bucket as u64);
            seen[id] += 1;
        }
        for (id, count) in seen.into_iter().enumerate() {
            assert_eq!(runs.buckets(id), count);
            assert_eq!(runs.find(id, count), None);
        }
        assert_eq!(runs.find(9, 0), None);
    }

    #[test]
    fn scan_returns_the_buckets_without_an_owner() {
        let holes = |owners: &[u8]| Runs::scan(owners, &[]).map(|(_, holes)| holes);
        assert_eq!(holes(&[1, 1]), Some(BTreeSet::new()));
        assert_eq!(holes(&[1, NO_OWNER, 1, NO_OWNER]), Some(BTreeSet::from([1, 3])));
        assert_eq!(holes(&[]), Some(BTreeSet::new()));
    }

    #[test]
    fn equal_bytes_counts_up_to_the_first_difference() {
        for length in 0..100 {
            let equal = vec![7; length];
            for other in [0, 6, 8] {
                assert_eq!((equal_bytes(&equal, 7), equal_bytes(&equal, other)), (length, 0));
            }
            // A later word differs in the same way, or none does.
            for (first, step) in (0..length).flat_map(|first| [8, 16, 24, length].map(|step| (first, step))) {
                let mut bytes = equal.clone();
                bytes[first] = 8;
                if let Some(other) = bytes.get_mut(first + step) {
                    *other = 8;
                }
                assert_eq!(equal_bytes(&bytes, 7), first, "{length} bytes, and another one {step} after it");
            }
        }
    }

    #[test]
    fn contiguous_buckets_become_one_run() {
        for (bucket, count, next) in
            (0..8).flat_map(|b| (1..4).flat_map(move |c| (0..25).map(move |n| (b, c, n))))
        {
            if (bucket..bucket + count).contains(&next) {
                continue;
            }
            let mut runs = Runs::default();
            runs.add(7, bucket, count);
            runs.add(7, next, 2);
            assert_eq!(runs.0[7].len() == 1, next == bucket + count, "{bucket}, {count}, {next}");
            let index = |number| runs.find(7, number).map(|run| run.bucket + (number - run.first));
            let expected = [bucket, next, next + 1].map(Some);
            assert_eq!([index(0), index(count), index(count + 1)], expected, "{bucket}, {count}, {next}");
            assert_eq!((index(count + 2), runs.buckets(7)), (None, count + 2));
        }
    }

    const fn moved(first: u16, bucket: u16, count: u16) -> Moved {
        Moved { first, bucket, count }
    }

    #[test]
    fn moved_runs_keep_their_positions_and_the_others_surround_them() {
        // Contiguous buckets that are moved, the second one to the position before the first.
        let (runs, holes) = Runs::scan(&[1, 1, 1, 2], &[moved(2, 0, 1), moved(1, 1, 1)]).unwrap();
        assert!(holes.is_empty());
        let buckets: Vec<_> = (0..3).map(|number| runs.find(1, number).unwrap().bucket).collect();
        assert_eq!(buckets, [2, 1, 0]);
        assert_eq!(runs.moved(), [moved(1, 1, 1), moved(2, 0, 1)]);
        assert_eq!((runs.buckets(1), runs.buckets(2)), (3, 1));

        // A run of two that is moved to the end, in the middle of others.
        let runs_of = |moved: Moved| Runs::scan(&[1; 5], &[moved]).unwrap().0.0[1].clone();
        let run = |first, bucket, count| Run { first, bucket, count };
        assert_eq!(runs_of(moved(3, 0, 2)), [run(0, 2, 3), run(3, 0, 2)]);
        assert_eq!(runs_of(moved(2, 0, 1)), [run(0, 1, 2), run(2, 0, 1), run(3, 3, 2)]);
        assert_eq!(runs_of(moved(0, 3, 2)), [run(0, 3, 2), run(2, 0, 3)]);
        // One that is at the end of contiguous buckets, before others of the memory.
        let (runs, _) = Runs::scan(&[1, 1, 2, 1], &[moved(2, 1, 1)]).unwrap();
        assert_eq!(runs.0[1], [run(0, 0, 1), run(1, 3, 1), run(2, 1, 1)]);
    }

    #[test]
    fn a_run_after_a_lower_one_is_not_moved() {
        let mut runs = Runs::default();
        runs.add(1, 3, 3);
        runs.add(1, 7, 1);
        assert_eq!(runs.moved(), []);
        runs.add(1, 6, 1);
        assert_eq!(runs.moved(), [moved(4, 6, 1)]);
    }

    #[test]
    fn scan_rejects_impossible_moved_runs() {
        let is_scanned = |owners: &[u8], moved: &[Moved]| Runs::scan(owners, moved).is_some();
        assert!(is_scanned(&[1, 1, 1], &[moved(2, 0, 1)]));
        let wrong: [(&[u8], &[Moved]); 7] = [
            // No buckets; buckets without an owner, of another memory, and after the last bucket.
            (&[1, 1, 1], &[moved(2, 0, 0)]),
            (&[NO_OWNER, 1, 1], &[moved(2, 0, 1)]),
            (&[1, 2, 1], &[moved(1, 0, 2)]),
            (&[1, 1, 1], &[moved(0, 2, 2)]),
            // A bucket twice, whichever run comes first.
            (&[1, 1, 1], &[moved(1, 1, 1), moved(2, 0, 2)]),
            (&[1, 1, 1], &[moved(1, 0, 2), moved(3, 1, 1)]),
            // A position after the last bucket of the memory.
            (&[1, 1, 1], &[moved(3, 0, 1)]),
        ];
        for (owners, moved) in wrong {
            assert!(!is_scanned(owners, moved), "{owners:?} {moved:?}");
        }
    }
}
