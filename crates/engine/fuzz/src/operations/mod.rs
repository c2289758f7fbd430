//! Lists of operations on a store and on a model: they must agree after every one of them.

mod compare;
mod model;
mod op;
mod regions;
mod uploads;

use arbitrary::Unstructured;
use candid::Principal;
use ic_stable_structures::Memory;
use storage_api::limits::{MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES};
use storage_api::{DeletePrefixArgs, Error, RenameArgs};
use storage_engine::testing::SparseMemory;
use storage_engine::{Put, Store};

use model::{Model, Verdict, may_be_key};
use op::{Cond, Op, Size, key, prefix, role, settings};

/// The most operations of a list.
const MAX_OPS: usize = 40;

const DAY_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// Runs a list of operations on an empty store, and on a model.
pub fn operations(data: &[u8]) {
    let mut pair = Pair::new();
    for op in Unstructured::new(data).arbitrary_take_rest_iter().into_iter().flatten().take(MAX_OPS) {
        let Ok(op) = op else { break };
        pair.apply(&op);
        pair.compare();
    }
    pair.compare_all();
}

/// A store and what it should be.
struct Pair {
    memory: SparseMemory,
    store: Store<SparseMemory>,
    model: Model,
}

impl Pair {
    fn new() -> Self {
        let memory = SparseMemory::default();
        let store = Store::open(memory.clone()).expect("empty memory is formatted");
        Self { memory, store, model: Model::default() }
    }

    /// Does something with the store. Whether it is to be done with the model, too: a refusal is what the model says, or for
    /// want of memory, which the model does not know. A refusal writes nothing.
    fn agree<T>(
        &mut self,
        expected: Verdict,
        operate: impl FnOnce(&mut Store<SparseMemory>, u64) -> Result<T, Error>,
    ) -> Option<T> {
        let pages = self.memory.size();
        self.memory.take_traffic();
        match (operate(&mut self.store, self.model.now_ns), expected) {
            (Ok(answer), Ok(())) => return Some(answer),
            (Ok(_), Err(name)) => panic!("the store did what the model refuses with {name}"),
            (Err(Error::OutOfMemory { .. }), Ok(())) => {}
            (Err(error), expected) => {
                assert_eq!(Err(Error::KINDS[error.kind()]), expected, "the store says: {error}");
            }
        }
        assert_eq!(self.memory.take_traffic().writes, 0, "a refusal wrote something");
        assert_eq!(self.memory.size(), pages, "a refusal took memory");
        None
    }

    fn apply(&mut self, op: &Op) {
        self.model.now_ns += 1;
        match *op {
            Op::Put { key: number, size, condition } => self.put(key(number), size, condition),
            Op::PutMany { keys, size } => self.put_many(keys.map(key), size),
            Op::Delete { key: number } => self.delete(&key(number)),
            Op::DeletePrefix { prefix: number, limit } => self.delete_prefix(prefix(number), limit % 8),
            Op::TakeFirst { prefix: number } => self.take_first(prefix(number)),
            Op::Rename { from, to, condition } => self.rename(key(from), key(to), condition),
            Op::Verify { key: number } => self.verify(&key(number)),
            Op::Append { ref sizes, size } => self.append(sizes, size),
            Op::SetRole { who, role: number } => self.set_role(who, number),
            Op::Configure { buckets, max_uploads } => self.configure(buckets, max_uploads),
            Op::PassDays { days } => self.model.now_ns += u64::from(days % 10) * DAY_NS,
            Op::Reopen { sealed } => self.reopen(sealed),
            ref other => self.apply_to_uploads(other),
        }
    }

    fn put(&mut self, key: String, size: Size, condition: Cond) {
        let value = value(self.model.now_ns, size.bytes());
        let condition = self.model.condition(&key, condition);
        let expected = may_store(&value)
            .and_then(|()| may_be_key(&key))
            .and_then(|()| self.model.may_change(&key, condition));
        let put = Put { condition, content_type: Some("a/b"), ..Put::new(&key, &value) };
        if let Some(info) = self.agree(expected, |store, now| store.put(put, now)) {
            self.model.put(key, value);
            assert_eq!(info.revision, self.model.revision);
        }
    }

    fn put_many(&mut self, keys: [String; 3], size: Size) {
        let value = value(self.model.now_ns, size.bytes());
        let twice = keys[0] == keys[1] || keys[1] == keys[2] || keys[0] == keys[2];
        let expected = may_store(&value)
            .and_then(|()| keys.iter().try_for_each(|key| may_be_key(key)))
            .and(if twice { Err("InvalidArgument") } else { Ok(()) });
        let puts = keys.each_ref().map(|key| Put::new(key, &value));
        // Of several faults, the first one counts, and a value that is too long is found before a key.
        let expected = may_store(&value).and(expected);
        if self.agree(expected, |store, now| store.put_many(&puts, now)).is_some() {
            keys.into_iter().for_each(|key| self.model.put(key, value.clone()));
        }
    }

