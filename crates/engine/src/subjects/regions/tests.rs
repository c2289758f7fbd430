use candid::Principal;
use ic_stable_structures::{Memory, VectorMemory};
use proptest::prelude::*;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{
    FIRST_REGION, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, MAX_REGIONS, MAX_REPLY_BYTES, MIN_CAPACITY_BYTES,
};
use stable_storage_api::{Error, RegionLoad, RegionStore, RegionType, RegionValue, Role, Settings};

use crate::HostFacts;
use crate::base::caller::Caller;
use crate::base::checksum::mix;
use crate::base::growth::Growth;
use crate::base::layout::{BUCKET_BYTES, MemoryId, PAGE_BYTES, REGIONS, tree_header_at};
use crate::base::problem::Problem;
use crate::store::Store;
use crate::structures::btree::HEADER_BYTES;
use storage_testkit::SparseMemory;

type TestStore = Store<VectorMemory>;

const UNAUTHORIZED: Result<(), Error> = Err(Error::Unauthorized { needed: Role::Admin });

fn caller(byte: u8) -> Caller {
    Caller { principal: Principal::from_slice(&[byte; 10]), is_admin: false }
}

fn admin() -> Caller {
    Caller { is_admin: true, ..caller(99) }
}

/// Returns a store with one region of `pages` pages that belongs to caller 1.
fn with_region(pages: u64) -> (TestStore, u64) {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    let id = store.region_new(&caller(1), 5).unwrap().id;
    assert_eq!(store.region_grow(id, pages, &caller(1)), Ok(0));
    (store, id)
}

fn load_blob(
    store: &TestStore,
    id: u64,
    offset: u64,
    length: u64,
    caller: &Caller,
) -> Result<Vec<u8>, Error> {
    let mut buffer = vec![0xee; MAX_PAYLOAD_BYTES as usize];
    let bytes = store.region_load_blob_into(id, offset, length, &mut buffer, caller)?;
    buffer.truncate(bytes);
    Ok(buffer)
}

fn load(store: &TestStore, id: u64, offset: u64, kind: RegionType) -> Result<RegionValue, Error> {
    let values = store.region_load(id, &[RegionLoad { offset, kind }], &caller(1))?;
    Ok(values.into_iter().next().unwrap())
}

#[test]
fn a_new_region_is_empty_and_grows_by_zero_pages() {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    let first = store.region_new(&caller(1), 5).unwrap();
    assert_eq!((first.id, first.owner, first.pages, first.created_ns), (16, caller(1).principal, 0, 5));
    assert_eq!(store.region_new(&caller(2), 6).unwrap().id, 17);
    assert_eq!(store.region_grow(16, 0, &caller(1)), Ok(0));
    assert_eq!(store.region_grow(16, 3, &caller(1)), Ok(0));
    assert_eq!(store.region_grow(16, 300, &caller(1)), Ok(3));
    assert_eq!(store.region_info(16, &caller(1)).unwrap().pages, 303);
    assert_eq!(
        load_blob(&store, 16, 302 * PAGE_BYTES, PAGE_BYTES, &caller(1)),
        Ok(vec![0; PAGE_BYTES as usize])
    );
    assert_eq!(store.region_info(17, &caller(2)).unwrap().pages, 0);
    assert_eq!(store.check().problems, []);
}

#[test]
fn regions_are_isolated_from_each_other_and_survive_reopening() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let ids: Vec<_> = (0..4).map(|_| store.region_new(&caller(1), 0).unwrap().id).collect();
    // In turns, so that their buckets alternate.
    for _ in 0..3 {
        for id in &ids {
            store.region_grow(*id, 200, &caller(1)).unwrap();
        }
    }
    let bytes = 600 * PAGE_BYTES;
    for id in &ids {
        for offset in (0..bytes).step_by(1_000_003) {
            store.region_store_blob(*id, offset, &[*id as u8; 100], &caller(1)).unwrap();
        }
    }
    store.put(crate::Put::new("key", &[9; 100_000]), 0).unwrap();
    let store = Store::open(memory).unwrap();
    for id in &ids {
        for offset in (0..bytes).step_by(1_000_003) {
            assert_eq!(load_blob(&store, *id, offset, 100, &caller(1)), Ok(vec![*id as u8; 100]));
        }
    }
    assert_eq!(store.check().problems, []);
}

