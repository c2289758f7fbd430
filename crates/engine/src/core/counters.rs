//! Counters of calls and errors since the store was created, for monitoring.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field (offsets from the start of stable memory)
//!    512    512  operations: one u64 for each method, in the order of `stable_storage_api::METHODS`
//!   1024    128  refusals: one u64 for each case of the error, in the order of `stable_storage_api::Error::KINDS`
//!   1152      8  check of bytes 512 to 1151: see [`mix`](crate::base::checksum::mix)
//! ```
//!
//! The counters are kept on the heap and written by a clean shutdown. An upgrade that skips `pre_upgrade`
//! loses the counts since the previous clean shutdown. Before the first clean shutdown, these bytes are zero.

use ic_stable_structures::Memory;
use stable_storage_api::{Count, Error, METHODS};

use crate::base::checksum::mix;
use crate::base::open::OpenError;
use crate::core::header::HEADER_BYTES;
use crate::core::ledger::LEDGER_AT;

const COUNTERS_AT: u64 = 512;
const OPERATIONS: usize = 64;
const REFUSALS: usize = 16;
const CHECK_AT: usize = (OPERATIONS + REFUSALS) * 8;
/// Size of the counters, in bytes.
pub(crate) const COUNTERS_BYTES: usize = CHECK_AT + 8;

const _: () = assert!(COUNTERS_AT >= HEADER_BYTES as u64);
const _: () = assert!(COUNTERS_AT + COUNTERS_BYTES as u64 <= LEDGER_AT);
const _: () = assert!(METHODS.len() <= OPERATIONS && Error::KINDS.len() <= REFUSALS);

/// Number of successful calls by method, and of refused calls by error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    operations: [u64; OPERATIONS],
    refusals: [u64; REFUSALS],
}

impl Default for Counters {
    fn default() -> Self {
        Self { operations: [0; OPERATIONS], refusals: [0; REFUSALS] }
    }
}

impl Counters {
    pub(crate) fn read(memory: &impl Memory) -> Result<Self, OpenError> {
        let mut bytes = [0; COUNTERS_BYTES];
        memory.read(COUNTERS_AT, &mut bytes);
        let (words, _) = bytes.as_chunks();
        let word = |index: usize| u64::from_le_bytes(words[index]);
        let counters = Self {
            operations: std::array::from_fn(word),
            refusals: std::array::from_fn(|index| word(OPERATIONS + index)),
        };
        let check = word(OPERATIONS + REFUSALS);
        let never_sealed = check == 0 && counters == Self::default();
        if never_sealed || check == mix(&bytes[..CHECK_AT]) {
            Ok(counters)
        } else {
            Err(OpenError::damaged("the counters' checksum does not match", COUNTERS_AT))
        }
    }

    pub(crate) fn write(&self, memory: &impl Memory) {
        let mut bytes = [0; COUNTERS_BYTES];
        let (fields, _) = bytes.as_chunks_mut();
        for (field, count) in fields.iter_mut().zip(self.operations.iter().chain(&self.refusals)) {
            *field = count.to_le_bytes();
        }
        let check = mix(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        memory.write(COUNTERS_AT, &bytes);
    }

    /// Counts a call of a method by its result. `method` is the index of the method in [`METHODS`].
    pub(crate) fn count<T>(&mut self, method: usize, result: &Result<T, Error>) {
        let count = match result {
            Ok(_) => &mut self.operations[method],
            Err(error) => &mut self.refusals[error.kind()],
        };
        *count = count.saturating_add(1);
    }

    /// Returns the number of successful calls of each method that has any.
    pub(crate) fn operations(&self) -> Vec<Count> {
        named(METHODS.iter().map(|method| method.name), &self.operations)
    }

    /// Returns the number of refused calls of each error that has any.
    pub(crate) fn refusals(&self) -> Vec<Count> {
        named(Error::KINDS.into_iter(), &self.refusals)
    }
}

fn named<'a>(names: impl Iterator<Item = &'a str>, counts: &[u64]) -> Vec<Count> {
    let all = names.zip(counts).map(|(name, count)| Count { name: name.into(), count: *count });
    all.filter(|count| count.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;
    use stable_storage_api::Method;

    use super::*;
    use crate::Store;

    #[test]
    fn the_counters_are_read_as_they_were_written_and_a_flipped_bit_is_noticed() {
        let memory = VectorMemory::default();
        memory.grow(1);
        assert_eq!(Counters::read(&memory), Ok(Counters::default()));
        let counters = Counters {
            operations: std::array::from_fn(|index| 1 << index),
            refusals: std::array::from_fn(|index| 3 << index),
        };
        counters.write(&memory);
        assert_eq!(Counters::read(&memory), Ok(counters));
        assert_eq!(memory.borrow()[520..528], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(memory.borrow()[1_024..1_026], [3, 0]);
        for offset in [512, 1_100, 1_155] {
            memory.borrow_mut()[offset] ^= 4;
            assert!(matches!(Counters::read(&memory), Err(OpenError::Damaged { offset: 512, .. })));
            memory.borrow_mut()[offset] ^= 4;
        }
    }

    /// Zeroes are a store that was never sealed; a checksum of zero beside counts is none, and neither is one beside no
    /// counts.
    #[test]
    fn only_zeroes_need_no_checksum() {
        let memory = VectorMemory::default();
        memory.grow(1);
        let check_at = COUNTERS_AT + CHECK_AT as u64;
        for (offset, expected) in [(COUNTERS_AT, false), (check_at, false), (check_at + 8, true)] {
            memory.write(offset, &[1]);
            assert_eq!(Counters::read(&memory).is_ok(), expected, "byte {offset}");
            memory.write(offset, &[0]);
        }
        assert_eq!(Counters::read(&memory), Ok(Counters::default()));
    }

    #[test]
    fn what_was_counted_is_kept_by_a_seal_and_else_lost() {
        let memory = VectorMemory::default();
        let mut store = Store::open(memory.clone()).unwrap();
        let count = |name: &str, count| Count { name: name.into(), count };
        store.count(const { Method::position("put") }, &Ok(()));
        store.count(const { Method::position("append") }, &Ok(()));
        store.count(const { Method::position("append") }, &Ok(()));
        store.count::<()>(0, &Err(Error::NotFound));
        store.seal();
        store.count::<()>(0, &Err(Error::NotFound));
        let store = Store::open(memory).unwrap();
        assert_eq!(store.counters.operations(), [count("put", 1), count("append", 2)]);
        assert_eq!(store.counters.refusals(), [count("NotFound", 1)]);
    }
}
