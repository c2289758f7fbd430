//! Random operations on a store and on a model made of std collections: they must agree at every step.
//!
//! The operations, the model and the two beside each other are storage-model's. A twin with room for few buckets runs lists of
//! its own, and may refuse what the model would do, unchanged.
//!
//! STORAGE_MODEL_SEED is the seed, STORAGE_MODEL_CASES is how many lists there are; of those with a thousand
//! uploads there are a sixteenth as many. The seed is printed first.

use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use stable_storage_api::limits::MIN_CAPACITY_BYTES;
use storage_model::{
    Differential, Op, from_environment, lists, lists_in_a_crowd, lists_with_large_objects, number,
};

const CASES: u32 = 32;

/// Seeds of the lists that have failed, which are run first.
const REGRESSIONS: &str = "tests/model/regressions.txt";

/// How many lists there are with a thousand uploads.
const FEW_CASES: u32 = 2;

/// How many there are with objects of several extents.
const LARGE_CASES: u32 = 24;

fn run(mut pair: Differential, ops: &[Op]) {
    ops.iter().for_each(|op| pair.apply(op));
    pair.drain();
}

/// Runs lists of operations from the seed, and at a failure says which is the shortest one that fails.
fn run_lists(cases: u32, lists: impl Strategy<Value = Vec<Op>>, pair: impl Fn() -> Differential) {
    let seed = from_environment("STORAGE_MODEL_SEED", RandomState::new().hash_one(0));
    let config = ProptestConfig {
        cases: number("STORAGE_MODEL_CASES").map_or(cases, |lists: u32| (lists * cases).div_ceil(CASES)),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&lists, |ops| {
        run(pair(), &ops);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("STORAGE_MODEL_SEED={seed}: {error}"));
}

#[test]
fn the_store_agrees_with_the_model() {
    run_lists(CASES, lists(), || Differential::new(None));
}

#[test]
fn a_store_with_little_memory_agrees_or_refuses() {
    run_lists(CASES, lists(), || Differential::new(Some(MIN_CAPACITY_BYTES + 4 * (16 << 20))));
}

#[test]
fn objects_of_many_extents_agree_with_the_model() {
    run_lists(LARGE_CASES, lists_with_large_objects(), Differential::with_large_objects);
}

#[test]
fn a_thousand_uploads_and_every_region_agree_with_the_model() {
    run_lists(FEW_CASES, lists_in_a_crowd(), || Differential::new(None));
}

/// Lists that have failed, whatever seeds mean by now.
#[test]
fn what_has_failed_once() {
    // Nothing was appended, and the log had a memory without a head.
    run(Differential::new(None), &[Op::Append { sizes: vec![] }, Op::Reopen]);
    run(Differential::new(None), &[Op::Append { sizes: vec![] }, Op::Upgrade { sealed: false }]);
}