#[test]
fn stored_bytes_can_be_loaded_as_another_type() {
    let (mut store, id) = with_region(1);
    let values = [
        (RegionValue::Nat8(0x81), RegionType::Nat8, vec![0x81]),
        (RegionValue::Nat16(0x8182), RegionType::Nat16, vec![0x82, 0x81]),
        (RegionValue::Nat32(0x8182_8384), RegionType::Nat32, vec![0x84, 0x83, 0x82, 0x81]),
        (RegionValue::Nat64(u64::MAX - 1), RegionType::Nat64, vec![0xfe, 255, 255, 255, 255, 255, 255, 255]),
        (RegionValue::Int8(-2), RegionType::Int8, vec![0xfe]),
        (RegionValue::Int16(-2), RegionType::Int16, vec![0xfe, 0xff]),
        (RegionValue::Int32(i32::MIN), RegionType::Int32, vec![0, 0, 0, 0x80]),
        (RegionValue::Int64(-2), RegionType::Int64, vec![0xfe, 255, 255, 255, 255, 255, 255, 255]),
        (RegionValue::Float(-0.5), RegionType::Float, vec![0, 0, 0, 0, 0, 0, 0xe0, 0xbf]),
        (RegionValue::Blob(ByteBuf::from(*b"blob")), RegionType::Blob(4), b"blob".to_vec()),
    ];
    for (value, kind, bytes) in values {
        let length = bytes.len() as u64;
        assert_eq!(kind.bytes(), length);
        // At the start, across the middle of a word, and at the very end.
        for offset in [0, 1_001, PAGE_BYTES - length] {
            store.region_store(id, &[RegionStore { offset, value: value.clone() }], &caller(1)).unwrap();
            assert_eq!(load_blob(&store, id, offset, length, &caller(1)), Ok(bytes.clone()), "{value:?}");
            assert_eq!(load(&store, id, offset, kind), Ok(value.clone()));
        }
        let end = PAGE_BYTES - length + 1;
        let refused = Err(Error::OutOfRange { offset: end, length, size: PAGE_BYTES });
        assert_eq!(load(&store, id, end, kind), refused);
        let refused = refused.map(drop);
        assert_eq!(store.region_store(id, &[RegionStore { offset: end, value }], &caller(1)), refused);
    }
}

#[test]
fn a_float_keeps_its_bits() {
    let (mut store, id) = with_region(1);
    for bits in [0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0000, 1, 1 << 63] {
        let value = RegionValue::Float(f64::from_bits(bits));
        store.region_store(id, &[RegionStore { offset: 3, value }], &caller(1)).unwrap();
        assert_eq!(load(&store, id, 3, RegionType::Nat64), Ok(RegionValue::Nat64(bits)));
    }
}

#[test]
fn out_of_range_accesses_are_refused_without_a_change() {
    let (mut store, id) = with_region(2);
    let size = 2 * PAGE_BYTES;
    let before = store.core.space.raw().borrow().clone();
    for (offset, length) in [
        (size, 1),
        (size + 1, 0),
        (size - 1, 2),
        (u64::MAX, 1),
        (u64::MAX, 0),
        (u64::MAX - 7, 8),
        (1, u64::MAX),
        (0, u64::MAX),
        (u64::MAX, u64::MAX),
    ] {
        let refused = Error::OutOfRange { offset, length, size };
        assert_eq!(load_blob(&store, id, offset, length, &caller(1)), Err(refused.clone()));
        assert_eq!(load(&store, id, offset, RegionType::Blob(length)), Err(refused.clone()));
        if length < 10 {
            let bytes = vec![1; length as usize];
            assert_eq!(store.region_store_blob(id, offset, &bytes, &caller(1)), Err(refused.clone()));
            let stores = [
                RegionStore { offset: 0, value: RegionValue::Nat8(1) },
                RegionStore { offset, value: RegionValue::Blob(ByteBuf::from(bytes)) },
            ];
            assert_eq!(store.region_store(id, &stores, &caller(1)), Err(refused));
        }
    }
    assert!(*store.core.space.raw().borrow() == before, "a store that was refused has changed something");
    // An empty range at the very end is valid.
    assert_eq!(load_blob(&store, id, size, 0, &caller(1)), Ok(vec![]));
    store.region_store_blob(id, size, &[], &caller(1)).unwrap();
}

