//! Differential test of a store of the engine against the model.

mod certified;
mod pages;

use candid::Principal;
use stable_storage_api::limits::{CHUNK_BYTES, HTTP_PIECE_BYTES, MAX_REPLY_BYTES, PAGE_BYTES};
use stable_storage_api::{
    DeleteArgs, Error, ListArgs, MetadataPair, PutArgs, ReadArgs, ReadLogArgs, Settings, UploadStatus,
};
use storage_engine::arena::SLOT_EXTENT_BYTES;
use storage_engine::testing::callers;
use storage_engine::{BucketSize, Caller, HostFacts, Memory, Options, Put, Store};
use storage_testkit::FaultyMemory;

use crate::call::{Answer, Call};
use crate::domains::{KEYS, grantees, key};
use crate::model::{Filling, Model, StepLimits};
use crate::op::{Cond, Op};
use crate::state::State;

const SOUND: &str = "a sound store can be read";

/// Longer values are compared only at every eighth step.
const SMALL_BYTES: usize = 10_000;

/// Bytes hashed by one call of `verify`: so few that most of the larger objects take several calls.
const VERIFY_STEP_BYTES: u64 = 65_536;

/// The same for objects with many extents.
const LARGE_VERIFY_STEP_BYTES: u64 = 20 << 20;

/// Most of one call of `certify`: so little that a handful of objects takes several calls.
const STEP_LIMITS: StepLimits = StepLimits { objects: 3, bytes: 2 * HTTP_PIECE_BYTES, entries: 50 };

/// The same for objects with many extents.
const LARGE_STEP_LIMITS: StepLimits = StepLimits { bytes: 10 * HTTP_PIECE_BYTES, ..STEP_LIMITS };

/// Most comparisons during an operation of many calls.
const COMPARISONS: usize = 16;

/// Most calls to remove each object and upload at the end, including refused growths.
const MAX_TRIES: usize = 4;

/// A store of the engine and the model.
pub struct Differential {
    memory: FaultyMemory,
    store: Store<FaultyMemory>,
    model: Model,
    step: u64,
    /// Whether memory is limited. Then every seventh growth is refused as well.
    is_limited: bool,
    /// Largest capacity that has been configured.
    largest_capacity: u64,
}

impl Differential {
    /// Creates an empty store, with limited memory if a capacity is given.
    ///
    /// # Panics
    ///
    /// For an invalid capacity.
    #[must_use]
    pub fn new(capacity: Option<u64>) -> Self {
        Self::with_buckets(capacity, BucketSize::LARGEST)
    }

    /// Creates an empty store with buckets of this size, and with limited memory if a capacity is given.
    ///
    /// # Panics
    ///
    /// For an invalid capacity.
    #[must_use]
    pub fn with_buckets(capacity: Option<u64>, bucket_size: BucketSize) -> Self {
        let memory = FaultyMemory::default();
        let options = Options { bucket_size, ..Options::default() };
        let mut store = Store::open_with(memory.clone(), options).expect("empty memory is formatted");
        let settings = Settings { capacity, ..Settings::default() };
        let config = store.configure(&settings).expect("the capacity is within its limits");
        let [one, other, admin] = callers();
        let no_role = Caller { principal: Principal::anonymous(), is_admin: false };
        let mut model = Model::new(config, [one, other, admin, no_role]);
        model.verify_step_bytes = VERIFY_STEP_BYTES;
        model.step_limits = STEP_LIMITS;
        let largest_capacity = config.capacity;
        Self { memory, store, model, step: 0, is_limited: capacity.is_some(), largest_capacity }
    }

    /// Creates an empty store whose uploads are filled although they have many extents.
    ///
    /// # Panics
    ///
    /// Never: there is no capacity.
    #[must_use]
    pub fn with_large_objects() -> Self {
        let mut pair = Self::new(None);
        pair.model.verify_step_bytes = LARGE_VERIFY_STEP_BYTES;
        pair.model.step_limits = LARGE_STEP_LIMITS;
        pair.model.filling = Filling { most_chunks: 48, unsized_bytes: 3 * SLOT_EXTENT_BYTES + 100_000 };
        pair
    }

