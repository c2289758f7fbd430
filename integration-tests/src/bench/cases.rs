//! The cases.

use serde_bytes::Bytes;
use storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES};
use storage_api::{ReadArgs, Received, Upload, UploadArgs};

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
    let log_100b_writer = rig.as_writer(log_100b_writer);
    rig.fill(OBJECTS, 100);
    let mut cases = vec![put_100b(&mut rig), put_1mib(&mut rig), get_100b(&mut rig), get_1mib(&mut rig)];
    cases.push(write_chunk_31_pages(&mut rig));
    cases.push(read_1mib(&mut rig));
    cases.push(log_100b);
    cases.push(log_100b_writer);
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

/// The first chunk of a new upload, which takes the extent for it, too. The floor takes the argument and writes it to pages
/// that were not written yet.
fn write_chunk_31_pages(rig: &mut Rig<'_>) -> Case {
    let args = UploadArgs::new("an/upload", 20 * CHUNK_BYTES);
    let (_, reply) = rig.update("create_upload", (args,));
    let (upload,): (storage_api::Result<Upload>,) =
        candid::decode_args(&reply.bytes).expect("create_upload answers what the contract says");
    let id = upload.expect("there is room for an upload").id;
    let chunk = data::bytes(3, CHUNK_BYTES as usize);
    let (_, reply) = rig.update("write_chunk", (id, 0u64, Bytes::new(&chunk)));
    let (received,): (storage_api::Result<Received>,) =
        candid::decode_args(&reply.bytes).expect("write_chunk answers what the contract says");
    assert_eq!(received.map(|received| received.received), Ok(CHUNK_BYTES));
    Case::bytes("write_chunk_31_pages", floor::STORED_BYTE, reply.instructions, chunk.len())
}

/// 1 MiB of the object of `put_1MiB`. The floor reads it and replies.
fn read_1mib(rig: &mut Rig<'_>) -> Case {
    let args = ReadArgs { key: "a/large/object".into(), offset: 0, length: MIB as u64, revision: None };
    let (_, reply) = rig.query("read", (args,));
    assert!(reply.bytes.len() > MIB, "all of the range was read");
    Case::bytes("read_1MiB", floor::READ_BYTE, reply.instructions, MIB)
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

/// The same for a caller who is no controller: what looking up a role adds.
fn log_100b_writer(rig: &mut Rig<'_>) -> Case {
    Case { name: "log_100B_writer", ..log_100b(rig) }
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