#[test]
fn sizes_beyond_one_message_are_refused() {
    let (mut store, id) = with_region(64);
    let most = MAX_PAYLOAD_BYTES;
    store.region_store_blob(id, 1, &vec![7; most as usize], &caller(1)).unwrap();
    assert_eq!(load_blob(&store, id, 1, most, &caller(1)), Ok(vec![7; most as usize]));
    let refused = Err(Error::TooLarge { size: most + 1, limit: most });
    assert_eq!(store.region_store_blob(id, 1, &vec![7; most as usize + 1], &caller(1)), refused);
    assert_eq!(load_blob(&store, id, 1, most + 1, &caller(1)).map(drop), refused);
    // Each value takes 64 bytes more in a reply.
    let blob = |bytes| RegionLoad { offset: 0, kind: RegionType::Blob(bytes) };
    let full = [blob(1_000), blob(MAX_REPLY_BYTES - 1_000 - 2 * 64)];
    assert_eq!(store.region_load(id, &full, &caller(1)).unwrap().len(), 2);
    let too_much = [blob(1_001), full[1]];
    let refused = Error::TooLarge { size: MAX_REPLY_BYTES + 1, limit: MAX_REPLY_BYTES };
    assert_eq!(store.region_load(id, &too_much, &caller(1)), Err(refused));
    let half = RegionLoad { offset: 0, kind: RegionType::Blob(most / 2) };
    assert!(matches!(store.region_load(id, &[half, half], &caller(1)), Err(Error::TooLarge { .. })));
    let many = vec![RegionLoad { offset: 0, kind: RegionType::Nat8 }; MAX_BATCH_ITEMS as usize + 1];
    assert_eq!(store.region_load(id, &many[1..], &caller(1)).unwrap().len() as u64, MAX_BATCH_ITEMS);
    let refused = store.region_load(id, &many, &caller(1));
    assert!(matches!(refused, Err(Error::LimitExceeded { limit: MAX_BATCH_ITEMS, .. })));
    let many = vec![RegionStore { offset: 0, value: RegionValue::Nat8(1) }; MAX_BATCH_ITEMS as usize + 1];
    assert!(matches!(store.region_store(id, &many, &caller(1)), Err(Error::LimitExceeded { .. })));
}

#[test]
fn only_the_owner_and_admins_may_use_a_region() {
    let (mut store, id) = with_region(1);
    let stores = [RegionStore { offset: 0, value: RegionValue::Nat8(1) }];
    for (who, expected) in [(caller(1), Ok(())), (admin(), Ok(())), (caller(2), UNAUTHORIZED)] {
        let loads = [RegionLoad { offset: 0, kind: RegionType::Nat8 }];
        assert_eq!(store.region_info(id, &who).map(drop), expected);
        assert_eq!(store.region_grow(id, 0, &who).map(drop), expected);
        assert_eq!(store.region_store(id, &stores, &who), expected);
        assert_eq!(store.region_store_blob(id, 0, b"x", &who), expected);
        assert_eq!(store.region_load(id, &loads, &who).map(drop), expected);
        assert_eq!(load_blob(&store, id, 0, 1, &who).map(drop), expected);
        assert_eq!(store.region_list(&who).unwrap().len(), usize::from(expected.is_ok()));
    }
    assert_eq!(store.region_set_owner(id, caller(2).principal, &caller(2)).map(drop), UNAUTHORIZED);
    assert_eq!(
        store.region_set_owner(id, caller(2).principal, &caller(1)).unwrap().owner,
        caller(2).principal
    );
    assert_eq!(store.region_info(id, &caller(1)).map(drop), UNAUTHORIZED);
    assert_eq!(store.region_info(id, &caller(2)).unwrap().created_ns, 5);
    let refused = store.region_set_owner(id, Principal::anonymous(), &caller(2));
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
}

#[test]
fn an_unknown_region_is_not_found() {
    let (mut store, id) = with_region(1);
    for unknown in [0, 1, 15, id + 1, 254, 255, 256, 272, u64::MAX] {
        for who in [caller(1), admin()] {
            assert_eq!(store.region_info(unknown, &who), Err(Error::NotFound));
            assert_eq!(store.region_grow(unknown, 1, &who), Err(Error::NotFound));
            assert_eq!(store.region_store_blob(unknown, 0, b"", &who), Err(Error::NotFound));
            assert_eq!(load_blob(&store, unknown, 0, 0, &who), Err(Error::NotFound));
            assert_eq!(store.region_set_owner(unknown, who.principal, &who), Err(Error::NotFound));
        }
    }
}

#[test]
fn there_can_be_239_regions_and_each_has_pages() {
    let mut store = Store::open(SparseMemory::default()).unwrap();
    for number in 0..MAX_REGIONS {
        let id = store.region_new(&caller(1), 0).unwrap().id;
        assert_eq!(id, FIRST_REGION + number);
        assert_eq!(store.region_grow(id, 1, &caller(1)), Ok(0));
        store.region_store_blob(id, 65_535, &[id as u8], &caller(1)).unwrap();
    }
    let refused = store.region_new(&caller(1), 0);
    assert_eq!(refused, Err(Error::LimitExceeded { what: "regions".into(), limit: MAX_REGIONS }));
    assert_eq!(store.region_list(&caller(1)).unwrap().len() as u64, MAX_REGIONS);
    for id in FIRST_REGION..FIRST_REGION + MAX_REGIONS {
        let mut buffer = [0; 8];
        store.region_load_blob_into(id, 65_535, 1, &mut buffer, &caller(1)).unwrap();
        assert_eq!(buffer[0], id as u8);
    }
    assert_eq!(store.regions().bytes(), MAX_REGIONS * PAGE_BYTES);
    assert_eq!(store.check().problems, []);
}

