//! The log: entries of 100 bytes, and of 1 MiB.

use super::case::Case;
use super::floor;
use super::rig::{Count, Rig, Sizes};

/// Entries stored before the measurement, so that the end of the log is far from its header.
const HELD: usize = 1_000;

/// Bytes of an entry.
const ENTRY_BYTES: usize = 100;

/// Bytes of StableLog's count after each entry.
const COUNT_BYTES: usize = 4;

/// Messages with one entry, of which a case is the mean.
const MESSAGES: usize = 200;

/// Messages of a case whose messages have many entries.
const BATCHES: usize = 5;

/// Entries of an `append`, and of a page that is read.
const BATCH: usize = 1_000;

const MIB: usize = 1 << 20;

/// Single entries, supported by every log.
pub(super) fn entries(rig: &mut Rig<'_>) -> Vec<Case> {
    let interface = rig.interface;
    let text = "t".repeat(ENTRY_BYTES);
    for _ in 0..HELD {
        rig.update(&interface.log(&text));
    }
    vec![log(rig, "log_100B"), read_last(rig)]
}

/// Batches and pages of entries, supported only by the storage canister and the Rust log.
pub(super) fn batches(rig: &mut Rig<'_>) -> Vec<Case> {
    let interface = rig.interface;
    let entry = "t".repeat(ENTRY_BYTES);
    let batch = vec![entry.as_bytes(); BATCH];
    let calls = (0..BATCHES).map(|_| interface.append(&batch));
    let append_floor =
        |sizes: Sizes| floor::answered(sizes) + floor::write(BATCH * (ENTRY_BYTES + COUNT_BYTES));
    let append = rig.updates("append_1000", Count::items(BATCH), append_floor, calls);
    let calls = (0..BATCHES).map(|page| interface.read_log((page * 100) as u64, BATCH as u32));
    vec![append, rig.queries("read_log_1000", Count::items(BATCH), read_floor, calls)]
}

/// Appends one entry. The floor writes text and count to one page.
pub(super) fn log(rig: &mut Rig<'_>, name: &str) -> Case {
    let interface = rig.interface;
    let text = "t".repeat(ENTRY_BYTES);
    let calls = (0..MESSAGES).map(|_| interface.log(&text));
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::write(ENTRY_BYTES + COUNT_BYTES);
    rig.updates(name, Count::MESSAGES, floor, calls)
}

/// Reads the newest entries. The floor reads all of them with one call.
fn read_last(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (0..BATCHES).map(|_| interface.read_last(BATCH as u64));
    rig.queries("read_last_1000", Count::items(BATCH), read_floor, calls)
}

fn read_floor(sizes: Sizes) -> u64 {
    floor::answered(sizes) + floor::read(BATCH * (ENTRY_BYTES + COUNT_BYTES))
}

/// Appends a long text, outside the pages that are read. The floor writes it to pages that the message has not written.
pub(super) fn large_entry(rig: &mut Rig<'_>) -> Case {
    let call = rig.interface.log(&"t".repeat(MIB));
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::write(MIB + COUNT_BYTES);
    rig.updates("log_1MiB", Count::bytes(MIB), floor, [call])
}
