//! Random operations on a store and on a model made of std collections: they must agree at every step.
//!
//! The operations, the model and the comparison are in storage-model. A second store with few buckets runs
//! separate lists, and may refuse operations without a change.
//!
//! STORAGE_MODEL_SEED is the seed, STORAGE_MODEL_CASES is the number of lists. There are a sixteenth as many
//! lists with a thousand uploads. The seed is printed first.

use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use stable_storage_api::limits::MIN_CAPACITY_BYTES;
use storage_engine::BucketSize;
use storage_model::{
    Differential, Op, from_environment, lists, lists_in_a_crowd, lists_with_large_objects, number,
};

const CASES: u32 = 32;

/// Seeds of lists that have failed, which run first.
const REGRESSIONS: &str = "tests/model/regressions.txt";

/// Number of lists with a thousand uploads.
const FEW_CASES: u32 = 2;

/// Number of lists with objects of several extents.
const LARGE_CASES: u32 = 24;

fn run(mut pair: Differential, ops: &[Op]) {
    ops.iter().for_each(|op| pair.apply(op));
    pair.drain();
}

/// Runs lists of operations from the seed. If one fails, reports the shortest list that fails.
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
fn a_store_of_small_buckets_agrees_with_the_model() {
    // Without a capacity, the model would accept uploads of more than the 32 GiB that such a store can have.
    let capacity = Some(MIN_CAPACITY_BYTES);
    run_lists(CASES, lists(), || Differential::with_buckets(capacity, BucketSize::SMALLEST));
}

#[test]
fn objects_of_many_extents_agree_with_the_model() {
    run_lists(LARGE_CASES, lists_with_large_objects(), Differential::with_large_objects);
}

#[test]
fn a_thousand_uploads_and_every_region_agree_with_the_model() {
    run_lists(FEW_CASES, lists_in_a_crowd(), || Differential::new(None));
}

/// Lists that have failed, independent of the generator.
#[test]
fn lists_that_failed_before() {
    // An empty append created a memory of the log without a header.
    run(Differential::new(None), &[Op::Append { sizes: vec![] }, Op::Reopen]);
    run(Differential::new(None), &[Op::Append { sizes: vec![] }, Op::Upgrade { sealed: false }]);
}
