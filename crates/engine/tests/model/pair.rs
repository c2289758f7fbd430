//! A store and the model beside each other.

use candid::Principal;
use ic_stable_structures::Memory;
use storage_api::limits::{CHUNK_BYTES, FIRST_REGION};
use storage_api::{
    DeletePrefixArgs, Error, Grant, ListArgs, ReadArgs, ReadLogArgs, RenameArgs, Settings, UploadArgs,
};
use storage_engine::testing::FaultyMemory;
use storage_engine::{HostFacts, Put, Store};

use crate::content::{chunk_bytes, marked};
use crate::model::{Answer, Model, PAGE_BYTES, caller, declared, name, principal};
use crate::ops::Op;

type TestStore = Store<FaultyMemory>;

/// Values that are longer are compared at every eighth step only.
const SMALL_BYTES: u64 = 10_000;

pub(crate) struct Pair {
    memory: FaultyMemory,
    store: TestStore,
    model: Model,
    step: u64,
    /// Whether there is little memory. Then every seventh growth is refused, too.
    is_limited: bool,
}

impl Pair {
    pub(crate) fn new(capacity: Option<u64>) -> Self {
        let memory = FaultyMemory::default();
        let mut store = Store::open(memory.clone()).unwrap();
        let config = store.configure(&Settings { capacity, ..Settings::default() }).unwrap();
        Self { memory, store, model: Model::new(config), step: 0, is_limited: capacity.is_some() }
    }

    /// Does an operation on both, and compares what they answer and what there is then.
    pub(crate) fn apply(&mut self, op: &Op) {
        let Op::Chunks { upload, seed } = op else { return self.apply_one(op) };
        let id = self.model.upload_id(*upload);
        let Some(open) = self.model.uploads.get(&id) else { return };
        let count = open.size.div_ceil(CHUNK_BYTES);
        let missing: Vec<_> = (0..count).filter(|index| !open.chunks.contains_key(index)).collect();
        for index in missing {
            self.apply_one(&Op::Chunk { upload: *upload, index, seed: *seed, who: 2 });
        }
    }

    fn apply_one(&mut self, op: &Op) {
        self.step += 1;
        self.model.now_ns += 1;
        let seed = self.step as u8;
        let mut after = self.model.clone();
        let expected = after.apply(op, seed);
        self.memory.mark();
        if self.is_limited && self.step.is_multiple_of(7) {
            self.memory.refuse_grow(0);
        }
        let answered = self.run(op, seed);
        if answered.is_err() {
            assert!(self.memory.is_as_marked(), "{op:?}: {answered:?}, and the memory has changed");
        }
        match (&answered, &expected) {
            (Err(Error::OutOfMemory { .. }), Ok(_)) if self.may_be_refused(op) => {}
            (Err(Error::InvalidArgument { .. }), Err(Error::InvalidArgument { .. })) => {}
            _ => assert_eq!(answered, expected, "{op:?}"),
        }
        if answered.is_ok() {
            self.model = after;
        }
        self.compare();
    }

    fn may_be_refused(&self, op: &Op) -> bool {
        self.is_limited || matches!(op, Op::RegionGrow { pages: u64::MAX, .. })
    }

    fn run(&mut self, op: &Op, seed: u8) -> Result<Answer, Error> {
        let (model, store, now_ns) = (&self.model, &mut self.store, self.model.now_ns);
        match op {
            Op::Put { key, size, condition } => {
                let (key, value) = (name(*key), marked(*size, seed));
                let put = Put { condition: model.condition(&key, *condition), ..Put::new(&key, &value) };
                store.put(put, now_ns).map(|info| Answer::Objects(vec![info]))
            }
            Op::PutMany { keys, size } => {
                let (keys, value) = (keys.map(name), marked(*size, seed));
                let puts: Vec<_> = keys.iter().map(|key| Put::new(key, &value)).collect();
                store.put_many(&puts, now_ns).map(Answer::Objects)
            }
            Op::Delete { key } => store.delete(&name(*key)).map(Answer::Bool),
            Op::DeletePrefix { limit } => {
                let args = DeletePrefixArgs { prefix: "k/".into(), limit: *limit };
                store.delete_prefix(&args).map(|deleted| Answer::Deleted(deleted.deleted, deleted.more))
            }
            Op::TakeFirst => {
                let taken = store.take_first("")?;
                Ok(Answer::Taken(taken.map(|taken| (taken.key, taken.value.into_vec()))))
            }
            Op::Rename { from, to, condition } => {
                let (from, to) = (name(*from), name(*to));
                let condition = Some(model.condition(&to, *condition));
                let renamed = store.rename(&RenameArgs { from, to, condition }, now_ns);
                renamed.map(|info| Answer::Objects(vec![info]))
            }
            Op::Verify { key } => {
                let progress = store.verify(&name(*key))?;
                Ok(Answer::Verdict(progress.verdict.expect("the object takes one step")))
            }
            Op::Create { key, size, who, condition, digest } => {
                let key = name(*key);
                let args = UploadArgs {
                    condition: Some(model.condition(&key, *condition)),
                    sha256: digest.filter(|_| *size > 0).map(|seed| declared(*size, seed).into()),
                    ..UploadArgs::new(key, *size)
                };
                store.create_upload(&args, &caller(*who), now_ns).map(|upload| Answer::Number(upload.id))
            }
            Op::Chunk { upload, index, seed, who } => {
                let id = model.upload_id(*upload);
                let length = model.uploads.get(&id).filter(|upload| index * CHUNK_BYTES < upload.size);
                let bytes = marked(length.map_or(1, |upload| chunk_bytes(upload.size, *index)), *seed);
                let received = store.write_chunk(id, *index, &bytes, &caller(*who), now_ns);
                received.map(|received| Answer::Number(received.received))
            }
            Op::Commit { upload, who } => {
                let committed = store.commit_upload(model.upload_id(*upload), &caller(*who), now_ns);
                committed.map(|info| Answer::Objects(vec![info]))
            }
            Op::Abort { upload, who } => {
                store.abort_upload(model.upload_id(*upload), &caller(*who)).map(|()| Answer::Nothing)
            }
            Op::Append { sizes } => {
                let entries: Vec<_> = sizes.iter().map(|size| marked(*size, seed)).collect();
                store.append(&entries).map(|appended| Answer::Number(appended.first))
            }
            other => self.run_other(other, seed),
        }
    }

