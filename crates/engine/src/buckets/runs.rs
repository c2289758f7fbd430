//! Where the buckets of each memory are: runs of neighbours.

use super::{MEMORIES, NO_OWNER};

/// Buckets that follow each other both in a memory and physically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Number of the first one within its memory.
    pub(super) first: u64,
    /// Number of the first one among all buckets.
    pub(super) bucket: u64,
    /// How many there are.
    pub(super) count: u64,
}

impl Run {
    /// Number of the bucket after the last one, within the memory.
    pub(super) fn end(&self) -> u64 {
        self.first + self.count
    }
}

/// The runs of all memories.
pub(super) struct Runs([Vec<Run>; MEMORIES]);

impl Default for Runs {
    fn default() -> Self {
        Self([const { Vec::new() }; MEMORIES])
    }
}

impl Runs {
    /// The runs of a table of owners, of which so many buckets have one. Nothing where the table says otherwise.
    pub(super) fn scan(owners: &[u8], allocated: u64) -> Option<Self> {
        let mut runs = Self::default();
        let mut at = 0;
        while at < owners.len() {
            let owner = owners[at];
            let end = at + equal_bytes(&owners[at..], owner);
            if owner == NO_OWNER {
                break;
            }
            runs.add(owner.into(), at as u64, (end - at) as u64);
            at = end;
        }
        let is_whole = at as u64 == allocated && equal_bytes(&owners[at..], NO_OWNER) == owners.len() - at;
        is_whole.then_some(runs)
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

    /// How many buckets a memory has.
    pub(super) fn buckets(&self, id: usize) -> u64 {
        self.0[id].last().map_or(0, Run::end)
    }

    /// The run that holds a bucket of a memory, if the memory has so many.
    pub(super) fn find(&self, id: usize, number: u64) -> Option<Run> {
        let runs = &self.0[id];
        let after = runs.partition_point(|run| run.first <= number);
        runs[..after].last().copied().filter(|run| number < run.end())
    }
}

/// How many bytes at the start are equal to one, looking at eight at a time.
fn equal_bytes(bytes: &[u8], byte: u8) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let pattern = [byte; 8];
    let whole = words.iter().take_while(|word| **word == pattern).count() * 8;
    whole + bytes[whole..].iter().take_while(|other| **other == byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_finds_every_bucket_of_every_memory() {
        let mut owners = [vec![1; 20], vec![2], vec![1, 1, 0], vec![2; 9]].concat();
        let allocated = owners.len();
        owners.resize(64, NO_OWNER);
        let runs = Runs::scan(&owners, allocated as u64).unwrap();
        let mut seen = [0; 3];
        for (bucket, owner) in owners[..allocated].iter().enumerate() {
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
    fn a_table_with_a_hole_or_another_count_is_refused() {
        assert!(Runs::scan(&[1, 1, NO_OWNER], 2).is_some());
        for (owners, allocated) in [([1, NO_OWNER, 1], 2), ([1, 1, NO_OWNER], 3), ([1, 1, 1], 2)] {
            assert!(Runs::scan(&owners, allocated).is_none());
        }
        assert!(Runs::scan(&[NO_OWNER; 16], 0).is_some());
    }
}