    fn delete(&mut self, key: &str) {
        if let Some(deleted) = self.agree(may_be_key(key), |store, _| store.delete(key)) {
            assert_eq!(deleted, self.model.remove(key).is_some());
        }
    }

    fn delete_prefix(&mut self, prefix: &str, limit: u8) {
        let expected = if limit == 0 { Err("InvalidArgument") } else { Ok(()) };
        let args = DeletePrefixArgs { prefix: prefix.into(), limit: limit.into() };
        if let Some(deleted) = self.agree(expected, |store, _| store.delete_prefix(&args)) {
            let doomed = self.model.under(prefix);
            let gone = doomed.len().min(limit.into());
            assert_eq!((deleted.deleted, deleted.more), (gone as u64, doomed.len() > gone));
            for key in &doomed[..gone] {
                self.model.remove(key);
            }
        }
    }

    fn take_first(&mut self, prefix: &str) {
        let first = self.model.under(prefix).into_iter().next();
        let size = first.as_ref().map_or(0, |first| self.model.objects[first].value.len() as u64);
        let expected = if size > MAX_REPLY_BYTES { Err("TooLarge") } else { Ok(()) };
        if let Some(taken) = self.agree(expected, |store, _| store.take_first(prefix)) {
            let removed = first.and_then(|key| Some((self.model.remove(&key)?.value, key)));
            assert!(
                taken.map(|taken| (taken.value.into_vec(), taken.key)) == removed,
                "another one was taken"
            );
        }
    }

    fn rename(&mut self, from: String, to: String, condition: Cond) {
        let condition = self.model.condition(&to, condition);
        let expected = may_be_key(&from)
            .and_then(|()| may_be_key(&to))
            .and_then(|()| self.model.may_find(&from))
            .and_then(|()| self.model.may_change(&to, condition));
        let args = RenameArgs { from: from.clone(), to: to.clone(), condition: Some(condition) };
        if self.agree(expected, |store, now| store.rename(&args, now)).is_some() {
            let object = self.model.objects.remove(&from).expect("the model has found it");
            self.model.put(to, object.value);
        }
    }

    fn verify(&mut self, key: &str) {
        let expected = self.model.may_find(key);
        if let Some(progress) = self.agree(expected, |store, _| store.verify(key)) {
            let size = self.model.objects[key].value.len() as u64;
            assert_eq!((progress.hashed, progress.size, progress.verdict.is_some()), (size, size, true));
        }
    }

    /// Appends short entries, and one of any length.
    fn append(&mut self, sizes: &[u8], size: Size) {
        let mut entries: Vec<_> = sizes.iter().map(|size| value(self.model.now_ns, (*size).into())).collect();
        if !sizes.is_empty() {
            entries.push(value(self.model.now_ns, size.bytes()));
        }
        let expected = entries.iter().try_for_each(|entry| may_store(entry));
        if let Some(appended) = self.agree(expected, |store, _| store.append(&entries)) {
            assert_eq!(appended.first, self.model.log.len() as u64);
            self.model.log.extend(entries);
            assert_eq!(appended.next, self.model.log.len() as u64);
        }
    }

    fn set_role(&mut self, who: u8, number: u8) {
        let who = match who % 8 {
            0 => Principal::anonymous(),
            who => Principal::from_slice(&[who; 29]),
        };
        let role = role(number);
        let is_refused = who == Principal::anonymous() && role.is_some();
        let expected = if is_refused { Err("InvalidArgument") } else { Ok(()) };
        if self.agree(expected, |store, _| store.set_role(&who, role)).is_some() {
            match role {
                Some(role) => self.model.roles.insert(who, role),
                None => self.model.roles.remove(&who),
            };
        }
    }

    fn configure(&mut self, buckets: u8, max_uploads: u8) {
        let settings = settings(buckets, max_uploads);
        let is_refused = buckets == 255 || settings.max_uploads == Some(0);
        let expected = if is_refused { Err("InvalidArgument") } else { Ok(()) };
        if let Some(config) = self.agree(expected, |store, _| store.configure(&settings)) {
            self.model.max_uploads = config.max_uploads;
            assert_eq!(
                (Some(config.capacity), Some(config.max_uploads)),
                (settings.capacity, settings.max_uploads)
            );
        }
    }

    /// What an upgrade does, with and without `pre_upgrade`.
    fn reopen(&mut self, sealed: bool) {
        if sealed {
            self.store.seal();
        }
        self.store = Store::open(self.memory.clone()).expect("what was closed is opened");
        self.store.record_upgrade(0);
    }
}

fn may_store(value: &[u8]) -> Verdict {
    if value.len() as u64 > MAX_PAYLOAD_BYTES { Err("TooLarge") } else { Ok(()) }
}

/// Bytes that differ from those of other times at both ends.
fn value(time: u64, size: usize) -> Vec<u8> {
    let mut value = vec![time as u8; size];
    let mark = time.to_le_bytes();
    value.iter_mut().zip(mark).for_each(|(byte, mark)| *byte = mark);
    value.iter_mut().rev().zip(mark).for_each(|(byte, mark)| *byte ^= mark);
    value
}