#[test]
fn refused_growth_changes_nothing_and_reports_the_available_space() {
    let (mut store, id) = with_region(1);
    // The records and the region use two buckets; six are reserved for the structures that have none.
    store.configure(&Settings::capacity(MIN_CAPACITY_BYTES + 2 * BUCKET_BYTES)).unwrap();
    let before = store.core.space.raw().borrow().clone();
    for (pages, requested) in [(255 + 513, 48 << 20), (8_192_000, 500 << 30), (8_192_001, 8_192_001 << 16)] {
        let refused = store.region_grow(id, pages, &caller(1));
        assert_eq!(refused, Err(Error::OutOfMemory { requested, available: 32 << 20 }), "{pages} pages");
    }
    let refused = store.region_grow(id, u64::MAX, &caller(1));
    assert_eq!(refused, Err(Error::OutOfMemory { requested: u64::MAX, available: 32 << 20 }));
    assert!(*store.core.space.raw().borrow() == before, "a growth that was refused has changed something");
    assert_eq!(store.region_grow(id, 255 + 512, &caller(1)), Ok(1));
    assert!(matches!(store.region_grow(id, 1, &caller(1)), Err(Error::OutOfMemory { available: 0, .. })));
}

/// The records are in a map, whose header may be corrupt.
#[test]
fn check_counts_regions_and_reports_pages_of_none() {
    let (mut store, first) = with_region(1);
    store.region_new(&caller(2), 0).unwrap();
    let report = store.check();
    assert_eq!((report.regions, report.problems), (2, vec![]));
    let memory = store.core.space.memory(MemoryId::new((first + 2) as u8));
    store.core.grow(&[Growth { memory: &memory, pages: 1 }]).unwrap();
    let report = store.check();
    let what = "memory 18 has pages, but there is no region 18".into();
    assert_eq!((report.regions, report.problems), (2, vec![Problem { what, offset: 0 }]));
}

#[test]
fn an_impossible_count_of_regions_does_not_panic() {
    let (store, _) = with_region(1);
    let header_at = tree_header_at(REGIONS);
    let mut header = [0; HEADER_BYTES];
    store.core.space.raw().read(header_at, &mut header);
    let (counted, check) = header.split_at_mut(HEADER_BYTES - 8);
    counted[24..].copy_from_slice(&300u64.to_le_bytes());
    check.copy_from_slice(&mix(counted).to_le_bytes());
    store.core.space.raw().write(header_at, &header);
    let mut store = Store::open(store.core.space.raw().clone()).unwrap();
    assert_eq!(store.status(HostFacts::default()).unwrap().regions, 300);
    assert!(matches!(store.region_new(&caller(1), 0), Err(Error::LimitExceeded { .. })));
    assert!(store.check().problems[0].what.contains("counts 300"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Compares batches of stores and loads with a plain array.
    #[test]
    fn batches_agree_with_an_array(
        stores in prop::collection::vec((0..PAGE_BYTES + 20, prop::collection::vec(any::<u8>(), 0..20)), 0..30),
    ) {
        let (mut store, id) = with_region(1);
        let mut model = vec![0; PAGE_BYTES as usize];
        for batch in stores.chunks(3) {
            let all_fit = batch.iter().all(|(offset, bytes)| offset + bytes.len() as u64 <= PAGE_BYTES);
            let stores: Vec<_> = batch.iter().map(|(offset, bytes)| {
                RegionStore { offset: *offset, value: RegionValue::Blob(ByteBuf::from(bytes.clone())) }
            }).collect();
            prop_assert_eq!(store.region_store(id, &stores, &caller(1)).is_ok(), all_fit);
            if all_fit {
                for (offset, bytes) in batch {
                    model[*offset as usize..][..bytes.len()].copy_from_slice(bytes);
                }
            }
            prop_assert!(load_blob(&store, id, 0, PAGE_BYTES, &caller(1)).unwrap() == model);
        }
    }
}

/// A record with the number of another structure's memory must not expose that memory. A number without a
/// memory once caused a panic.
#[test]
fn a_record_with_an_invalid_region_number_is_corruption() {
    for id in [0, FIRST_REGION - 1, FIRST_REGION + MAX_REGIONS, 256] {
        let (mut store, _) = with_region(1);
        let record = super::Record { owner: caller(1).principal, created_ns: 5 };
        store.regions().store_region_record(id, &record).unwrap();
        let corrupted = |answer: Error| assert!(matches!(answer, Error::Corrupted { .. }), "{id}: {answer}");
        corrupted(store.region_info(id, &admin()).unwrap_err());
        corrupted(store.region_grow(id, 1, &admin()).unwrap_err());
        corrupted(store.region_list(&admin()).unwrap_err());
        assert!(!store.check().is_sound(), "{id}");
    }
}
