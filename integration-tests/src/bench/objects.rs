//! Small objects: 100 bytes among 100,000.

use super::case::Case;
use super::floor;
use super::interface::Object;
use super::keys;
use super::rig::{Count, Rig, Sizes};
use crate::data;

/// Objects stored before the measurement.
const HELD: u64 = 100_000;

/// Bytes of each value.
const VALUE_BYTES: usize = 100;

/// Bytes of each key.
const KEY_BYTES: usize = 21;

/// Objects of a `put_many`.
const BATCH: usize = 1_000;

/// Messages of a case that change or read one object.
const MESSAGES: u64 = 200;

/// Messages of a case whose messages have many objects.
const BATCHES: u64 = 5;

/// Keys of a `get_many`.
const KEYS: usize = 100;

/// Pages of a listing, of which a case is the mean.
const PAGES: u64 = 20;

/// Objects of a page of a listing.
const PAGE: u32 = 100;

/// Stores the objects before the measurement.
pub(super) fn fill(rig: &mut Rig<'_>) {
    for first in (0..HELD).step_by(BATCH) {
        let objects: Vec<_> = (first..first + BATCH as u64).map(object).collect();
        rig.update(&rig.interface.put_many(&objects));
    }
}

/// Single objects and batches, supported by every map.
pub(super) fn unordered(rig: &mut Rig<'_>) -> Vec<Case> {
    vec![get(rig, "get_100B"), overwrite(rig), put(rig), delete(rig), get_many(rig)]
}

/// Supported only by an ordered map. These remove objects that the others read.
pub(super) fn ordered(rig: &mut Rig<'_>) -> Vec<Case> {
    let pages = [page(rig, "list", "list_100"), page(rig, "scan", "scan_100")];
    pages.into_iter().chain([take_first(rig), rename(rig)]).collect()
}

/// Batches of new objects. These come last, because they enlarge the map.
pub(super) fn batches(rig: &mut Rig<'_>) -> Vec<Case> {
    let random = put_many(rig, "put_many_random", keys::random, random_floor);
    vec![random, put_many(rig, "put_many_sequential", keys::sequential, sequential_floor)]
}

/// Reads objects spread over the map. The floor reads the value.
pub(super) fn get(rig: &mut Rig<'_>, name: &str) -> Case {
    let interface = rig.interface;
    let calls = (0..MESSAGES).map(|number| interface.get(&keys::random(some(number))));
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::read(VALUE_BYTES);
    rig.queries(name, Count::MESSAGES, floor, calls)
}

/// Overwrites objects spread over the map. The floor writes key and value.
fn overwrite(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (0..MESSAGES).map(|number| {
        let value = data::bytes(number, VALUE_BYTES);
        interface.put(&Object { key: keys::random(some(number)), value })
    });
    rig.updates("overwrite_100B", Count::MESSAGES, put_floor, calls)
}

/// Puts new objects. The floor writes key and value.
fn put(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (HELD..HELD + MESSAGES).map(|number| interface.put(&object(number)));
    rig.updates("put_100B", Count::MESSAGES, put_floor, calls)
}

fn put_floor(sizes: Sizes) -> u64 {
    floor::answered(sizes) + floor::time() + floor::write(KEY_BYTES + VALUE_BYTES)
}

/// Deletes objects spread over the map, other than those that were read. The floor changes one page.
fn delete(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (0..MESSAGES).map(|number| interface.delete(&keys::random(some(number) + 1)));
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::write(1);
    rig.updates("delete_100B", Count::MESSAGES, floor, calls)
}

/// Reads 100 objects spread over the map in a message. The floor reads each value.
fn get_many(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (0..PAGES).map(|batch| {
        let numbers = (0..KEYS as u64).map(|number| some(number) + 2 + batch);
        interface.get_many(&numbers.map(keys::random).collect::<Vec<_>>())
    });
    let floor = |sizes: Sizes| floor::answered(sizes) + KEYS as u64 * floor::read(VALUE_BYTES);
    rig.queries("get_many_100", Count::items(KEYS), floor, calls)
}

/// Reads pages at random keys. The floor reads what it replies.
fn page(rig: &mut Rig<'_>, method: &'static str, name: &str) -> Case {
    let interface = rig.interface;
    let calls = (0..PAGES).map(|number| interface.page(method, keys::random(HELD * 2 + number), PAGE));
    let floor = |sizes: Sizes| floor::answered(sizes) + floor::read(sizes.reply);
    rig.queries(name, Count::items(PAGE as usize), floor, calls)
}

/// Removes the first objects. The floor reads one and changes its page.
fn take_first(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (0..MESSAGES).map(|_| interface.take_first());
    let floor =
        |sizes: Sizes| floor::answered(sizes) + floor::read(KEY_BYTES + VALUE_BYTES) + floor::write(1);
    rig.updates("take_first", Count::MESSAGES, floor, calls)
}

/// Moves the new objects. The floor writes the entry to one page, and changes the old page.
fn rename(rig: &mut Rig<'_>) -> Case {
    let interface = rig.interface;
    let calls = (HELD..HELD + MESSAGES)
        .map(|number| interface.rename(keys::random(number), keys::random(number + HELD)));
    let floor =
        |sizes: Sizes| floor::answered(sizes) + floor::write(KEY_BYTES + VALUE_BYTES) + floor::write(1);
    rig.updates("rename", Count::MESSAGES, floor, calls)
}

fn put_many(
    rig: &mut Rig<'_>,
    name: &str,
    key: impl Fn(u64) -> String,
    floor: impl Fn(Sizes) -> u64,
) -> Case {
    let interface = rig.interface;
    let batch = |batch: u64| -> Vec<_> {
        let first = 3 * HELD + batch * BATCH as u64;
        (first..first + BATCH as u64)
            .map(|number| Object { key: key(number), value: data::bytes(number, VALUE_BYTES) })
            .collect()
    };
    let calls = (0..BATCHES).map(|number| interface.put_many(&batch(number)));
    rig.updates(name, Count::items(BATCH), floor, calls)
}

/// Each object goes to another page.
fn random_floor(sizes: Sizes) -> u64 {
    let writes = BATCH as u64 * floor::write(KEY_BYTES + VALUE_BYTES);
    floor::answered(sizes) + floor::time() + writes
}

/// All objects go to neighbouring pages.
fn sequential_floor(sizes: Sizes) -> u64 {
    floor::answered(sizes) + floor::time() + floor::write(BATCH * (KEY_BYTES + VALUE_BYTES))
}

/// Returns the number of one of [`MESSAGES`] objects, spread over the order in which they were stored.
fn some(number: u64) -> u64 {
    number * (HELD / MESSAGES)
}

fn object(number: u64) -> Object {
    Object { key: keys::random(number), value: data::bytes(number, VALUE_BYTES) }
}
