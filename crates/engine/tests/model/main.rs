//! Random operations on a store and on a model made of std collections: they must agree at every step.
//!
//! The operations, the model and the two beside each other are storage-model's. A twin with room for few buckets runs lists of
//! its own, and may refuse what the model would do, unchanged.
//!
//! STORAGE_MODEL_SEED is the seed, STORAGE_MODEL_CASES is how many lists there are. The seed is printed first.

use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use stable_storage_api::limits::MIN_CAPACITY_BYTES;
use storage_model::{Op, Pair, from_environment, lists, number};

const CASES: u32 = 32;

/// Seeds of the lists that have failed, which are run first.
const REGRESSIONS: &str = "tests/model/regressions.txt";

fn run(capacity: Option<u64>, ops: &[Op]) {
    let mut pair = Pair::new(capacity);
    ops.iter().for_each(|op| pair.apply(op));
    pair.drain();
}

/// Runs lists of operations from the seed, and at a failure says which is the shortest one that fails.
fn run_lists(capacity: Option<u64>) {
    let seed = from_environment("STORAGE_MODEL_SEED", RandomState::new().hash_one(0));
    let config = ProptestConfig {
        cases: number("STORAGE_MODEL_CASES").unwrap_or(CASES),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&lists(), |ops| {
        run(capacity, &ops);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("STORAGE_MODEL_SEED={seed}: {error}"));
}

#[test]
fn the_store_agrees_with_the_model() {
    run_lists(None);
}

#[test]
fn a_store_with_little_memory_agrees_or_refuses() {
    run_lists(Some(MIN_CAPACITY_BYTES + 4 * (16 << 20)));
}

/// Lists that have failed, whatever seeds mean by now.
#[test]
fn what_has_failed_once() {
    // Nothing was appended, and the log had a memory without a head.
    run(None, &[Op::Append { sizes: vec![] }, Op::Reopen]);
    run(None, &[Op::Append { sizes: vec![] }, Op::Upgrade { sealed: false }]);
}