    fn run_other(&mut self, op: &Op, seed: u8) -> Result<Answer, Error> {
        let (store, now_ns) = (&mut self.store, self.model.now_ns);
        match op {
            Op::RegionNew { who } => store.region_new(&caller(*who), now_ns).map(Answer::Region),
            Op::RegionGrow { region, pages, who } => {
                store.region_grow(*region, *pages, &caller(*who)).map(Answer::Number)
            }
            Op::RegionStore { region, offset, size, who } => {
                let bytes = marked(*size, seed);
                store.region_store_blob(*region, *offset, &bytes, &caller(*who)).map(|()| Answer::Nothing)
            }
            Op::RegionOwner { region, to, who } => {
                store.region_set_owner(*region, principal(*to), &caller(*who)).map(Answer::Region)
            }
            Op::SetRole { principal: number, role } => {
                store.set_role(&principal(*number), *role).map(|()| Answer::Nothing)
            }
            Op::Configure { settings } => store.configure(settings).map(|_| Answer::Nothing),
            Op::Upgrade { sealed } => {
                if *sealed {
                    store.seal();
                }
                *store = Store::open(self.memory.clone()).unwrap();
                store.record_upgrade(0);
                Ok(Answer::Nothing)
            }
            Op::Reopen => {
                *store = Store::open(self.memory.clone()).unwrap();
                Ok(Answer::Nothing)
            }
            // Only the clock of the model runs.
            _ => Ok(Answer::Nothing),
        }
    }

    /// Everything that can be read is what the model says, and the image is sound.
    fn compare(&self) {
        assert_eq!(self.store.check().problems, []);
        self.compare_status();
        self.compare_objects();
        self.compare_uploads();
        self.compare_log();
        self.compare_regions();
    }

    fn compare_status(&self) {
        let (model, status) = (&self.model, self.store.status(HostFacts::default()).unwrap());
        assert_eq!(self.store.config(), model.config);
        let bytes = model.objects.values().map(|object| object.content.size()).sum::<u64>();
        assert_eq!((status.revision, status.object_bytes), (model.revision, bytes));
        let expected = [
            model.objects.len(),
            model.log.len(),
            model.uploads.len(),
            model.regions.len(),
            model.roles.len(),
        ];
        let counted = [status.objects, status.log_entries, status.uploads, status.regions, status.roles];
        assert_eq!(counted, expected.map(|count| count as u64));
        let upgrades = status.upgrades;
        assert_eq!((upgrades.count, upgrades.last_was_sealed), (model.upgrades, model.last_was_sealed));
        let mut grants: Vec<_> =
            model.roles.iter().map(|(who, role)| Grant { who: *who, role: *role }).collect();
        grants.sort_by(|one, other| one.who.as_slice().cmp(other.who.as_slice()));
        assert_eq!(self.store.list_roles().unwrap(), grants);
        for who in (0..5).map(principal) {
            assert_eq!(self.store.role(&who).unwrap(), model.roles.get(&who).copied());
        }
    }

