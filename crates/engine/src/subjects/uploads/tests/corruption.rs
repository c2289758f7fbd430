//! Corrupt tables and records of uploads.

use super::*;

/// No checksum covers the table of an upload: an entry that points elsewhere must be detected before the
/// chunk is written.
#[test]
fn a_chunk_is_not_written_through_a_corrupt_table() {
    let size = SLOT_EXTENT_BYTES + 10;
    let mut store = store();
    store.put(Put::new("neighbour", &[1; 5_000]), 0).unwrap();
    let id = create(&mut store, "k", size);
    write(&mut store, id, 1, size, 0);
    let table = store.uploads().upload_record(id, &OWNER, 0).unwrap().table();
    let sound = table.require(&store.core.arena, 0).unwrap();
    for wrong in [8, 32, sound.offset() + 32, sound.offset() ^ 1 << 40, u64::MAX, 4_096 + 8] {
        list(&store, table, crate::structures::arena::Extent::at(wrong));
        let before = store.core.space.raw().copy();
        let refused = store.write_chunk(id, 1, &chunk(1, size, 1), &OWNER, 0);
        assert!(matches!(refused, Err(Error::Corrupted { .. })), "{wrong}: {refused:?}");
        assert!(store.core.space.raw().same_as(&before), "{wrong}");
        assert!(!store.check().is_sound(), "{wrong}");
    }
    list(&store, table, sound);
    sound_and_complete(&mut store, id, size);
}

/// Makes an extent the first of a table.
fn list(store: &TestStore, table: crate::core::table::Table, extent: crate::structures::arena::Extent) {
    let (offset, entry) = crate::core::table::Table::entry(0, extent);
    store.core.arena.write(table.extent(), offset, &entry);
}

fn sound_and_complete(store: &mut TestStore, id: u64, size: u64) {
    (1..chunks(size)).for_each(|index| write(store, id, 1, size, index));
    store.commit_upload(id, &OWNER, 0).unwrap();
    compare(store, "k", 1, size);
    sound(store);
}

#[test]
fn check_reports_a_marked_chunk_that_was_not_received() {
    for (size, index) in
        [(3 * CHUNK_BYTES, 1), (3 * CHUNK_BYTES, 3), (CHUNK_BYTES + 10, 1), (CHUNK_BYTES + 10, 7)]
    {
        let mut store = store();
        let id = create(&mut store, "k", size);
        write(&mut store, id, 1, size, 0);
        sound(&store);
        let table = store.uploads().upload_record(id, &OWNER, 0).unwrap().table();
        let bit = table.chunk_bit(&store.core.arena, index).unwrap();
        store.core.arena.write(table.extent(), bit.offset, &[bit.set()]);
        let problems = store.check().problems;
        assert!(problems[0].what.contains("do not match its bitmap"), "{index}: {problems:?}");
    }
}

#[test]
fn check_reports_an_upload_that_was_never_opened() {
    for wrong in [0, 2, u64::MAX] {
        let mut store = store();
        let id = create(&mut store, "k", 10);
        let raw = store.core.uploads.get(&id).unwrap().unwrap();
        let mut records = store.core.uploads.begin();
        records.remove(&id).unwrap();
        records.insert(&wrong, &raw).unwrap();
        records.commit();
        let problems = store.check().problems;
        assert!(problems[0].what.contains("there is an upload"), "{wrong}: {problems:?}");
    }
}
