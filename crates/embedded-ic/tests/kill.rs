//! Kills a process that writes to a state folder, at random moments, and looks at what it left.
//!
//! `EMBEDDED_IC_KILLS` sets how often (200 if it is not set), `EMBEDDED_IC_SEED` the seed of the moments.

#![expect(clippy::unwrap_used, reason = "a test may panic where it fails")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Harness, module};
use embedded_ic::{Config, EmbeddedIc, SyncPolicy, UpgradeOptions};

/// In the environment of the process that is killed: the folder.
const FOLDER: &str = "EMBEDDED_IC_KILL_FOLDER";
/// In the environment of the process that is killed: `always` if each message is forced to the disk.
const SYNC: &str = "EMBEDDED_IC_KILL_SYNC";
const KILLS: u64 = 200;

/// Steps between replacements of the module.
const UPGRADE_EVERY: u64 = 25;
/// Steps between replacements of stable memory by an image, together with the module.
const IMPORT_EVERY: u64 = 35;
/// Steps between closing and reopening the folder.
const CLOSE_EVERY: u64 = 40;
/// Pages of stable memory that each step writes, and the bytes between them.
const PAGES: u64 = 40;
const STRIDE: u64 = 1_000_003;
const STABLE_PAGES: u64 = 1_000;

fn main() {
    match std::env::var_os(FOLDER) {
        Some(folder) => write_for_ever(Path::new(&folder)),
        None => kill_and_look(),
    }
}

/// A canister whose step writes a number everywhere: heap, a hidden global and 40 pages of stable memory. The sizes of
/// both memories follow from the number. It also fills the range of the heap that it declares to be scratch.
fn canister(version: u64) -> Vec<u8> {
    module(&format!(
        r#"(global $n (mut i64) (i64.const 0))
        (global $version i64 (i64.const {version}))
        (func $write (param $n i64) (local $i i64)
            (global.set $n (local.get $n))
            (i64.store (i32.const 0) (local.get $n))
            (i64.store (i32.const 40000) (local.get $n))
            (memory.fill (i32.const 40960) (i32.wrap_i64 (local.get $n)) (i32.const 20480))
            (if (i64.eqz (i64.rem_u (local.get $n) (i64.const 7)))
                (then (drop (call $stable64_grow (i64.const 1)))))
            (if (i64.eq (i64.rem_u (i64.rem_u (local.get $n) (i64.const {UPGRADE_EVERY})) (i64.const 8)) (i64.const 3))
                (then (drop (memory.grow (i32.const 1)))))
            (loop
                (call $stable64_write (i64.mul (local.get $i) (i64.const {STRIDE})) (i64.const 0) (i64.const 8))
                (local.set $i (i64.add (local.get $i) (i64.const 1)))
                (br_if 0 (i64.lt_u (local.get $i) (i64.const {PAGES})))))
        (func (export "embedded_ic_scratch_start") (result i32) (i32.const 40960))
        (func (export "embedded_ic_scratch_end") (result i32) (i32.const 61440))
        (func (export "canister_init") (drop (call $stable64_grow (i64.const {STABLE_PAGES}))))
        (func (export "canister_post_upgrade")
            (call $stable64_read (i64.const 0) (i64.const 0) (i64.const 8))
            (call $write (i64.add (i64.load (i32.const 0)) (i64.const 1))))
        (func (export "canister_update step")
            (call $write (i64.add (global.get $n) (i64.const 1)))
            (call $reply64 (global.get $n)))
        (func (export "canister_query global") (call $reply64 (global.get $n)))
        (func (export "canister_query heap") (call $reply64 (i64.load (i32.const 0))))
        (func (export "canister_query heap2") (call $reply64 (i64.load (i32.const 40000))))
        (func (export "canister_query version") (call $reply64 (global.get $version)))"#
    ))
}

fn config(sync: SyncPolicy) -> Config {
    Config::default().with_sync(sync)
}

