//! Random operations on a store and on a model made of std collections: they must agree at every step.
//!
//! The domain of keys is tiny, so that operations meet. Reopening is one of the operations. A store with room for few
//! buckets runs the same lists, and may refuse what the model would do, unchanged.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

use std::collections::BTreeMap;

use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use storage_api::limits::MIN_CAPACITY_BYTES;
use storage_api::{Condition, DeletePrefixArgs, Error, InitArgs, ListArgs, ReadLogArgs, RenameArgs};
use storage_engine::{INLINE_LIMIT, Put, Store};

#[derive(Clone, Debug)]
enum Op {
    Put { key: u8, size: u32, condition: Cond },
    PutMany { keys: [u8; 3], size: u32 },
    Delete { key: u8 },
    DeletePrefix { limit: u32 },
    TakeFirst,
    Rename { from: u8, to: u8, condition: Cond },
    Append { sizes: Vec<u16> },
    Reopen { sealed: bool },
}

#[derive(Clone, Copy, Debug)]
enum Cond {
    Any,
    Absent,
    Current,
    Stale,
}

/// Sizes on both sides of the inline limit, and some large enough to fill a bucket soon.
fn size() -> impl Strategy<Value = u32> {
    let limit = INLINE_LIMIT as u32;
    prop_oneof![4 => 0..64u32, 3 => limit - 2..limit + 3, 3 => 0..100_000u32, 1 => 1_000_000..2_031_617u32]
}

fn condition() -> impl Strategy<Value = Cond> {
    prop_oneof![5 => Just(Cond::Any), 1 => Just(Cond::Absent), 1 => Just(Cond::Current), 1 => Just(Cond::Stale)]
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..8u8;
    prop_oneof![
        8 => (key(), size(), condition()).prop_map(|(key, size, condition)| Op::Put { key, size, condition }),
        2 => (prop::array::uniform3(key()), size()).prop_map(|(keys, size)| Op::PutMany { keys, size }),
        4 => key().prop_map(|key| Op::Delete { key }),
        1 => (1..4u32).prop_map(|limit| Op::DeletePrefix { limit }),
        1 => Just(Op::TakeFirst),
        3 => (key(), key(), condition()).prop_map(|(from, to, condition)| Op::Rename { from, to, condition }),
        2 => prop::collection::vec(0..5_000u16, 0..80).prop_map(|sizes| Op::Append { sizes }),
        1 => any::<bool>().prop_map(|sealed| Op::Reopen { sealed }),
    ]
}

/// Short keys and one as long as a key may be, two of them prefixes of others.
fn name(key: u8) -> String {
    match key {
        0 => "k".into(),
        1 => "k/1".into(),
        2 => "k/".repeat(512),
        other => format!("k/{other}é"),
    }
}

fn value(size: u32, seed: u64) -> Vec<u8> {
    (0..size).map(|i| (u64::from(i).wrapping_mul(31) ^ seed) as u8).collect()
}

#[derive(Clone, Default)]
struct Model {
    objects: BTreeMap<String, (u64, Vec<u8>)>,
    log: Vec<Vec<u8>>,
    revision: u64,
}

impl Model {
    fn condition(&self, key: &str, condition: Cond) -> Condition {
        let current = self.objects.get(key).map_or(0, |object| object.0);
        match condition {
            Cond::Any => Condition::Any,
            Cond::Absent => Condition::Absent,
            Cond::Current => Condition::Revision(current),
            Cond::Stale => Condition::Revision(current + 1_000_000),
        }
    }

    fn allows(&self, key: &str, condition: Cond) -> bool {
        match condition {
            Cond::Any => true,
            Cond::Absent => !self.objects.contains_key(key),
            Cond::Current => self.objects.contains_key(key),
            Cond::Stale => false,
        }
    }

    fn put(&mut self, key: String, value: Vec<u8>) {
        self.revision += 1;
        self.objects.insert(key, (self.revision, value));
    }

    fn remove(&mut self, key: &str) -> bool {
        let removed = self.objects.remove(key).is_some();
        self.revision += u64::from(removed);
        removed
    }
}

struct Pair {
    memory: VectorMemory,
    store: Store<VectorMemory>,
    model: Model,
    step: u64,
}

impl Pair {
    fn new(capacity: Option<u64>) -> Self {
        let memory = VectorMemory::default();
        let mut store = Store::open(memory.clone()).unwrap();
        store.configure(&InitArgs { capacity, ..InitArgs::default() }).unwrap();
        Self { memory, store, model: Model::default(), step: 0 }
    }

    /// Does an operation on both. Running out of memory is the one thing that the model does not know.
    fn apply(&mut self, op: &Op) {
        self.step += 1;
        let (before, mut after) = (self.memory.borrow().clone(), self.model.clone());
        match self.run(op, &mut after) {
            Ok(()) => self.model = after,
            Err(Error::OutOfMemory { .. }) => {
                assert!(*self.memory.borrow() == before, "{op:?} changed the memory")
            }
            Err(error) => panic!("{op:?}: {error}"),
        }
    }

