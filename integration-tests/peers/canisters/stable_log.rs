//! A log in ic-stable-structures' `Log`, in a memory of its `MemoryManager`.

use std::cell::RefCell;

use candid::Nat;
use ic_cdk::{query, update};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, Log};
use serde_bytes::ByteBuf;

type Memory = VirtualMemory<DefaultMemoryImpl>;

thread_local! {
    static LOG: RefCell<Log<Vec<u8>, Memory, Memory>> = {
        let memories = MemoryManager::init(DefaultMemoryImpl::default());
        RefCell::new(Log::init(memories.get(MemoryId::new(0)), memories.get(MemoryId::new(1))))
    };
}

/// Opens the log, as the first message would otherwise.
#[ic_cdk::post_upgrade]
fn post_upgrade() {
    LOG.with_borrow(|log| assert!(log.len() < u64::MAX));
}

#[update]
fn log(text: String) {
    append(vec![text.into_bytes().into()]);
}

#[update]
fn append(entries: Vec<ByteBuf>) {
    LOG.with_borrow(|log| {
        for entry in entries {
            log.append(&entry.into_vec()).expect("stable memory has room");
        }
    });
}

#[query(name = "readLast")]
fn read_last(count: Nat) -> Vec<String> {
    let count = u64::try_from(count.0).unwrap_or(u64::MAX);
    LOG.with_borrow(|log| {
        let length = log.len();
        let entries = (length.saturating_sub(count)..length).rev().filter_map(|index| log.get(index));
        entries.map(|entry| String::from_utf8(entry).expect("the log holds texts")).collect()
    })
}

#[query]
fn read_log(from: u64, limit: u32) -> Vec<ByteBuf> {
    LOG.with_borrow(|log| {
        let entries = (from..from + u64::from(limit)).map_while(|index| log.get(index));
        entries.map(ByteBuf::from).collect()
    })
}
