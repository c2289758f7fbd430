//! The fuzz targets without a fuzzer: with the kept inputs, and with inputs from a seed.
//!
//! `STORAGE_FUZZ_INPUTS` sets the number of inputs per target, `STORAGE_FUZZ_SEED` repeats a run. Half of the
//! inputs are random, the others are kept ones with changes.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

#[expect(unreachable_pub, reason = "the fuzz targets use these from a library in another crate")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use storage_model::from_environment;

/// Number of inputs per target if the environment does not set it.
const INPUTS: u64 = 200;

/// Largest random input, in bytes.
const MAX_BYTES: usize = 600;

#[test]
fn header() {
    run("header", targets::header);
}

#[test]
fn records() {
    run("records", targets::records);
}

#[test]
fn image() {
    run("image", targets::image);
}

#[test]
fn operations() {
    run("operations", targets::operations);
}

fn run(name: &str, target: fn(&[u8])) {
    let seed = from_environment("STORAGE_FUZZ_SEED", std::process::id().into());
    let kept = kept(name);
    for (file, input) in &kept {
        run_one(target, input, file);
    }
    let mut random = TestRng::from_seed(RngAlgorithm::XorShift, &(u128::from(seed) + 1).to_le_bytes());
    for number in 0..from_environment("STORAGE_FUZZ_INPUTS", INPUTS) {
        let input = if number % 2 == 0 { any_bytes(&mut random) } else { changed(&mut random, &kept) };
        run_one(target, &input, &format!("input {number}"));
    }
}

/// Runs a target, and prints the input if it fails.
fn run_one(target: fn(&[u8]), input: &[u8], name: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        println!("failed: {name}, {} bytes: {}", input.len(), input.escape_ascii());
        resume_unwind(panic);
    }
}

/// Returns the kept inputs of a target, by name. Each target has some.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus-kept").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|file| (file.display().to_string(), fs::read(&file).unwrap())).collect()
}

fn below(random: &mut TestRng, bound: usize) -> usize {
    (random.next_u64() % bound as u64) as usize
}

fn any_bytes(random: &mut TestRng) -> Vec<u8> {
    let mut bytes = vec![0; below(random, MAX_BYTES)];
    random.fill_bytes(&mut bytes);
    bytes
}

/// Returns a kept input with changed bytes, or with the end of another one.
fn changed(random: &mut TestRng, kept: &[(String, Vec<u8>)]) -> Vec<u8> {
    let some = |random: &mut TestRng| kept[below(random, kept.len())].1.clone();
    let (mut bytes, other) = (some(random), some(random));
    if below(random, 4) == 0 {
        bytes.truncate(below(random, bytes.len() + 1));
        bytes.extend(&other[below(random, other.len() + 1)..]);
    }
    for _ in 0..below(random, 6) {
        let at = below(random, bytes.len().max(1));
        bytes.get_mut(at).into_iter().for_each(|byte| *byte = random.next_u32() as u8);
    }
    bytes
}
