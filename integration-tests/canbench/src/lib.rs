//! Benches of the engine's index and log, as `canbench.yml` names them.
//!
//! canbench calls each bench in a separate canister, on PocketIC. Only the code inside `bench_fn` is measured.

use std::hint::black_box;

use canbench_rs::{BenchResult, bench, bench_fn};
use ic_stable_structures::DefaultMemoryImpl;
use stable_storage_api::ListArgs;
use storage_engine::{Put, Store};

/// Objects or log entries stored before the measurement.
const HELD: u64 = 10_000;

/// Operations of a bench.
const OPERATIONS: u64 = 1_000;

/// Bytes of a value or a log entry.
const VALUE: [u8; 100] = [7; 100];

type BenchStore = Store<DefaultMemoryImpl>;

fn store() -> BenchStore {
    Store::open(DefaultMemoryImpl::default()).expect("stable memory is empty")
}

fn filled() -> BenchStore {
    let mut store = store();
    put(&mut store, 0..HELD);
    store
}

fn put(store: &mut BenchStore, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        store.put(Put::new(&key(number), &VALUE), 0).expect("stable memory has room");
    }
}

/// Returns keys of 21 bytes, spread over the index.
fn key(number: u64) -> String {
    format!("user/{:08}/profile", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 100_000_000)
}

/// Returns numbers of objects, spread over the order in which they were stored.
fn some() -> impl Iterator<Item = u64> {
    (0..OPERATIONS).map(|number| number * (HELD / OPERATIONS))
}

#[bench(raw)]
fn index_insert() -> BenchResult {
    let mut store = filled();
    bench_fn(|| put(&mut store, HELD..HELD + OPERATIONS))
}

#[bench(raw)]
fn index_overwrite() -> BenchResult {
    let mut store = filled();
    bench_fn(|| put(&mut store, some()))
}

#[bench(raw)]
fn index_get() -> BenchResult {
    let store = filled();
    bench_fn(|| {
        for number in some() {
            black_box(store.get(&key(number)).expect("the object is there"));
        }
    })
}

#[bench(raw)]
fn index_remove() -> BenchResult {
    let mut store = filled();
    bench_fn(|| some().for_each(|number| assert_eq!(store.delete(&key(number)), Ok(true))))
}

#[bench(raw)]
fn index_list() -> BenchResult {
    let store = filled();
    let args = ListArgs { limit: Some(OPERATIONS as u32), ..ListArgs::prefix("") };
    bench_fn(|| {
        black_box(store.list(&args).expect("the index is sound"));
    })
}

#[bench(raw)]
fn log_append_one_by_one() -> BenchResult {
    let mut store = store();
    bench_fn(|| {
        for _ in 0..OPERATIONS {
            store.append(&[VALUE]).expect("stable memory has room");
        }
    })
}

#[bench(raw)]
fn log_append_batch() -> BenchResult {
    let mut store = store();
    let batch = vec![VALUE; OPERATIONS as usize];
    bench_fn(|| {
        store.append(&batch).expect("stable memory has room");
    })
}

#[bench(raw)]
fn log_read_last() -> BenchResult {
    let mut store = store();
    store.append(&vec![VALUE; OPERATIONS as usize]).expect("stable memory has room");
    bench_fn(|| {
        black_box(store.read_last(OPERATIONS).expect("the log is sound"));
    })
}
