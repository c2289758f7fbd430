//! Bytes of memory per object, compared with a `StableBTreeMap` with the same keys and values.
//!
//! ```sh
//! cargo run --release -p storage-engine --example space        # a million objects
//! cargo run --release -p storage-engine --example space 100000
//! ```

use std::env;

use ic_stable_structures::{Memory, StableBTreeMap, VectorMemory};
use storage_engine::{BPlusTreeMap, HostFacts, Put, Store};

const VALUE: [u8; 100] = [7; 100];

/// A step whose multiples have remainders in irregular order.
const STEP: u64 = 387_420_489;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u64 = env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    println!("{count} objects of {} bytes under keys of 21 bytes", VALUE.len());
    println!("{:<44} {:>12} {:>10}", "", "in order", "at random");
    let orders = [false, true];
    let ours = orders.map(|is_random| store(count, is_random));
    row("the store, whole buckets of its index", ours.map(|index| index as f64 / count as f64));
    let tree = orders.map(|is_random| tree(count, is_random));
    row("BPlusTreeMap<String, Vec<u8>>, its memory", tree.map(|bytes| bytes as f64 / count as f64));
    let peer = orders.map(|is_random| peer(count, is_random));
    row("StableBTreeMap<String, Vec<u8>>, its memory", peer.map(|bytes| bytes as f64 / count as f64));
    Ok(())
}

fn row(name: &str, [in_order, at_random]: [f64; 2]) {
    println!("{name:<44} {in_order:>12.1} {at_random:>10.1}");
}

fn key(number: u64, count: u64, is_random: bool) -> String {
    let number = if is_random { number.wrapping_mul(STEP) % (100 * count) } else { number };
    format!("user/{number:08}/profile")
}

/// Returns the size of the index of a store, in bytes. It grows by 16 MiB.
fn store(count: u64, is_random: bool) -> u64 {
    let mut store = Store::open(VectorMemory::default()).expect("an empty memory is formatted");
    let keys: Vec<_> = (0..count).map(|number| key(number, count, is_random)).collect();
    for batch in keys.chunks(1_000) {
        store.put_many(batch.iter().map(|key| Put::new(key, &VALUE)), 0).expect("the memory grows");
    }
    store.status(HostFacts::default()).expect("the store is sound").stores.objects
}

fn tree(count: u64, is_random: bool) -> u64 {
    let memory = VectorMemory::default();
    let mut map = BPlusTreeMap::open(memory.clone()).expect("an empty memory is an empty map");
    (0..count).for_each(|number| drop(map.insert(key(number, count, is_random), VALUE.to_vec())));
    memory.size() * 65_536
}

fn peer(count: u64, is_random: bool) -> u64 {
    let memory = VectorMemory::default();
    let mut map = StableBTreeMap::init(memory.clone());
    (0..count).for_each(|number| drop(map.insert(key(number, count, is_random), VALUE.to_vec())));
    memory.size() * 65_536
}