    /// Applies an operation to both, and compares results and states.
    ///
    /// # Panics
    ///
    /// If they differ, the image is corrupt, or an error has changed a byte.
    pub fn apply(&mut self, op: &Op) {
        let calls = self.model.calls(op);
        let (count, between) = (calls.len(), calls.len().div_ceil(COMPARISONS));
        for (done, (caller, call)) in (1..).zip(calls) {
            self.step += 1;
            self.model.now_ns += 1;
            self.memory.mark();
            let is_growth_refused = self.is_limited && self.step.is_multiple_of(7);
            if is_growth_refused {
                self.memory.refuse_grow(0);
            }
            let answered = self.run(&caller, &call);
            if !is_growth_refused && needs_no_memory(&call) {
                let lacks_memory = matches!(answered, Err(Error::OutOfMemory { .. }));
                assert!(!lacks_memory, "{op:?} lacks memory, which was set aside: {answered:?}");
            }
            if answered.is_err() {
                assert!(self.memory.is_as_marked(), "{op:?}: {answered:?}, and the memory has changed");
            }
            if !self.agrees_after_refusals(&call, &answered) {
                self.model.agree(&caller, &call, &answered, self.is_limited);
            }
            if done == count || done.is_multiple_of(between) {
                self.compare();
            }
        }
    }

    /// Returns the model.
    #[cfg(test)]
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    fn run(&mut self, caller: &Caller, call: &Call) -> Result<Answer, Error> {
        let (store, now_ns) = (&mut self.store, self.model.now_ns);
        match call {
            Call::Put(put) => put_all(store, std::slice::from_ref(put), caller, now_ns),
            Call::PutMany(puts) => put_all(store, puts, caller, now_ns),
            Call::Delete(DeleteArgs { key, condition }) => {
                store.delete_when(key, condition.clone().unwrap_or_default()).map(Answer::WasThere)
            }
            Call::DeleteMany(deletes) => store.delete_many(deletes).map(Answer::WereThere),
            Call::DeletePrefix(args) => store.delete_prefix(args).map(Answer::Deleted),
            Call::TakeFirst(prefix) => store.take_first(prefix).map(Answer::Taken),
            Call::Rename(args) => store.rename(args, now_ns).map(Answer::written),
            Call::Copy(args) => store.copy(args, caller, now_ns).map(Answer::written),
            Call::CopyChunks { id, first, sources } => {
                store.copy_chunks(*id, *first, sources, caller, now_ns).map(Answer::Received)
            }
            Call::Verify(key) => {
                store.verify_in_steps(key, self.model.verify_step_bytes).map(Answer::Verified)
            }
            Call::CreateUpload(args) => store.create_upload(args, caller, now_ns).map(Answer::Upload),
            Call::WriteChunk { id, index, bytes } => {
                store.write_chunk(*id, *index, bytes, caller, now_ns).map(Answer::Received)
            }
            Call::CommitUpload(id, end) => {
                store.commit_upload_with(*id, end.as_ref(), caller, now_ns).map(Answer::written)
            }
            Call::AbortUpload(id) => store.abort_upload(*id, caller).map(|()| Answer::Nothing),
            Call::Append(entries) => store.append(entries).map(Answer::Appended),
            Call::Log(text) => store.append(&[text]).map(|_| Answer::Nothing),
            Call::RegionNew => store.region_new(caller, now_ns).map(Answer::Region),
            Call::RegionGrow { id, pages } => store.region_grow(*id, *pages, caller).map(Answer::Pages),
            Call::RegionStore { id, offset, bytes } => {
                store.region_store_blob(*id, *offset, bytes, caller).map(|()| Answer::Nothing)
            }
            Call::RegionSetOwner { id, owner } => {
                store.region_set_owner(*id, *owner, caller).map(Answer::Region)
            }
            Call::SetCertified { prefix, is_certified } => {
                store.set_certified(prefix, *is_certified).map(|()| Answer::Nothing)
            }
            Call::SetSite(site) => store.set_site(site).map(|()| Answer::Nothing),
            Call::RemoveSite(prefix) => store.remove_site(prefix).map(Answer::WasThere),
            Call::Certify(prefix) => {
                let StepLimits { objects, bytes, .. } = self.model.step_limits;
                store.certify_in_steps(prefix, objects, bytes).map(Answer::Certified)
            }
            Call::CertifyLog => {
                store.certify_log_in_steps(self.model.step_limits.entries).map(Answer::Certified)
            }
            Call::SetRole(who, role) => store.set_role(who, *role).map(|()| Answer::Nothing),
            Call::Configure(settings) => {
                let config = store.configure(settings)?;
                self.largest_capacity = self.largest_capacity.max(config.capacity);
                Ok(Answer::Config(config))
            }
            Call::Wait(_) | Call::Back(_) => Ok(Answer::Nothing),
            Call::Reopen => {
                self.reopen();
                Ok(Answer::Nothing)
            }
            Call::Upgrade { sealed } => {
                if *sealed {
                    store.seal();
                }
                self.reopen();
                self.store.record_upgrade(0);
                Ok(Answer::Nothing)
            }
        }
    }

