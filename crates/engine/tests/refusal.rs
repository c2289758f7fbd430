//! A platform that refuses to grow, at every possible point.

use std::cell::Cell;
use std::rc::Rc;

use ic_stable_structures::Memory;
use stable_storage_api::Error;
use storage_engine::{OpenError, Put, Store};
use storage_testkit::FaultyMemory;

/// A memory of at most `pages` pages.
#[derive(Clone)]
struct Bounded {
    inner: FaultyMemory,
    pages: Rc<Cell<u64>>,
}

impl Bounded {
    fn new(pages: u64) -> Self {
        Self { inner: FaultyMemory::default(), pages: Rc::new(Cell::new(pages)) }
    }
}

impl Memory for Bounded {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn grow(&self, pages: u64) -> i64 {
        if self.size() + pages > self.pages.get() { -1 } else { self.inner.grow(pages) }
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.inner.read(offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.inner.write(offset, src);
    }
}

#[test]
fn a_memory_that_is_too_small_for_a_store_stays_empty() {
    for pages in [0, 1] {
        let memory = Bounded::new(pages);
        assert_eq!(Store::open(memory.clone()).err(), Some(OpenError::OutOfMemory { pages: 2 }));
        assert_eq!(memory.size(), 0);
    }
}

/// With space for 0, 1, 2 .. buckets, each operation either succeeds or returns OutOfMemory and changes
/// nothing; a refused operation succeeds once there is space.
#[test]
fn every_operation_survives_a_refusal_at_every_size() {
    for buckets in 0..6 {
        let memory = Bounded::new(2 + buckets * 256);
        let mut store = Store::open(memory.clone()).unwrap();
        let large = vec![3; 1_000_000];
        let mut refusals = 0;
        for round in 0..40 {
            let (small, big) = (format!("small/{round}"), format!("large/{round}"));
            let batch = [Put::new(&small, b"value"), Put::new(&big, &large)];
            memory.inner.mark();
            if let Err(error) = store.put_many(batch.iter().cloned(), 0) {
                assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
                assert!(memory.inner.is_as_marked(), "a refused put_many changed the memory");
                refusals += 1;
            }
            memory.inner.mark();
            if let Err(error) = store.append(&[&large]) {
                assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
                assert!(memory.inner.is_as_marked(), "a refused append changed the memory");
                refusals += 1;
            }
        }
        assert!(refusals > 0, "{buckets} buckets held everything");
        assert!(store.check().is_sound());
        memory.pages.set(u64::MAX);
        store.put_many([Put::new("small/0", b"value"), Put::new("large/0", &large)], 0).unwrap();
        store.append(&[&large]).unwrap();
        assert!(store.check().is_sound());
    }
}
