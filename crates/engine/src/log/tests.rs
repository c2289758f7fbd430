use ic_stable_structures::{Memory, VectorMemory};
use storage_api::limits::{LOG_ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES};
use storage_api::{Appended, Error, InitArgs, LogInfo, ReadLogArgs};

use super::LOG_START;
use crate::layout::LOG;
use crate::store::Store;

type TestStore = Store<VectorMemory>;

fn store() -> TestStore {
    Store::open(VectorMemory::default()).unwrap()
}

/// What the documented StableLog of the Motoko manual keeps in stable memory after these texts.
fn stable_log_bytes(texts: &[String]) -> Vec<u8> {
    texts.iter().flat_map(|text| [text.as_bytes(), &(text.len() as u32).to_le_bytes()].concat()).collect()
}

fn sample(entries: usize) -> Vec<String> {
    (0..entries).map(|i| format!("{i}").repeat(i % 7)).collect()
}

fn read_log(store: &TestStore, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, Error> {
    let page = store.read_log(&ReadLogArgs { from, limit })?;
    assert_eq!(page.length, store.log_info().length);
    assert_eq!(page.next, from + page.entries.len() as u64);
    Ok(page.entries.into_iter().map(|entry| entry.into_vec()).collect())
}

#[test]
fn the_bytes_are_those_of_stable_log() {
    let mut store = store();
    let texts = sample(200);
    for text in &texts {
        store.append(&[text]).unwrap();
    }
    let expected = stable_log_bytes(&texts);
    let mut bytes = vec![0; expected.len()];
    store.space.memory(LOG).read(LOG_START, &mut bytes);
    assert_eq!(bytes, expected);
    assert_eq!(store.log_info(), LogInfo { length: 200, bytes: expected.len() as u64 });
    assert!(store.check().is_sound());
}

#[test]
fn the_head_has_the_bytes_of_the_picture() {
    let mut store = store();
    store.append(&["ab", "c"]).unwrap();
    let mut head = [0; 32];
    store.space.memory(LOG).read(0, &mut head);
    assert_eq!(&head[..8], b"IC-LOG\x01\x00");
    assert_eq!(head[8..16], 2u64.to_le_bytes());
    assert_eq!(head[16..24], (LOG_START + 2 + 4 + 1 + 4).to_le_bytes());
    assert_eq!(head[24..28], crc32fast::hash(&head[..24]).to_le_bytes());
    assert_eq!(head[28..], [0; 4]);
}

#[test]
fn read_last_is_newest_first_and_takes_any_count() {
    let mut store = store();
    assert_eq!(store.read_last(u64::MAX).unwrap(), Vec::<Vec<u8>>::new());
    let texts = sample(150);
    store.append(&texts).unwrap();
    for count in [0, 1, 63, 64, 65, 149, 150, 151, u64::MAX] {
        let expected: Vec<_> =
            texts.iter().rev().take(count.min(1_000) as usize).map(|text| text.as_bytes().to_vec()).collect();
        assert_eq!(store.read_last(count).unwrap(), expected, "readLast({count})");
    }
}

#[test]
fn every_page_of_read_log_is_the_entries_from_its_index_on() {
    let mut store = store();
    let texts = sample(200);
    store.append(&texts).unwrap();
    for from in 0..=200 {
        for limit in [1, 2, 63, 64, 65, 200, u32::MAX] {
            let expected: Vec<_> =
                texts[from..].iter().take(limit as usize).map(|text| text.as_bytes().to_vec()).collect();
            assert_eq!(read_log(&store, from as u64, limit).unwrap(), expected, "from {from}, limit {limit}");
        }
    }
    assert_eq!(read_log(&store, 201, 1), Err(Error::OutOfRange { offset: 201, length: 1, size: 200 }));
    assert_eq!(
        read_log(&store, u64::MAX, u32::MAX).map_err(|error| matches!(error, Error::OutOfRange { .. })),
        Err(true)
    );
    assert!(matches!(read_log(&store, 0, 0), Err(Error::InvalidArgument { .. })));
}

#[test]
fn replies_end_where_the_next_entry_would_not_fit() {
    let mut store = store();
    let half = vec![7u8; (MAX_REPLY_BYTES / 2 - LOG_ITEM_OVERHEAD_BYTES) as usize];
    let largest = vec![8u8; MAX_PAYLOAD_BYTES as usize];
    for entry in [&half, &half, &largest, &half] {
        store.append(&[entry]).unwrap();
    }
    assert_eq!(store.read_last(9).unwrap(), std::slice::from_ref(&half));
    let from_start = |from| read_log(&store, from, 9).unwrap().len();
    assert_eq!([from_start(0), from_start(1), from_start(2), from_start(3)], [2, 1, 1, 1]);
}

#[test]
fn entries_and_batches_at_their_limits() {
    let mut store = store();
    assert_eq!(store.append::<&str>(&[]).unwrap(), Appended { first: 0, next: 0 });
    assert_eq!(store.log_info(), LogInfo { length: 0, bytes: 0 });
    for size in [0, 1, MAX_PAYLOAD_BYTES - 1, MAX_PAYLOAD_BYTES] {
        let entry = vec![3u8; size as usize];
        store.append(&[&entry]).unwrap();
        assert_eq!(store.read_last(1).unwrap(), [entry]);
    }
    let before = store.log_info();
    let too_long = vec![0u8; MAX_PAYLOAD_BYTES as usize + 1];
    let refused = store.append(&[&b"fits"[..], &too_long]);
    assert_eq!(refused, Err(Error::TooLarge { size: MAX_PAYLOAD_BYTES + 1, limit: MAX_PAYLOAD_BYTES }));
    let refused = store.append(&vec![""; MAX_BATCH_ITEMS as usize + 1]);
    assert!(matches!(refused, Err(Error::LimitExceeded { limit: MAX_BATCH_ITEMS, .. })));
    assert_eq!(store.log_info(), before);
    store.append(&vec![""; MAX_BATCH_ITEMS as usize]).unwrap();
    assert_eq!(store.log_info().length, before.length + MAX_BATCH_ITEMS);
    assert!(store.check().is_sound());
}

#[test]
fn appending_nothing_to_a_new_log_leaves_a_store_that_opens() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let before = memory.borrow().clone();
    assert_eq!(store.append::<&str>(&[]).unwrap(), Appended { first: 0, next: 0 });
    assert!(*memory.borrow() == before, "nothing was appended and something was written");
    let mut store = Store::open(memory.clone()).unwrap();
    store.append(&["first"]).unwrap();
    assert_eq!(Store::open(memory).unwrap().read_last(1).unwrap(), [b"first"]);
}

