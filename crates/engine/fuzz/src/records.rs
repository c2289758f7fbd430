//! Records of the maps with arbitrary bytes.
//!
//! The maps are written by the engine, so they are sound, but their records are not.

use arbitrary::{Arbitrary, Unstructured};
use ic_stable_structures::Storable;
use storage_engine::Store;
use storage_engine::testing::RawMap;
use storage_testkit::SparseMemory;

use super::base::{KEYS, OBJECTS, REGIONS, ROLES, UPLOADS, with_base};
use super::patch::{seal, seal_all};
use super::reads::{Arguments, read_everything};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    arguments: Arguments,
    records: Vec<Record<'a>>,
    /// Contents of the ledger, so that it can agree with the records.
    ledger: Option<[u64; 4]>,
}

/// A record to write.
#[derive(Arbitrary, Debug)]
enum Record<'a> {
    /// Under one of the existing keys.
    Object(u8, Value<'a>),
    /// Under any bytes.
    ObjectAt(&'a [u8], Value<'a>),
    Upload(u8, Value<'a>),
    Region(u16, Value<'a>),
    Role(&'a [u8], u8),
}

#[derive(Arbitrary, Debug)]
struct Value<'a> {
    bytes: Bytes<'a>,
    /// Whether the checksum matches.
    sealed: bool,
}

#[derive(Arbitrary, Debug)]
enum Bytes<'a> {
    Any(&'a [u8]),
    /// The bytes of an existing record, by its index, with changes, truncated or extended.
    Changed {
        of: u8,
        changes: Vec<(u8, u8)>,
        word: Option<(u8, u64)>,
        length: i8,
    },
}

/// Opens a store with records of arbitrary bytes, and reads everything.
pub fn records(data: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let memory = with_base(|base| {
        let memory = base.copy();
        let maps = Maps(memory.clone());
        input.records.iter().for_each(|record| maps.write(record));
        if let Some(ledger) = input.ledger {
            ic_stable_structures::Memory::write(&memory, 2_048, ledger.map(u64::to_le_bytes).as_flattened());
            seal_all(&memory);
        }
        memory
    });
    let before = memory.copy();
    if let Ok(store) = Store::open(memory.clone()) {
        read_everything(&store, &input.arguments);
    }
    assert!(memory.same_as(&before), "opening and reading changed the memory");
}

/// The maps of a store.
struct Maps(SparseMemory);

impl Maps {
    fn map<K: Storable>(&self, id: usize) -> RawMap<K, SparseMemory> {
        RawMap::open(self.0.clone(), id as u8).expect("the base is a store")
    }

    fn write(&self, record: &Record<'_>) {
        match record {
            Record::Object(key, value) => {
                self.write_object(KEYS[usize::from(*key) % KEYS.len()].as_bytes(), value)
            }
            Record::ObjectAt(key, value) => self.write_object(key, value),
            Record::Upload(id, value) => self.write_record(UPLOADS, &u64::from(*id), value, <[u8]>::len),
            Record::Region(id, value) => self.write_record(REGIONS, &u64::from(*id), value, <[u8]>::len),
            Record::Role(principal, role) => {
                let key = principal[..principal.len().min(40)].to_vec();
                self.map::<Vec<u8>>(ROLES).insert(&key, vec![*role]).expect("the map is sound");
            }
        }
    }

    fn write_object(&self, key: &[u8], value: &Value<'_>) {
        self.write_record(OBJECTS, &key[..key.len().min(1_024)].to_vec(), value, entry_head);
    }

    fn write_record<K: Storable>(&self, id: usize, key: &K, value: &Value<'_>, head: fn(&[u8]) -> usize) {
        let records = self.map::<K>(id);
        let there = records.values().expect("the map is sound");
        records.insert(key, value.bytes(&there, head)).expect("the map is sound");
    }
}

impl Value<'_> {
    /// Returns the bytes. `head` returns the number of bytes that the checksum covers, including the
    /// checksum.
    fn bytes(&self, there: &[Vec<u8>], head: fn(&[u8]) -> usize) -> Vec<u8> {
        let mut bytes = match &self.bytes {
            Bytes::Any(bytes) => bytes[..bytes.len().min(2_000)].to_vec(),
            Bytes::Changed { of, changes, word, length } => {
                let mut bytes = there.get(usize::from(*of) % there.len().max(1)).cloned().unwrap_or_default();
                for (at, byte) in changes {
                    bytes.get_mut(usize::from(*at)).into_iter().for_each(|place| *place = *byte);
                }
                if let Some((at, word)) = word {
                    let at = usize::from(*at) * 4;
                    let place = bytes.get_mut(at..at + 8).into_iter();
                    place.for_each(|place| place.copy_from_slice(&word.to_le_bytes()));
                }
                bytes.resize(bytes.len().saturating_add_signed((*length).into()), 0);
                bytes
            }
        };
        if self.sealed {
            let covered = head(&bytes).min(bytes.len());
            seal(&mut bytes[..covered]);
        }
        bytes
    }
}

/// Returns the size of an object's entry without an inline value, as in `objects/entry.rs`.
fn entry_head(bytes: &[u8]) -> usize {
    let Some(&flags) = bytes.first() else { return 0 };
    let mut at = 1;
    number(bytes, &mut at);
    number(bytes, &mut at);
    at += 8;
    at += if flags & 1 << 3 == 0 { 0 } else { 8 };
    at += if flags & 7 == 0 { 0 } else { 8 };
    let fields = if flags & 1 << 4 == 0 { 0 } else { number(bytes, &mut at) };
    at.saturating_add(fields).saturating_add(4)
}

/// Returns the LEB128 number at an offset, and moves the offset after it.
fn number(bytes: &[u8], at: &mut usize) -> usize {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.get(*at).copied().unwrap_or_default();
        *at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
