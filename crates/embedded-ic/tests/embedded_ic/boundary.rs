//! Random calls of the System API: the fuzz target's program, run with numbers from a seed where no fuzzer is at hand.
//!
//! `EMBEDDED_IC_FUZZ_SECONDS` sets how long (a fixed number of programs if it is not set), `EMBEDDED_IC_SEED` the seed.

#[path = "../../fuzz/program.rs"]
mod program;

use std::time::{Duration, Instant};

/// Programs that run when no time is set.
const PROGRAMS: u64 = 3_000;

#[test]
fn random_programs_do_not_panic_and_failures_change_nothing() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = number("EMBEDDED_IC_SEED").unwrap_or(0x5EED);
    let time = number("EMBEDDED_IC_FUZZ_SECONDS").map(Duration::from_secs);
    println!("EMBEDDED_IC_SEED={seed}");
    let mut random = Random(seed | 1);
    let start = Instant::now();
    let mut programs = 0;
    while time.map_or(programs < PROGRAMS, |time| start.elapsed() < time) {
        program::run(&random.program());
        programs += 1;
    }
    println!("{programs} programs in {:?}", start.elapsed());
}

/// Numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Steps whose arguments are mostly small, or at an edge, so that calls get past the first check.
    fn program(&mut self) -> Vec<u8> {
        let mut bytes = vec![self.next() as u8];
        for _ in 0..self.next() % 12 {
            bytes.push(self.next() as u8);
            for _ in 0..8 {
                let argument = match self.next() % 8 {
                    0 => self.next(),
                    1 => 0,
                    2 => u64::MAX - self.next() % 3,
                    3 => 3 * 65_536 - self.next() % 3,
                    4 => 1 << (self.next() % 64),
                    _ => self.next() % 256,
                };
                bytes.extend(argument.to_le_bytes());
            }
        }
        bytes
    }
}
