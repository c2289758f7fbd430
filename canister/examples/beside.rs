//! A canister that uses a store beside other stable structures, in one stable memory.
//!
//! `ic-stable-structures` divides the memory: a map counts visitors in one virtual memory, and the store uses
//! another one. `scripts/example-canister.sh` builds the canister and tests it on the embedded host,
//! including an upgrade.

use std::cell::RefCell;

use ic_cdk::api::time;
use ic_cdk::{init, post_upgrade, pre_upgrade, query, update};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, StableBTreeMap};
use storage_engine::{BucketSize, Options, Put, Store};

type Shared = VirtualMemory<DefaultMemoryImpl>;

const VISITS: MemoryId = MemoryId::new(0);
const FILES: MemoryId = MemoryId::new(1);

thread_local! {
    static MANAGER: RefCell<MemoryManager<DefaultMemoryImpl>> =
        RefCell::new(MemoryManager::init(DefaultMemoryImpl::default()));
    static COUNTS: RefCell<StableBTreeMap<String, u64, Shared>> =
        RefCell::new(StableBTreeMap::init(MANAGER.with_borrow(|manager| manager.get(VISITS))));
    static STORE: RefCell<Option<Store<Shared>>> = const { RefCell::new(None) };
}

#[init]
fn init() {
    open();
}

#[post_upgrade]
fn post_upgrade() {
    open();
}

/// Opens the store: formats an empty memory, or loads the store.
fn open() {
    let memory = MANAGER.with_borrow(|manager| manager.get(FILES));
    // Small buckets, because the memory is shared.
    let options = Options { bucket_size: BucketSize::SMALLEST, ..Options::default() };
    STORE.set(Some(Store::open_with(memory, options).expect("the memory is empty, or holds a store")));
}

/// Optional: without it, the next opening has to search for the end of the log.
#[pre_upgrade]
fn pre_upgrade() {
    with(Store::seal);
}

/// Stores a file, and counts who has stored one.
#[update]
fn put(name: String, content: Vec<u8>) -> Result<u64, String> {
    let caller = ic_cdk::api::msg_caller().to_text();
    let written =
        with(|store| store.put(Put::new(&name, &content), time())).map_err(|error| error.to_string())?;
    COUNTS.with_borrow_mut(|counts| {
        let count = counts.get(&caller).unwrap_or_default();
        counts.insert(caller, count + 1);
    });
    Ok(written.revision)
}

/// Returns a file.
#[query]
fn get(name: String) -> Result<Vec<u8>, String> {
    with(|store| store.get(&name)).map_err(|error| error.to_string())
}

/// Returns how often a caller has stored a file.
#[query]
fn count(who: String) -> u64 {
    COUNTS.with_borrow(|counts| counts.get(&who).unwrap_or_default())
}

fn with<R>(f: impl FnOnce(&mut Store<Shared>) -> R) -> R {
    STORE.with_borrow_mut(|store| f(store.as_mut().expect("init or post_upgrade has opened the store")))
}