#[test]
fn a_full_log_refuses_and_is_unchanged() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let capacity = storage_api::limits::MIN_CAPACITY_BYTES;
    store.configure(&InitArgs::capacity(capacity)).unwrap();
    let entry = vec![1u8; MAX_PAYLOAD_BYTES as usize];
    let refused = loop {
        let before = memory.borrow().clone();
        match store.append(&[&entry]) {
            Ok(_) => continue,
            Err(error) => {
                assert!(*memory.borrow() == before, "a refusal changed the memory");
                break error;
            }
        }
    };
    assert!(matches!(refused, Error::OutOfMemory { .. }), "{refused}");
    assert!(memory.size() * crate::layout::PAGE_BYTES <= capacity);
    // What still fits the last bucket still goes in.
    store.append(&["small"]).unwrap();
    assert_eq!(store.read_last(1).unwrap(), [b"small"]);
    assert!(store.check().is_sound());
}

#[test]
fn bad_trailers_and_index_entries_are_corruption_and_nothing_else() {
    let mut store = store();
    store.append(&sample(130)).unwrap();
    let log = store.space.memory(LOG);
    let end = LOG_START + store.log_info().bytes;
    for trailer in [u32::MAX, 1 << 20, MAX_PAYLOAD_BYTES as u32 + 1] {
        log.write(end - 4, &trailer.to_le_bytes());
        assert!(matches!(store.read_last(1), Err(Error::Corrupted { .. })), "trailer {trailer}");
        assert!(matches!(read_log(&store, 129, 1), Err(Error::Corrupted { .. })), "trailer {trailer}");
        assert!(!store.check().is_sound());
    }
}
