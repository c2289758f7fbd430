//! A flipped bit in every byte of the store's own data; a truncated image.

use storage_engine::Store;
use storage_testkit::FaultyMemory;

use super::methods::{CHANGES, Method, READS};
use super::probe::{Found, Panic, check_safely, on_a_store};
use super::snapshot::Snapshot;
use super::{image, undisturbed};

/// Unless STORAGE_FLIPS=all, one of this many bytes is flipped, and after one of this many flips every method
/// is called. Both numbers are odd, so that every field of a repeated structure is covered, and every bit of
/// a byte.
const FLIPPED: usize = 3;
const PROBED: usize = 7;

/// Results of the flips.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    problems: usize,
    nothing: usize,
}

struct Flips {
    memory: FaultyMemory,
    sound: Snapshot,
    tally: Tally,
    failures: Vec<String>,
}

impl Flips {
    fn new() -> Self {
        let memory = undisturbed();
        let sound = Snapshot::of(&Store::open(memory.clone()).unwrap()).unwrap();
        Self { memory, sound, tally: Tally::default(), failures: vec![] }
    }

    /// Flips a bit, checks whether it is detected, calls methods, and flips it back.
    fn flip(&mut self, at: u64, mask: u8, is_probed: bool) {
        self.memory.flip(at, mask);
        self.memory.mark();
        let found = check_safely(&self.memory);
        match found {
            Err(panic) => self.failures.push(format!("byte {at}: the check panics: {panic}")),
            Ok(Found::Refused) => self.tally.refused += 1,
            Ok(Found::Problems) => {
                self.tally.problems += 1;
                if is_probed {
                    self.call_all(at, "reported by the check");
                }
            }
            Ok(Found::Nothing) => {
                self.tally.nothing += 1;
                self.expect_harmless(at, is_probed);
            }
        }
        assert!(self.memory.is_as_marked(), "byte {at}: the check has changed something");
        self.memory.flip(at, mask);
        self.memory.mark();
    }

    /// Asserts that a flip that the check does not report was in a value, in a key, or in unused bytes: the
    /// store's own data is unchanged, and every method succeeds.
    fn expect_harmless(&mut self, at: u64, is_probed: bool) {
        let seen = on_a_store(&self.memory, |store| Snapshot::of(store));
        if !seen.as_ref().is_ok_and(|seen| seen.as_ref().is_ok_and(|seen| seen.is_as_good_as(&self.sound))) {
            let expected = &self.sound;
            self.failures
                .push(format!("byte {at}, which the check finds sound: {seen:?}\ninstead of {expected:?}"));
        }
        if is_probed {
            self.call_all(at, "not reported by the check");
        }
    }

    /// Calls every method, which must return, possibly with an error.
    fn call_all(&mut self, at: u64, how: &str) {
        for method in READS.iter().chain(&CHANGES) {
            if let Err(panic) = self.call(at, method) {
                self.failures.push(format!("byte {at}, {how}, {}: {panic}", method.0));
            }
        }
    }

    /// Calls a method and undoes its changes. An error has changed nothing, even on a corrupt image.
    fn call(&mut self, at: u64, (name, method): &Method) -> Result<(), Panic> {
        let called = on_a_store(&self.memory, method);
        if let Ok(Err(error)) = &called
            && !self.memory.is_as_marked()
        {
            self.failures.push(format!("byte {at}, {name}: {error}, and something has changed"));
        }
        self.memory.roll_back();
        called.map(drop)
    }
}

#[test]
fn every_flipped_bit_is_reported_or_harmless() {
    let all = std::env::var_os("STORAGE_FLIPS").is_some_and(|value| value == "all");
    let (flipped, probed) = if all { (1, 1) } else { (FLIPPED, PROBED) };
    let mut flips = Flips::new();
    let places = image::places(&flips.memory).into_iter().enumerate();
    for (turn, (number, at)) in places.filter(|(number, _)| number % flipped == 0).enumerate() {
        flips.flip(at, 1 << (number % 8), turn % probed == 0);
    }
    println!("{:?}", flips.tally);
    let first: Vec<_> = flips.failures.iter().take(20).collect();
    assert!(first.is_empty(), "{} failures, the first of them: {first:#?}", flips.failures.len());
    let Tally { refused, problems, nothing } = flips.tally;
    assert!(refused > 500 && problems > 2_000 && nothing > 1_000);
}

/// A truncated image is refused, because the bucket table has the number of buckets.
#[test]
fn a_truncated_image_is_refused() {
    let memory = undisturbed();
    memory.mark();
    for pages in (1..ic_stable_structures::Memory::size(&memory)).step_by(61) {
        memory.truncate(pages);
        assert_eq!(check_safely(&memory).unwrap(), Found::Refused, "{pages} pages");
        memory.roll_back();
    }
    assert_eq!(check_safely(&memory).unwrap(), Found::Nothing);
}