    fn compare_objects(&self) {
        let (store, model) = (&self.store, &self.model);
        let listed = store.list(&ListArgs::prefix("")).unwrap().objects;
        let expected: Vec<_> = model.objects.iter().map(|(key, object)| object.info(key)).collect();
        assert_eq!(listed, expected);
        for key in (0..6).map(name) {
            let Some(object) = model.objects.get(&key) else {
                assert_eq!(store.get(&key), Err(Error::NotFound));
                continue;
            };
            let size = object.content.size();
            if size > SMALL_BYTES && !self.step.is_multiple_of(8) {
                continue;
            }
            let expected = object.content.bytes();
            for offset in (0..=size).step_by(CHUNK_BYTES as usize) {
                let args = ReadArgs {
                    key: key.clone(),
                    offset,
                    length: CHUNK_BYTES,
                    revision: Some(object.revision),
                };
                let end = size.min(offset + CHUNK_BYTES);
                assert!(
                    store.read(&args).unwrap() == expected[offset as usize..end as usize],
                    "{key:?} at {offset}"
                );
            }
        }
    }

    fn compare_uploads(&self) {
        let (model, admin) = (&self.model, caller(2));
        let listed = self.store.list_uploads(&admin, model.now_ns).unwrap();
        let open = model.uploads.iter().filter(|(_, upload)| !model.has_expired(upload));
        let open: Vec<_> = open.collect();
        assert_eq!(listed.len(), open.len());
        for (status, (id, upload)) in listed.iter().zip(open) {
            assert_eq!((status.upload.id, &status.upload.key), (*id, &upload.key));
            assert_eq!((status.upload.size, status.received), (upload.size, upload.received()));
            assert_eq!((status.creator, status.more_missing), (upload.creator, false));
            let missing = status.missing.iter().flat_map(|range| range.first..=range.last);
            let count = upload.size.div_ceil(CHUNK_BYTES);
            assert!(missing.eq((0..count).filter(|index| !upload.chunks.contains_key(index))));
            assert_eq!(self.store.upload_status(*id, &admin, model.now_ns).unwrap(), *status);
        }
    }

    fn compare_log(&self) {
        let log = &self.model.log;
        let newest = log.iter().rev().take(5).map(|entry| entry.bytes());
        let last = self.store.read_last(5).unwrap();
        assert!(last.iter().cloned().eq(newest.take(last.len())), "readLast differs");
        assert!(log.is_empty() || !last.is_empty());
        let from = log.len() / 2;
        let page = self.store.read_log(&ReadLogArgs { from: from as u64, limit: 70 }).unwrap();
        assert_eq!((page.length, page.next), (log.len() as u64, (from + page.entries.len()) as u64));
        let expected = log[from..].iter().map(|entry| entry.bytes());
        assert!(page.entries.iter().map(|entry| entry.to_vec()).eq(expected.take(page.entries.len())));
        assert!(from == log.len() || !page.entries.is_empty());
    }

    fn compare_regions(&self) {
        let (model, admin) = (&self.model, caller(2));
        let ids = FIRST_REGION..FIRST_REGION + model.regions.len() as u64;
        let expected: Vec<_> = ids.map(|id| model.region_info(id)).collect();
        assert_eq!(self.store.region_list(&admin).unwrap(), expected);
        for (id, region) in (FIRST_REGION..).zip(&model.regions) {
            // The pages that something was stored in, the last one, and nothing else in them.
            let mut pages: Vec<_> = region.bytes.keys().map(|offset| offset / PAGE_BYTES).collect();
            pages.extend(region.pages.checked_sub(1));
            pages.dedup();
            for page in pages {
                let (start, mut bytes) = (page * PAGE_BYTES, vec![1; PAGE_BYTES as usize]);
                let length =
                    self.store.region_load_blob_into(id, start, PAGE_BYTES, &mut bytes, &admin).unwrap();
                let mut expected = vec![0; length];
                for (offset, byte) in region.bytes.range(start..start + PAGE_BYTES) {
                    expected[(offset - start) as usize] = *byte;
                }
                assert!(bytes[..length] == expected, "page {page} of region {id}");
            }
        }
    }

    /// Takes back everything that can be taken back: what the arena then holds is one free block, and nothing is promised.
    pub(crate) fn drain(&mut self) {
        while !self.model.uploads.is_empty() {
            self.apply_one(&Op::Abort { upload: 0, who: 2 });
        }
        while !self.model.objects.is_empty() {
            let key = (0..6).find(|key| self.model.objects.contains_key(&name(*key))).unwrap();
            self.apply_one(&Op::Delete { key });
        }
        for number in 0..3 {
            self.apply_one(&Op::SetRole { principal: number, role: None });
        }
        let status = self.store.status(HostFacts::default()).unwrap();
        let arena = status.arena;
        assert_eq!((status.objects, status.object_bytes, status.uploads, status.roles), (0, 0, 0, 0));
        assert_eq!((arena.used_bytes, arena.extents, arena.reserved_bytes), (0, 0, 0));
        assert_eq!(arena.free_bytes, arena.largest_free_bytes);
        assert_eq!(self.store.role(&Principal::anonymous()), Ok(None));
        assert!(self.memory.size() * PAGE_BYTES <= self.model.config.capacity);
    }
}