    fn reopen(&mut self) {
        self.store = Store::open(self.memory.clone()).expect("what was closed can be opened");
    }

    /// Compares everything that can be read, and checks the image.
    fn compare(&self) {
        assert_eq!(self.store.check().problems, []);
        let state = self.state();
        for status in &state.uploads {
            let (admin, now_ns) = (self.model.caller(2), self.model.now_ns);
            let metadata = self.model.upload_metadata(status.upload.id);
            let expected = UploadStatus { metadata, ..status.clone() };
            assert_eq!(self.store.upload_status(status.upload.id, &admin, now_ns), Ok(expected));
        }
        assert_eq!(state, self.model.state());
        for who in grantees() {
            let grant = state.roles.iter().find(|grant| grant.who == who);
            assert_eq!(self.store.role(&who), Ok(grant.map(|grant| grant.role)));
        }
        self.compare_values();
        self.compare_pages();
        self.compare_levels();
        self.compare_ranges();
        self.compare_log();
        self.compare_certified();
        self.compare_regions();
    }

    fn state(&self) -> State {
        let (store, admin) = (&self.store, self.model.caller(2));
        State {
            config: store.config(),
            objects: store.list(&ListArgs::prefix("")).expect(SOUND).objects,
            uploads: store.list_uploads(&admin, self.model.now_ns).expect(SOUND),
            regions: store.region_list(&admin).expect(SOUND),
            roles: store.list_roles().expect(SOUND),
            prefixes: store.certified_prefixes().expect(SOUND),
            sites: store.list_sites().expect(SOUND),
            totals: (&store.status(HostFacts::default()).expect(SOUND)).into(),
        }
    }

    fn compare_values(&self) {
        let values: Vec<_> = self.model.values().collect();
        for key in (0..KEYS - 2).map(key).filter(|key| values.iter().all(|(there, ..)| there != key)) {
            assert_eq!(self.store.get(&key), Err(Error::NotFound));
        }
        for (key, revision, value) in values {
            if value.len() > SMALL_BYTES && !self.step.is_multiple_of(8) {
                continue;
            }
            for offset in (0..=value.len() as u64).step_by(CHUNK_BYTES as usize) {
                let (key, revision) = (key.into(), Some(revision));
                let read = ReadArgs { key, offset, length: Some(CHUNK_BYTES), revision };
                let end = value.len().min((offset + CHUNK_BYTES) as usize);
                let expected = &value[offset as usize..end];
                assert!(self.store.read(&read).expect(SOUND) == expected, "{read:?} differs");
            }
        }
    }

