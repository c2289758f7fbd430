//! A platform that refuses to grow, at each attempt.

use stable_storage_api::{CertifyProgress, Error};
use storage_engine::testing::{Step, certified_steps, run_certified, steps};
use storage_engine::{BucketSize, OpenError, Options, Put, Store};
use storage_testkit::FaultyMemory;

use super::{TestStore, undisturbed};

/// Runs all of these steps, and refuses the growth that follows `nth` others. Returns the memory, and whether there
/// was such a growth. If so, one operation has returned OutOfMemory.
fn with_refusal(steps: Vec<Step<FaultyMemory>>, nth: u64) -> (FaultyMemory, bool) {
    let memory = FaultyMemory::default();
    let (mut grown, mut refusals) = (0, 0);
    let mut store = match open_with_refusal(&memory, nth) {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(error, OpenError::OutOfMemory { pages: 2 });
            refusals += 1;
            Store::open(memory.clone()).unwrap()
        }
    };
    grown += memory.grows_and_writes().0;
    for step in steps {
        memory.mark();
        if let Some(left) = nth.checked_sub(grown) {
            memory.refuse_grow(left);
        }
        if let Err(error) = step.run(&mut store, &memory) {
            assert!(matches!(error, Error::OutOfMemory { .. }), "{}, growth {nth}: {error}", step.name);
            assert!(memory.is_as_marked(), "{}, growth {nth}: a refusal has changed the memory", step.name);
            assert_eq!(store.check().problems, [], "{}, growth {nth}", step.name);
            refusals += 1;
            step.run(&mut store, &memory).unwrap_or_else(|error| panic!("{}: {error}", step.name));
        }
        grown += memory.grows_and_writes().0;
    }
    assert_eq!(refusals, u64::from(grown > nth), "growth {nth}");
    (memory, grown > nth)
}

fn open_with_refusal(memory: &FaultyMemory, nth: u64) -> Result<TestStore, OpenError> {
    memory.mark();
    memory.refuse_grow(nth);
    let opened = Store::open(memory.clone());
    if opened.is_err() {
        assert!(memory.is_as_marked(), "a memory that could not be formatted has changed");
    }
    opened
}

/// For each refused growth: the operation returns OutOfMemory, no byte has changed, and repeating it leads to
/// the same end as without the refusal.
#[test]
fn a_refusal_of_any_growth_changes_nothing() {
    assert!(refused_growths(steps, &undisturbed()) >= 10);
}

/// On a store without the other steps: after them, the arena has buckets that a refused structure takes instead.
#[test]
fn a_refusal_of_any_growth_by_certification_changes_nothing() {
    let expected = FaultyMemory::default();
    run_certified(&expected);
    assert!(refused_growths(certified_steps, &expected) >= 8);
}

/// Refuses each growth in turn. Returns their number.
fn refused_growths(steps: fn() -> Vec<Step<FaultyMemory>>, expected: &FaultyMemory) -> u64 {
    let mut nth = 0;
    loop {
        let (memory, was_refused) = with_refusal(steps(), nth);
        assert_eq!(
            memory.compare(expected),
            Ok(()),
            "growth {nth} was refused, and the final memory differs"
        );
        if !was_refused {
            return nth;
        }
        nth += 1;
    }
}

/// A step that has hashed an object before a growth was refused has changed something: it reports what it has done. The next one has
/// nothing to hash, and reports the error.
#[test]
fn a_step_of_certification_that_has_changed_something_is_no_error() {
    let memory = FaultyMemory::default();
    let options = Options { bucket_size: BucketSize::SMALLEST, ..Options::default() };
    let mut store = Store::open_with(memory.clone(), options).unwrap();
    // A bucket of the hash tree has 4,096 slots, and a step takes 1,000 objects.
    let keys: Vec<_> = (0..4_500).map(|number| format!("k{number:04}")).collect();
    for keys in keys.chunks(1_000) {
        store.put_many(keys.iter().map(|key| Put::new(key, b"value")).collect::<Vec<_>>(), 1).unwrap();
    }
    keys.iter().filter(|key| *key != "k4000").for_each(|key| _ = store.verify(key).unwrap());
    store.set_certified("k", true).unwrap();
    for _ in 0..4 {
        let expected = CertifyProgress { items: 1_000, hashed: 0, done: false };
        assert_eq!(store.certify("k"), Ok(expected));
    }
    memory.mark();
    memory.refuse_grow(0);
    assert_eq!(store.certify("k"), Ok(CertifyProgress { items: 0, hashed: 5, done: false }));
    memory.mark();
    memory.refuse_grow(0);
    assert!(matches!(store.certify("k"), Err(Error::OutOfMemory { .. })));
    assert!(memory.is_as_marked());
    assert_eq!(store.check().problems, []);
    assert_eq!(store.certify("k"), Ok(CertifyProgress { items: 500, hashed: 0, done: true }));
    assert_eq!(store.check().problems, []);
}
