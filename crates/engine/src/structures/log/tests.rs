use ic_stable_structures::{Memory, VectorMemory};
use stable_storage_api::limits::{
    LOG_ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES,
};
use stable_storage_api::{Appended, Error, InitArgs, LogInfo, ReadLogArgs};

use super::mark::LogState;
use super::{LOG_START, Log, index_bytes};
use crate::base::layout::{LOG, PAGE_BYTES};
use crate::base::open::OpenError;
use crate::store::Store;
use storage_testkit::SparseMemory;

type TestStore = Store<VectorMemory>;

fn store() -> TestStore {
    Store::open(VectorMemory::default()).unwrap()
}

/// Returns the contents of stable memory that the StableLog of the Motoko manual writes for these texts.
fn stable_log_bytes(texts: &[String]) -> Vec<u8> {
    texts.iter().flat_map(|text| [text.as_bytes(), &(text.len() as u32).to_le_bytes()].concat()).collect()
}

fn sample(entries: usize) -> Vec<String> {
    (0..entries).map(|i| format!("{i}").repeat(i % 7)).collect()
}

fn read_log(store: &TestStore, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, Error> {
    let page = store.read_log(&ReadLogArgs { from, limit: Some(limit) })?;
    assert_eq!(page.length, store.log_info().length);
    assert_eq!(page.next, from + page.entries.len() as u64);
    Ok(page.entries.into_iter().map(|entry| entry.into_vec()).collect())
}

#[test]
fn the_bytes_equal_those_of_stable_log() {
    let mut store = store();
    let texts = sample(200);
    for text in &texts {
        store.append(&[text]).unwrap();
    }
    let expected = stable_log_bytes(&texts);
    let mut bytes = vec![0; expected.len()];
    store.core.space.memory(LOG).read(LOG_START, &mut bytes);
    assert_eq!(bytes, expected);
    assert_eq!(store.log_info(), LogInfo { length: 200, bytes: expected.len() as u64 });
    assert!(store.check().is_sound());
}

#[test]
fn the_start_and_the_mark_match_the_layout_table() {
    let mut store = store();
    store.append(&["ab", "c"]).unwrap();
    let mut start = [1; LOG_START as usize];
    store.core.space.memory(LOG).read(0, &mut start);
    assert_eq!(&start[..8], b"IC-LOG\x01\x00");
    assert_eq!(start[8..], [0; 56]);
    let end = LOG_START + 2 + 4 + 1 + 4;
    let mut mark = [1; 32];
    store.core.space.memory(LOG).read(end, &mut mark);
    assert_eq!(mark[..8], 2u64.to_le_bytes());
    assert_eq!(mark[8..16], end.to_le_bytes());
    assert_eq!(mark[16..24], (crate::base::checksum::mix(&mark[..16]) | 1 << 63).to_le_bytes());
    assert_eq!(mark[24..], [0; 8]);
    store.seal();
    let mut stored = [0; 24];
    store.core.space.raw().read(crate::base::layout::LOG_MARK_AT, &mut stored);
    assert_eq!(stored, mark[..24]);
}

/// Appends entries that look like a mark or zeroes, and upgrades after each of them; half of the upgrades
/// skip `pre_upgrade`. No appended entry may be lost.
#[test]
fn no_entry_is_lost_whether_pre_upgrade_ran_or_not() {
    let memory = VectorMemory::default();
    let mut model: Vec<Vec<u8>> = Vec::new();
    let mark = |length: u64, end: u64| super::mark::LogState { length, end }.encode().to_vec();
    for round in 0..60u64 {
        let mut store = Store::open(memory.clone()).unwrap();
        let end = LOG_START + store.log_info().bytes;
        let entry = match round % 6 {
            0 => vec![],
            1 => vec![0; 5_000],
            // Equals the mark that would be at the start or the end of this entry.
            2 => mark(model.len() as u64, end),
            3 => mark(model.len() as u64 + 1, end + 24 + 4),
            4 => vec![0xff; 70_000],
            _ => [vec![0; 100_000], mark(1, 64), vec![0; 33]].concat(),
        };
        if round % 5 == 4 {
            let batch: Vec<_> = (0..70).map(|i| vec![i; usize::from(i) * 3]).collect();
            store.append(&batch).unwrap();
            model.extend(batch);
        }
        store.append(std::slice::from_ref(&entry)).unwrap();
        model.push(entry);
        if round % 2 == 0 {
            store.seal();
        }
        if round % 4 == 0 {
            // Shut down cleanly, opened, and used before the mark of the clean shutdown is removed.
            let mut store = Store::open(memory.clone()).unwrap();
            store.append(&["after a clean shutdown"]).unwrap();
            model.push(b"after a clean shutdown".to_vec());
        }
        let store = Store::open(memory.clone()).unwrap();
        assert_eq!(store.log_info().length, model.len() as u64, "round {round}");
        let last: Vec<_> = model.iter().rev().take(75).cloned().collect();
        assert!(store.read_last(75).unwrap() == last, "round {round}");
        assert_eq!(store.check().problems, []);
    }
}

#[test]
fn open_rejects_a_log_with_a_corrupt_mark() {
    for is_clean in [false, true] {
        let memory = VectorMemory::default();
        let mut store = Store::open(memory.clone()).unwrap();
        store.append(&["one", "two"]).unwrap();
        if is_clean {
            store.seal();
        }
        let end = LOG_START + store.log_info().bytes;
        let log = store.core.space.memory(LOG);
        for bit in 0..24 * 8 {
            let mut byte = [0];
            log.read(end + bit / 8, &mut byte);
            log.write(end + bit / 8, &[byte[0] ^ 1 << (bit % 8)]);
            assert!(matches!(Store::open(memory.clone()), Err(OpenError::Damaged { .. })), "bit {bit}");
            log.write(end + bit / 8, &byte);
        }
        assert_eq!(Store::open(memory).unwrap().log_info().length, 2);
    }
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
fn read_log_returns_the_entries_from_its_index() {
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
fn replies_end_before_an_entry_that_does_not_fit() {
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
fn an_empty_append_to_a_new_log_writes_nothing() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let before = memory.borrow().clone();
    assert_eq!(store.append::<&str>(&[]).unwrap(), Appended { first: 0, next: 0 });
    assert!(*memory.borrow() == before, "an empty append has written something");
    let mut store = Store::open(memory.clone()).unwrap();
    store.append(&["first"]).unwrap();
    assert_eq!(Store::open(memory).unwrap().read_last(1).unwrap(), [b"first"]);
}

#[test]
fn a_full_log_refuses_and_is_unchanged() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let capacity = stable_storage_api::limits::MIN_CAPACITY_BYTES;
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
    assert!(memory.size() * crate::base::layout::PAGE_BYTES <= capacity);
    // An entry that fits in the last bucket is still accepted.
    store.append(&["small"]).unwrap();
    assert_eq!(store.read_last(1).unwrap(), [b"small"]);
    assert!(store.check().is_sound());
}

#[test]
fn invalid_trailers_and_index_entries_are_corruption() {
    let mut store = store();
    store.append(&sample(130)).unwrap();
    let log = store.core.space.memory(LOG);
    let end = LOG_START + store.log_info().bytes;
    for trailer in [u32::MAX, 1 << 20, MAX_PAYLOAD_BYTES as u32 + 1] {
        log.write(end - 4, &trailer.to_le_bytes());
        assert!(matches!(store.read_last(1), Err(Error::Corrupted { .. })), "trailer {trailer}");
        assert!(matches!(read_log(&store, 129, 1), Err(Error::Corrupted { .. })), "trailer {trailer}");
        assert!(!store.check().is_sound());
    }
}

/// A log in its own memories, which have at most these pages.
fn own_log(pages: [u64; 2]) -> (SparseMemory, SparseMemory, Log<SparseMemory>) {
    let [entries, index] = pages.map(SparseMemory::with_maximum);
    let log = Log::open(entries.clone(), index.clone()).unwrap();
    (entries, index, log)
}

/// The mark after the last entry must fit as well.
#[test]
fn a_log_grows_if_its_mark_does_not_fit() {
    let space = 16 * PAGE_BYTES - LOG_START - 24;
    for (bytes, pages) in [(space - 4, 16), (space - 3, 32)] {
        let (entries, _, mut log) = own_log([1_000, 1_000]);
        log.append(&[vec![1; bytes as usize - 4], vec![]]).unwrap();
        assert_eq!(entries.size(), pages);
        assert_eq!(log.append::<&[u8]>(&[]).unwrap(), Appended { first: 2, next: 2 });
        let plan = log.plan::<&[u8]>(&[]).unwrap();
        assert!(!plan.changes(&log) && log.plan(&["a"]).unwrap().changes(&log));
    }
}

/// Both memories are asked for pages before anything is written.
#[test]
fn a_memory_that_refuses_to_grow_leaves_the_log_unchanged() {
    for (pages, last) in [([16, 1_000], None), ([1_000, 0], Some(63))] {
        let (entries, index, mut log) = own_log(pages);
        let entry = vec![7; 20_000];
        let mut length = 0;
        let refused = loop {
            let before = entries.copy();
            match log.append(&[&entry]) {
                Ok(_) => length += 1,
                Err(error) => {
                    assert!(entries.same_as(&before));
                    break error;
                }
            }
        };
        assert_eq!(refused, Error::OutOfMemory { requested: 16 * PAGE_BYTES, available: 0 });
        assert_eq!(length, last.unwrap_or((16 * PAGE_BYTES - LOG_START - 24) / 20_004));
        assert_eq!(log.info().length, length);
        let read = Log::open(entries, index).unwrap().read_last(length).unwrap();
        assert!(read.len() as u64 == length && read.iter().all(|read| *read == entry));
    }
}

#[test]
fn the_index_has_an_end_for_every_64th_entry() {
    for (length, bytes) in [(0, 0), (63, 0), (64, 8), (127, 8), (128, 16), (1 << 30, 1 << 27)] {
        assert_eq!(index_bytes(length), bytes);
    }
    let (entries, _, mut log) = own_log([1_000, 1_000]);
    log.append(&["entry"; 63]).unwrap();
    assert!(Log::open(entries.clone(), SparseMemory::default()).is_ok());
    log.append(&["entry"]).unwrap();
    let opened = Log::open(entries, SparseMemory::default()).map(drop);
    assert_eq!(opened, Err(OpenError::damaged("the log's index is too short for the log", 0)));
}

/// The check of each of these marks is right.
#[test]
fn a_mark_of_an_impossible_log_is_refused() {
    let memory = 16 * PAGE_BYTES;
    for (length, end, is_good) in [
        (0, LOG_START, true),
        (0, LOG_START - 1, false),
        (1, LOG_START + 3, false),
        (1, LOG_START + 4, true),
        (5, memory - 24, true),
        (5, memory - 23, false),
        (5, u64::MAX, false),
        (u64::MAX, memory - 24, false),
    ] {
        let state = LogState { length, end };
        assert_eq!(LogState::decode(&state.encode(), memory), is_good.then_some(state), "{length} {end}");
    }
}

/// A length is refused if it is too large for an entry, or if the entry would begin before the log.
#[test]
fn a_trailer_that_reaches_before_the_log_or_above_the_limit_is_corruption() {
    let trailer_of = |log: &Log<SparseMemory>| LOG_START + log.info().bytes - 4;
    let (entries, _, mut log) = own_log([1_000, 1_000]);
    log.append(&["abcde"]).unwrap();
    entries.write(trailer_of(&log), &6u32.to_le_bytes());
    assert!(matches!(log.read_last(1), Err(Error::Corrupted { .. })));
    let (entries, _, mut log) = own_log([1_000, 1_000]);
    log.append(&[vec![1; MAX_PAYLOAD_BYTES as usize]]).unwrap();
    log.append(&["abcde"]).unwrap();
    for bytes in [MAX_PAYLOAD_BYTES as u32, MAX_PAYLOAD_BYTES as u32 + 1] {
        entries.write(trailer_of(&log), &bytes.to_le_bytes());
        assert_eq!(log.read_last(1).is_ok(), u64::from(bytes) == MAX_PAYLOAD_BYTES);
    }
}
