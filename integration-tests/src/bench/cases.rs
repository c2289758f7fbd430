//! The cases.

use serde_bytes::Bytes;
use storage_api::limits::MAX_PAYLOAD_BYTES;

use super::floor;
use super::rig::{Rig, key};
use crate::data;

const MIB: usize = 1 << 20;

/// Objects that are there when an object of 100 bytes is put and read.
const OBJECTS: u64 = 100_000;

/// Values of 31 pages that a full store has besides, 248 MiB of them.
const LARGE_VALUES: u64 = 128;

/// Entries that the log has before one is appended, so that its end is far from its head.
const LOG_ENTRIES: usize = 1_000;

/// What a case is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instructions of the message.
    Instructions,
    /// Instructions of the message, per byte of the value.
    InstructionsPerByte,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instr",
            Self::InstructionsPerByte => "instr/B",
        }
    }

    pub(super) fn show(self, figure: f64) -> String {
        match self {
            Self::Instructions => format!("{figure:.0}"),
            Self::InstructionsPerByte => format!("{figure:.4}"),
        }
    }
}

/// What one thing costs.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in the golden file.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What the platform alone would take.
    pub floor: f64,
    /// What the canister takes.
    pub ours: f64,
}

impl Case {
    fn message(name: &'static str, floor: u64, ours: u64) -> Self {
        Self { name, unit: Unit::Instructions, floor: floor as f64, ours: ours as f64 }
    }

    fn bytes(name: &'static str, floor: f64, instructions: u64, bytes: usize) -> Self {
        Self { name, unit: Unit::InstructionsPerByte, floor, ours: instructions as f64 / bytes as f64 }
    }
}

/// Measures every case on a canister of this module.
pub fn measure(wasm: &[u8]) -> Vec<Case> {
    let mut rig = Rig::install(wasm);
    let open_empty = open("open_empty", &mut rig);
    let log_100b = log_100b(&mut rig);
    rig.fill(OBJECTS, 100);
    let mut cases = vec![put_100b(&mut rig), put_1mib(&mut rig), get_100b(&mut rig), get_1mib(&mut rig)];
    cases.extend(write_chunk_31_pages(&mut rig));
    cases.extend(read_1mib(&mut rig));
    cases.push(log_100b);
    cases.push(open_empty);
    fill_large(&mut rig);
    cases.push(open("open_full", &mut rig));
    cases
}

/// A new object among 100,000. The floor writes the key and the value, and a reply that is as short as ours.
fn put_100b(rig: &mut Rig<'_>) -> Case {
    let (key, value) = (key(OBJECTS), data::bytes(OBJECTS, 100));
    let (args, reply) = rig.update("put", (&key, Bytes::new(&value)));
    let floor = floor::argument(args.len())
        + floor::caller()
        + floor::time()
        + floor::write(key.len() + value.len())
        + floor::reply(reply.bytes.len());
    Case::message("put_100B", floor, reply.instructions)
}

/// A new object of 1 MiB. The floor takes the argument and writes it to pages that were not written yet.
fn put_1mib(rig: &mut Rig<'_>) -> Case {
    let (_, reply) = rig.update("put", ("a/large/object", Bytes::new(&data::bytes(1, MIB))));
    Case::bytes("put_1MiB", floor::STORED_BYTE, reply.instructions, MIB)
}

/// An object of 100 bytes among 100,000. The floor reads its value, and replies as shortly as we do.
fn get_100b(rig: &mut Rig<'_>) -> Case {
    let (args, reply) = rig.query("get", (key(OBJECTS / 2),));
    let floor =
        floor::argument(args.len()) + floor::caller() + floor::read(100) + floor::reply(reply.bytes.len());
    Case::message("get_100B", floor, reply.instructions)
}

/// The object of `put_1MiB`. The floor reads it and replies.
fn get_1mib(rig: &mut Rig<'_>) -> Case {
    let (_, reply) = rig.query("get", ("a/large/object",));
    Case::bytes("get_1MiB", floor::READ_BYTE, reply.instructions, MIB)
}

/// To be filled in where uploads are: a chunk of 31 pages of a new upload, floor `floor::STORED_BYTE`.
fn write_chunk_31_pages(_rig: &mut Rig<'_>) -> Option<Case> {
    None
}

/// To be filled in where ranges can be read: 1 MiB of an object, floor `floor::READ_BYTE`.
fn read_1mib(_rig: &mut Rig<'_>) -> Option<Case> {
    None
}

/// An entry of 100 bytes behind 1,000 others. The floor writes payload and length into one page, and nothing else.
fn log_100b(rig: &mut Rig<'_>) -> Case {
    let text = "t".repeat(100);
    rig.update("append", (vec![Bytes::new(text.as_bytes()); LOG_ENTRIES],));
    let (args, reply) = rig.update("log", (&text,));
    let floor = floor::argument(args.len())
        + floor::caller()
        + floor::write(text.len() + 4)
        + floor::reply(reply.bytes.len());
    Case::message("log_100B", floor, reply.instructions)
}

/// What runs of the canister in an upgrade to the same module: `pre_upgrade` and `post_upgrade`. The floor is that it has
/// nothing to do.
fn open(name: &'static str, rig: &mut Rig<'_>) -> Case {
    let execution = rig.upgrade();
    Case::message(name, 0, execution.pre_upgrade + execution.post_upgrade)
}

fn fill_large(rig: &mut Rig<'_>) {
    let mut value = data::bytes(2, MAX_PAYLOAD_BYTES as usize);
    for number in 0..LARGE_VALUES {
        value[..8].copy_from_slice(&number.to_le_bytes());
        rig.update("put", (format!("full/{number:04}"), Bytes::new(&value)));
    }
}
