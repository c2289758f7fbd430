//! Uploads whose chunks arrive in turns, or from the end: the extents of an object are not contiguous, or not
//! in order.

use super::*;

/// Uploads objects of three extents, whose chunks arrive in turns, and commits them.
fn upload_in_turns(store: &mut TestStore, keys: &[&str], size: u64, order: impl Iterator<Item = u64>) {
    let ids: Vec<_> = keys.iter().map(|key| create(store, key, size)).collect();
    for index in order {
        for (seed, id) in (1..).zip(&ids) {
            write(store, *id, seed, size, index);
        }
    }
    for id in ids {
        store.commit_upload(id, &OWNER, 0).unwrap();
    }
}

#[test]
fn deleting_an_object_keeps_the_extents_of_others() {
    let (size, keys) = (2 * SLOT_EXTENT_BYTES + 10, ["a", "b", "c"]);
    let mut store = store();
    upload_in_turns(&mut store, &keys, size, 0..chunks(size));
    for (seed, key) in (1..).zip(keys) {
        sound(&store);
        compare(&store, key, seed, size);
        assert_eq!(store.delete(key), Ok(true));
    }
    sound(&store);
    assert_eq!(store.status(Default::default()).unwrap().arena.used_bytes, 0);
}

#[test]
fn extents_in_descending_order_are_readable_and_freed() {
    let size = 3 * SLOT_EXTENT_BYTES;
    let mut store = store();
    upload_in_turns(&mut store, &["a"], size, (0..chunks(size)).rev());
    sound(&store);
    compare(&store, "a", 1, size);
    assert_eq!(store.delete("a"), Ok(true));
    sound(&store);
    assert_eq!(store.status(Default::default()).unwrap().arena.used_bytes, 0);
}
