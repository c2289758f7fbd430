//! Measures the host. `cargo run --release -p embedded-ic --example bench [-- big FOLDER]`
//!
//! With `big`, creates a folder of 10 GiB, to show that the cost of a message depends on what it writes, not on what is stored.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use embedded_ic::{Config, EmbeddedIc, SyncPolicy};

const MIB: u64 = 1 << 20;

/// `write` stores its argument, except the first 8 bytes, which are the offset.
const CANISTER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_arg_data_size" (func $size (result i32)))
    (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
    (memory (export "memory") 64)
    (func (export "canister_init") (drop (call $grow (i64.const 400000))))
    (func (export "canister_update empty") (call $reply))
    (func (export "canister_query empty_query") (call $reply))
    (func (export "canister_update trap") (i32.store (i32.const 0) (i32.const 1)) (unreachable))
    (func (export "canister_update write")
        (call $copy (i32.const 0) (i32.const 0) (call $size))
        (call $write (i64.load (i32.const 0)) (i64.const 8) (i64.sub (i64.extend_i32_u (call $size)) (i64.const 8)))
        (call $reply))
    (func (export "canister_query read")
        (call $copy (i32.const 0) (i32.const 0) (call $size))
        (call $read (i64.const 65536) (i64.load (i32.const 0)) (i64.load (i32.const 8)))
        (call $reply)))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [_, folder] = &arguments[..] {
        return big(Path::new(folder));
    }
    let mut memory = EmbeddedIc::new(Config::default())?;
    install(&mut memory)?;
    println!("in memory");
    measure(&mut memory)?;
    for sync in [SyncPolicy::Checkpoint, SyncPolicy::EveryMessage] {
        let folder = std::env::temp_dir().join(format!("embedded-ic-bench-{}-{sync:?}", std::process::id()));
        let mut ic = EmbeddedIc::create_dir(&folder, Config::default().with_sync(sync))?;
        install(&mut ic)?;
        println!("in a folder, {sync:?}");
        measure(&mut ic)?;
        ic.close()?;
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn install(ic: &mut EmbeddedIc) -> Result<(), Box<dyn Error>> {
    ic.install(&wat::parse_str(CANISTER)?, b"")?;
    Ok(())
}

fn measure(ic: &mut EmbeddedIc) -> Result<(), Box<dyn Error>> {
    let user = candid::Principal::anonymous();
    time("empty update", 500, || ic.update(user, "empty", b"").is_ok());
    time("empty query", 500, || ic.query(user, "empty_query", b"").is_ok());
    time("update that traps", 500, || ic.update(user, "trap", b"").is_err());
    let small = at(1 << 30, 100);
    time("write of 100 bytes", 500, || ic.update(user, "write", &small).is_ok());
    let large = at(0, 2 * MIB as usize - 8);
    time("write of 2 MiB", 50, || ic.update(user, "write", &large).is_ok());
    let mut range = 0_u64.to_le_bytes().to_vec();
    range.extend(MIB.to_le_bytes());
    time("read of 1 MiB", 50, || ic.query(user, "read", &range).is_ok());
    Ok(())
}

/// Returns an argument that stores `len` bytes at an offset.
fn at(offset: u64, len: usize) -> Vec<u8> {
    let mut argument = offset.to_le_bytes().to_vec();
    argument.resize(8 + len, 7);
    argument
}

/// Prints the median and the extremes of the runs.
fn time(what: &str, runs: usize, mut run: impl FnMut() -> bool) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            assert!(run(), "{what} did not end as it should");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let [first, middle, last] = [0, runs / 2, runs * 99 / 100].map(|at| times[at]);
    println!("  {what:<22} median {middle:>10.1?}   min {first:>10.1?}   99 % {last:>10.1?}");
}

/// Measures the same small update with 10 MiB and with 10 GiB stored.
fn big(folder: &Path) -> Result<(), Box<dyn Error>> {
    let user = candid::Principal::anonymous();
    let mut ic = EmbeddedIc::create_dir(folder, Config::default().with_sync(SyncPolicy::Checkpoint))?;
    install(&mut ic)?;
    let chunk = 2 * MIB as usize - 8;
    let mut written = 0;
    for held in [10 * MIB, 10_240 * MIB] {
        while written < held {
            ic.update(user, "write", at(written, chunk))?;
            written += chunk as u64;
        }
        ic.close()?;
        ic = EmbeddedIc::open_dir(folder, Config::default().with_sync(SyncPolicy::Checkpoint))?;
        println!("{} MiB on the disk", ic.resident_stable_bytes() / MIB);
        let small = at(held / 2, 100);
        time("write of 100 bytes", 500, || ic.update(user, "write", &small).is_ok());
        time("update that traps", 500, || ic.update(user, "trap", b"").is_err());
        time("empty query", 500, || ic.query(user, "empty_query", b"").is_ok());
    }
    ic.close()?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