/// The process that is killed: steps, and prints the number of each step once it is answered.
fn write_for_ever(folder: &Path) {
    let always = std::env::var_os(SYNC).is_some_and(|value| value == "always");
    let config = || config(if always { SyncPolicy::EveryMessage } else { SyncPolicy::Checkpoint });
    let mut ic = EmbeddedIc::open_dir(folder, config()).unwrap();
    let mut n = ic.ask64("global");
    let mut out = std::io::stdout();
    loop {
        n += 1;
        if n.is_multiple_of(IMPORT_EVERY) {
            // The image has the number before this one, which post_upgrade makes this one.
            let image = folder.with_extension("image");
            let _ = std::fs::remove_file(&image);
            ic.export_stable(&image).unwrap();
            ic.upgrade_onto(&image, &canister(n), b"").unwrap();
        } else if n.is_multiple_of(UPGRADE_EVERY) {
            ic.upgrade(&canister(n), b"", UpgradeOptions::default()).unwrap();
        } else {
            assert_eq!(ic.call64("step"), n);
        }
        // If the parent is gone there is no one to write for.
        if writeln!(out, "{n}").and_then(|()| out.flush()).is_err() {
            return;
        }
        if n.is_multiple_of(CLOSE_EVERY) {
            ic.close().unwrap();
            ic = EmbeddedIc::open_dir(folder, config()).unwrap();
        }
    }
}

fn kill_and_look() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let kills = number("EMBEDDED_IC_KILLS").unwrap_or(KILLS);
    let seed = number("EMBEDDED_IC_SEED").unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    println!("killing {kills} times, EMBEDDED_IC_SEED={seed}");
    let mut random = Random(seed | 1);
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("state");
    let mut ic = EmbeddedIc::create_dir(&folder, config(SyncPolicy::Checkpoint)).unwrap();
    ic.install(&canister(0), b"").unwrap();
    drop(ic);
    let (mut n, mut unanswered, mut idle) = (0, 0, 0);
    for round in 0..kills {
        let sync = if round % 4 == 0 { "always" } else { "later" };
        let answered = run_and_kill(&folder, sync, Duration::from_micros(random.below(40_000)), n);
        let found = look(&folder);
        assert!(
            found == answered || found == answered + 1,
            "round {round}: {answered} was answered last, and the folder has {found}"
        );
        unanswered += found - answered;
        idle += u64::from(found == n);
        n = found;
    }
    println!(
        "{n} steps; {unanswered} times the step was done and its answer not seen, {idle} rounds did nothing"
    );
    assert!(n > kills, "the writer hardly got anywhere: {n} steps in {kills} rounds");
}

/// Lets the writer run for a while after its first answer, kills it, and gives the last number that it printed.
fn run_and_kill(folder: &Path, sync: &str, time: Duration, before: u64) -> u64 {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .env(FOLDER, folder)
        .env(SYNC, sync)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut last = before;
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let start = Instant::now();
    // The kill comes from here, while the writer continues; its pipe holds far more than it can print in that time.
    std::thread::sleep(time.saturating_sub(start.elapsed()));
    child.kill().unwrap();
    child.wait().unwrap();
    loop {
        // A line without an end was not finished.
        if let Some(number) = line.strip_suffix('\n') {
            last = number.parse().unwrap();
        }
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            return last;
        }
    }
}

/// Opens the folder and checks that one and the same number is everywhere.
fn look(folder: &Path) -> u64 {
    let mut ic = EmbeddedIc::open_dir(folder, config(SyncPolicy::Checkpoint)).unwrap();
    let n = ic.ask64("global");
    assert_eq!((ic.ask64("heap"), ic.ask64("heap2")), (n, n), "the heap");
    let replaced = last_replaced(n);
    assert_eq!(ic.ask64("version"), replaced, "the module");
    for page in 0..PAGES {
        let mut bytes = [0; 8];
        ic.read_stable(page * STRIDE, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), n, "stable page {page}");
    }
    assert_eq!(ic.stable_pages(), STABLE_PAGES + n / 7, "the size of stable memory");
    let grown = (replaced..=n).filter(|&step| grows(step)).count() as u64;
    assert_eq!(ic.heap_pages(), 1 + grown, "the size of the heap");
    n
}

/// The last step that replaced the module.
fn last_replaced(n: u64) -> u64 {
    (n - n % UPGRADE_EVERY).max(n - n % IMPORT_EVERY)
}

/// Whether the heap grows with a step, as the canister computes it.
fn grows(step: u64) -> bool {
    step % UPGRADE_EVERY % 8 == 3
}

/// Numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
