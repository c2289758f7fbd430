//! Sets of page numbers that form long runs.

use std::collections::BTreeMap;
use std::ops::Range;

/// Set of numbers, stored as runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// Ends by starts. Runs neither overlap nor touch.
    ends: BTreeMap<u64, u64>,
}

impl Runs {
    /// Returns the runs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    /// Returns the number of runs.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Returns the number of numbers.
    pub(crate) fn len(&self) -> u64 {
        self.iter().map(|run| run.end - run.start).sum()
    }

    /// Returns one past the largest number.
    pub(crate) fn end(&self) -> u64 {
        self.ends.last_key_value().map_or(0, |(_, &end)| end)
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.ends.range(..=number).next_back().is_some_and(|(_, &end)| number < end)
    }

    /// Adds a run.
    pub(crate) fn insert(&mut self, run: Range<u64>) {
        if run.is_empty() {
            return;
        }
        let Range { mut start, mut end } = run;
        if let Some((&before, &its_end)) = self.ends.range(..=start).next_back()
            && its_end >= start
        {
            (start, end) = (before, end.max(its_end));
        }
        while let Some((&next, &its_end)) = self.ends.range(start..=end).next() {
            end = end.max(its_end);
            self.ends.remove(&next);
        }
        self.ends.insert(start, end);
    }

    /// Splits a range into parts, in order, each with whether its numbers are in the set.
    pub(crate) fn parts(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, bool)> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let holds = self.ends.range(..=at).next_back().filter(|&(_, &end)| at < end);
            let (end, is_in) = match holds {
                Some((_, &end)) => (end, true),
                None => (self.ends.range(at..).next().map_or(range.end, |(&start, _)| start), false),
            };
            let part = at..end.min(range.end);
            at = part.end;
            Some((part, is_in))
        })
    }

    /// Returns the first run, or rest of one, at or after a number.
    pub(crate) fn next(&self, from: u64) -> Option<Range<u64>> {
        if self.contains(from) {
            return self.parts(from..u64::MAX).next().map(|(run, _)| run);
        }
        self.ends.range(from..).next().map(|(&start, &end)| start..end)
    }
}

impl FromIterator<Range<u64>> for Runs {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(runs: I) -> Self {
        let mut set = Self::default();
        runs.into_iter().for_each(|run| set.insert(run));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Returns pseudorandom numbers.
    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    #[test]
    fn the_runs_agree_with_a_set_of_numbers() {
        let mut state = 1;
        for _ in 0..50 {
            let (mut runs, mut model) = (Runs::default(), BTreeSet::new());
            for _ in 0..30 {
                let start = random(&mut state) % 100;
                let run = start..start + random(&mut state) % 9;
                runs.insert(run.clone());
                model.extend(run);
                assert_eq!(runs.iter().flatten().collect::<BTreeSet<_>>(), model);
                assert!(runs.iter().zip(runs.iter().skip(1)).all(|(a, b)| a.end < b.start), "{runs:?}");
                assert_eq!(runs.end(), model.last().map_or(0, |last| last + 1));
            }
            let from = random(&mut state) % 110;
            assert_eq!(runs.contains(from), model.contains(&from));
            assert_eq!(runs.next(from).map(|run| run.start), model.range(from..).next().copied());
            let parts: Vec<_> = runs.parts(10..90).collect();
            assert!(parts.iter().all(|(part, is_in)| part.clone().all(|n| model.contains(&n) == *is_in)));
            assert_eq!(
                parts.iter().flat_map(|(part, _)| part.clone()).collect::<Vec<_>>(),
                (10..90).collect::<Vec<_>>()
            );
        }
    }
}