    /// Compares ranges with any bounds, and several values in one call.
    fn compare_ranges(&self) {
        let count = self.model.values().count() as u64;
        for (key, revision, value) in self.model.values().skip((self.step % count.max(1)) as usize).take(2) {
            let size = value.len() as u64;
            let (offset, length) = (self.step * 7_919 % (size + 3), self.step * 104_729 % 200_000);
            let read = ReadArgs { key: key.into(), offset, length: Some(length), revision: Some(revision) };
            match self.store.read(&read) {
                Ok(bytes) => {
                    let end = size.min(offset + length);
                    assert!(bytes == value[offset as usize..end as usize], "{read:?} differs");
                }
                error => assert_eq!(error, Err(Error::OutOfRange { offset, length, size })),
            }
            let other = ReadArgs { revision: Some(revision + 1), ..read };
            assert_eq!(self.store.read(&other), Err(Error::RevisionMismatch { current: Some(revision) }));
        }
        let keys: Vec<_> =
            (0..5).map(|i| key((self.step as u8).wrapping_mul(5).wrapping_add(i * 3))).collect();
        let keys: Vec<_> = keys.into_iter().filter(|key| (1..=1_024).contains(&key.len())).collect();
        let values: Vec<_> = keys
            .iter()
            .map(|key| self.model.values().find(|(there, ..)| there == key).map(|(.., value)| value))
            .collect();
        let size = values.iter().flatten().map(|value| value.len() as u64).sum();
        match self.store.get_many(&keys) {
            Ok(found) => assert!(
                found
                    .iter()
                    .map(Option::as_deref)
                    .eq(values.iter().map(|value| value.map(|value| &value[..])))
            ),
            error => assert_eq!(error, Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES })),
        }
    }

    fn compare_log(&self) {
        let log = self.model.log();
        let last = self.store.read_last(5).expect(SOUND);
        assert!(last.iter().eq(log.iter().rev().take(last.len()).map(|entry| &**entry)), "readLast differs");
        assert!(log.is_empty() || !last.is_empty());
        for from in [0, log.len() / 2, log.len()] {
            let args = ReadLogArgs { from: from as u64, limit: Some(70) };
            let page = self.store.read_log(&args).expect(SOUND);
            let next = from + page.entries.len();
            assert_eq!((page.length, page.next), (log.len() as u64, next as u64));
            let entries = page.entries.iter().map(|entry| entry.as_slice());
            assert!(entries.eq(log[from..next].iter().map(|entry| entry.as_slice())), "read_log differs");
            assert!(from == log.len() || next > from, "a page is empty");
        }
    }

    fn compare_regions(&self) {
        let (mut buffer, admin) = (vec![1; MAX_REPLY_BYTES as usize], self.model.caller(2));
        for (id, start, bytes) in self.model.region_pages() {
            let length = self.store.region_load_blob_into(id, start, PAGE_BYTES, &mut buffer, &admin);
            assert!(
                buffer[..length.expect(SOUND)] == bytes[..],
                "the page at {start} of region {id} differs"
            );
        }
    }

    /// Removes everything that can be removed: then the arena is one free block, and nothing is reserved.
    ///
    /// # Panics
    ///
    /// If something remains.
    pub fn drain(&mut self) {
        for _ in 0..MAX_TRIES {
            self.apply(&Op::AbortUploads { count: u16::MAX });
        }
        for key in (0..MAX_TRIES).flat_map(|_| 0..KEYS) {
            self.apply(&Op::Delete { key, condition: Cond::Any });
        }
        for _ in 0..MAX_TRIES {
            self.apply(&Op::DeletePrefix { prefix: 0, limit: 1_000 });
        }
        for principal in (0..MAX_TRIES).flat_map(|_| 0..5) {
            self.apply(&Op::SetRole { principal, role: None });
        }
        self.drain_certified();
        let status = self.store.status(HostFacts::default()).expect(SOUND);
        let arena = status.arena;
        assert_eq!((status.objects, status.object_bytes, status.uploads, status.roles), (0, 0, 0, 0));
        assert_eq!((arena.used_bytes, arena.extents, arena.reserved_bytes), (0, 0, 0));
        assert_eq!(arena.free_bytes, arena.largest_free_bytes);
        assert!(self.memory.size() * PAGE_BYTES <= self.largest_capacity);
    }
}

/// Returns whether a call has all the memory that it needs, as long as the platform gives what is within the capacity: it was
/// set aside before, or the call only gives memory back.
fn needs_no_memory(call: &Call) -> bool {
    match call {
        Call::CommitUpload(..)
        | Call::AbortUpload(_)
        | Call::Delete(_)
        | Call::DeleteMany(_)
        | Call::DeletePrefix(_)
        | Call::TakeFirst(_)
        | Call::RemoveSite(_)
        | Call::Configure(_)
        | Call::SetRole(_, None)
        | Call::RegionStore { .. }
        | Call::RegionSetOwner { .. } => true,
        Call::SetCertified { is_certified, .. } => !is_certified,
        _ => false,
    }
}

/// Calls `put` for a single object, as the canister does.
fn put_all(
    store: &mut Store<FaultyMemory>,
    puts: &[PutArgs],
    caller: &Caller,
    now_ns: u64,
) -> Result<Answer, Error> {
    let pairs: Vec<Vec<_>> = puts.iter().map(|put| pairs_of(put).collect()).collect();
    let puts: Vec<_> = puts.iter().zip(&pairs).map(|(put, pairs)| put_of(put, pairs, caller)).collect();
    store.put_many(puts, now_ns).map(Answer::Written)
}

fn pairs_of(args: &PutArgs) -> impl Iterator<Item = (&str, &str)> {
    args.metadata.iter().flatten().map(MetadataPair::as_strs)
}

fn put_of<'a>(args: &'a PutArgs, metadata: &'a [(&'a str, &'a str)], caller: &Caller) -> Put<'a> {
    Put {
        key: &args.key,
        value: &args.value,
        content_type: args.content_type.as_deref(),
        content_encoding: args.content_encoding.as_deref(),
        metadata,
        sha256: args.sha256.as_deref().map(|digest| &**digest),
        owner: (!caller.is_admin).then_some(caller.principal),
        condition: args.condition.clone().unwrap_or_default(),
    }
}
