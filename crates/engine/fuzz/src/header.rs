//! The inputs of opening: page 0, the bucket table, the start of the log, the header of the arena.

use arbitrary::{Arbitrary, Unstructured};
use ic_stable_structures::Memory;
use storage_engine::{HostFacts, Store};

use super::base::with_base;
use super::patch::{LOG_MARK_AT, Patch, apply_all};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Whether the checksums match, so that the checks after them are reached.
    sealed: bool,
    header: [u8; 64],
    /// Replacement of the ledger, and of the mark of the log after a clean shutdown.
    ledger: Option<[u64; 4]>,
    log: Option<[u64; 3]>,
    patches: Vec<Patch<'a>>,
}

/// Opens a store with arbitrary bytes in its header. A refused memory is unchanged; an opened store is shut
/// down cleanly, and opens again with the same contents.
pub fn header(data: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let memory = with_base(|base| {
        let memory = base.copy();
        // Magic and version are usually valid; otherwise the checks after them are never reached.
        let from = if input.header[0] < 8 { 0 } else { 12 };
        memory.write(from as u64, &input.header[from..]);
        if let Some(ledger) = input.ledger {
            memory.write(2_048, ledger.map(u64::to_le_bytes).as_flattened());
        }
        if let Some(log) = input.log {
            memory.write(LOG_MARK_AT, log.map(u64::to_le_bytes).as_flattened());
        }
        apply_all(&input.patches, input.sealed, base, &memory);
        memory
    });
    let before = memory.copy();
    let opened = Store::open(memory.clone());
    assert!(memory.same_as(&before), "opening changed the memory");
    let Ok(mut store) = opened else { return };
    let _ = store.status(HostFacts::default());
    let config = store.config();
    store.seal();
    let mut store = Store::open(memory.clone()).expect("a store opens after a clean shutdown");
    assert_eq!(store.config(), config);
    store.record_upgrade(1);
    let store = Store::open(memory).expect("a store opens after an upgrade");
    assert_eq!(store.config(), config);
    if let Ok(status) = store.status(HostFacts::default()) {
        assert!(status.upgrades.last_was_sealed);
    }
}