    fn run(&mut self, op: &Op, model: &mut Model) -> Result<(), Error> {
        let (now, store) = (self.step, &mut self.store);
        match op {
            Op::Put { key, size, condition } => {
                let (key, value) = (name(*key), value(*size, now));
                let put = Put { condition: model.condition(&key, *condition), ..Put::new(&key, &value) };
                match store.put(put, now) {
                    Ok(info) => {
                        assert!(model.allows(&key, *condition));
                        model.put(key, value);
                        assert_eq!(info.revision, model.revision);
                    }
                    Err(error @ Error::OutOfMemory { .. }) => return Err(error),
                    Err(_) => assert!(!model.allows(&key, *condition)),
                }
            }
            Op::PutMany { keys, size } => {
                let (names, value) = (keys.map(name), value(*size, now));
                let puts: Vec<_> = names.iter().map(|key| Put::new(key, &value)).collect();
                let twice = keys[0] == keys[1] || keys[1] == keys[2] || keys[0] == keys[2];
                match store.put_many(&puts, now) {
                    Ok(_) => {
                        assert!(!twice);
                        names.into_iter().for_each(|key| model.put(key, value.clone()));
                    }
                    Err(Error::InvalidArgument { .. }) => assert!(twice),
                    Err(error) => return Err(error),
                }
            }
            Op::Delete { key } => assert_eq!(store.delete(&name(*key))?, model.remove(&name(*key))),
            Op::DeletePrefix { limit } => {
                let doomed: Vec<_> =
                    model.objects.keys().filter(|key| key.starts_with("k/")).cloned().collect();
                let now_gone = doomed.len().min(*limit as usize);
                let deleted =
                    store.delete_prefix(&DeletePrefixArgs { prefix: "k/".into(), limit: *limit })?;
                assert_eq!((deleted.deleted, deleted.more), (now_gone as u64, doomed.len() > now_gone));
                doomed[..now_gone].iter().for_each(|key| assert!(model.remove(key)));
            }
            Op::TakeFirst => {
                let first = model.objects.iter().next().map(|(key, (_, value))| (key.clone(), value.clone()));
                let taken = store.take_first("")?.map(|taken| (taken.key, taken.value.into_vec()));
                assert_eq!(taken, first);
                first.iter().for_each(|(key, _)| assert!(model.remove(key)));
            }
            Op::Rename { from, to, condition } => {
                let (from, to) = (name(*from), name(*to));
                let allowed = model.objects.contains_key(&from) && model.allows(&to, *condition);
                let condition = Some(model.condition(&to, *condition));
                match store.rename(&RenameArgs { from: from.clone(), to: to.clone(), condition }, now) {
                    Ok(_) => {
                        assert!(allowed);
                        let value = model.objects.remove(&from).expect("it was there").1;
                        model.put(to, value);
                    }
                    Err(error @ Error::OutOfMemory { .. }) => return Err(error),
                    Err(_) => assert!(!allowed),
                }
            }
            Op::Append { sizes } => {
                let entries: Vec<_> = sizes.iter().map(|size| value(u32::from(*size), now)).collect();
                assert_eq!(store.append(&entries)?.first, model.log.len() as u64);
                model.log.extend(entries);
            }
            Op::Reopen { sealed } => {
                if *sealed {
                    store.seal();
                }
                *store = Store::open(self.memory.clone()).unwrap();
                store.record_upgrade(0);
            }
        }
        Ok(())
    }

    /// Everything that can be read is what the model says, and the image is sound.
    fn compare(&self) {
        let (store, model) = (&self.store, &self.model);
        let listed = store.list(&ListArgs::prefix("")).unwrap().objects;
        let listed: Vec<_> =
            listed.into_iter().map(|object| (object.key, object.revision, object.size)).collect();
        let expected =
            model.objects.iter().map(|(key, (revision, value))| (key.clone(), *revision, value.len() as u64));
        assert_eq!(listed, expected.collect::<Vec<_>>());
        for key in (0..8).map(name) {
            let value = model.objects.get(&key).map(|(_, value)| value.clone());
            assert!(store.get(&key).ok() == value, "the value of {key:?} differs");
        }
        let length = model.log.len() as u64;
        assert_eq!(store.log_info().length, length);
        let newest: Vec<_> = model.log.iter().rev().take(20).cloned().collect();
        assert!(store.read_last(20).unwrap() == newest, "readLast differs");
        let from = length / 2;
        let page = store.read_log(&ReadLogArgs { from, limit: 70 }).unwrap().entries;
        let page: Vec<_> = page.into_iter().map(|entry| entry.into_vec()).collect();
        assert!(
            page == model.log[from as usize..].iter().take(70).cloned().collect::<Vec<_>>(),
            "read_log differs"
        );
        assert_eq!(store.check().problems, []);
    }

    /// Deletes everything; what the arena then holds must be one free block.
    fn drain(&mut self) {
        while self.store.delete_prefix(&DeletePrefixArgs { prefix: String::new(), limit: 3 }).unwrap().more {}
        let status = self.store.status(storage_engine::HostFacts::default()).unwrap();
        assert_eq!(
            (status.objects, status.object_bytes, status.arena.used_bytes, status.arena.extents),
            (0, 0, 0, 0)
        );
        assert_eq!(status.arena.free_bytes, status.arena.largest_free_bytes);
        assert_eq!(self.store.check().problems, []);
    }
}

fn run(capacity: Option<u64>, ops: &[Op]) {
    let mut pair = Pair::new(capacity);
    for op in ops {
        pair.apply(op);
        pair.compare();
    }
    pair.drain();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_agrees_with_the_model(ops in prop::collection::vec(op(), 1..40)) {
        run(None, &ops);
    }

    #[test]
    fn a_store_with_little_memory_agrees_or_refuses(ops in prop::collection::vec(op(), 1..40)) {
        run(Some(MIN_CAPACITY_BYTES), &ops);
    }
}
