//! What the store says against what the model says.

use storage_api::{ListArgs, ReadArgs, ReadLogArgs};
use storage_engine::HostFacts;

use super::Pair;
use super::op::{caller, key};

/// Bytes of a region that are read at once.
const REGION_READ: u64 = 300;

impl Pair {
    /// What is quick: the names of everything, and that the image is sound.
    pub(super) fn compare(&self) {
        let (store, model) = (&self.store, &self.model);
        let listed = store.list(&ListArgs::prefix("")).expect("a sound store can be listed").objects;
        let listed: Vec<_> =
            listed.into_iter().map(|object| (object.key, object.revision, object.size)).collect();
        let expected = model.objects.iter();
        let expected =
            expected.map(|(key, object)| (key.clone(), object.revision, object.value.len() as u64));
        assert_eq!(listed, expected.collect::<Vec<_>>());
        assert_eq!(store.log_info().length, model.log.len() as u64);
        assert_eq!(store.check().problems, []);
    }

    /// Every byte.
    pub(super) fn compare_all(&self) {
        self.compare();
        for key in (0..10).map(key) {
            let value = self.model.objects.get(&key).map(|object| &object.value);
            assert!(self.value(&key).as_ref() == value, "the value of {key:?} differs");
        }
        self.compare_log();
        self.compare_uploads();
        self.compare_regions();
        let roles = self.store.list_roles().expect("roles are read");
        let roles: Vec<_> = roles.into_iter().map(|grant| (grant.who, grant.role)).collect();
        assert_eq!(roles, self.model.roles.clone().into_iter().collect::<Vec<_>>());
        let status = self.store.status(HostFacts::default()).expect("a sound store has a status");
        assert_eq!(status.revision, self.model.revision);
        let uploads = self.model.uploads.len() as u64;
        assert_eq!((status.uploads, status.regions), (uploads, self.model.regions.len() as u64));
    }

    /// The value under a key, read in as many parts as it takes.
    fn value(&self, key: &str) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        loop {
            let offset = value.len() as u64;
            let read = ReadArgs { key: key.into(), offset, length: u64::MAX, revision: None };
            match self.store.read(&read).ok()? {
                part if part.is_empty() => return Some(value),
                part => value.extend(part),
            }
        }
    }

    fn compare_log(&self) {
        let (store, log) = (&self.store, &self.model.log);
        let last = store.read_last(u64::MAX).expect("the log is read");
        assert!(last.iter().eq(log.iter().rev().take(last.len())), "readLast differs");
        for from in [0, log.len() / 2, log.len()] {
            let args = ReadLogArgs { from: from as u64, limit: u32::MAX };
            let page = store.read_log(&args).expect("the log is read");
            let expected = &log[from..page.next as usize];
            assert!(page.entries.iter().map(|entry| entry.as_slice()).eq(expected), "read_log differs");
            assert!(page.next as usize > from || from == log.len(), "a page is empty");
        }
    }

    fn compare_uploads(&self) {
        let now_ns = self.model.now_ns;
        let open = self.store.list_uploads(&caller(0), now_ns).expect("uploads are read");
        let expected = self.model.uploads.iter().filter(|(_, upload)| !upload.has_expired(now_ns));
        let expected: Vec<_> = expected.collect();
        assert_eq!(open.len(), expected.len());
        for (status, (id, upload)) in open.into_iter().zip(expected) {
            let received: usize = upload.received.keys().map(|index| upload.chunk_bytes(*index)).sum();
            assert_eq!((status.upload.id, status.upload.size), (*id, upload.size));
            assert_eq!((status.received, status.creator), (received as u64, upload.creator));
            let missing = |index: &u64| !upload.received.contains_key(index);
            let first_missing = (0..upload.chunks()).find(missing);
            assert_eq!(status.missing.first().map(|range| range.first), first_missing);
        }
    }

    fn compare_regions(&self) {
        let regions = self.store.region_list(&caller(0)).expect("regions are read");
        assert_eq!(regions.len(), self.model.regions.len());
        let mut buffer = vec![0; storage_api::limits::MAX_REPLY_BYTES as usize];
        for (info, region) in regions.iter().zip(&self.model.regions) {
            assert_eq!((info.pages, info.owner), (region.pages, region.owner));
            let places = region.bytes.keys().map(|at| at / REGION_READ * REGION_READ);
            for at in places.collect::<std::collections::BTreeSet<_>>() {
                let length = REGION_READ.min(region.pages * 65_536 - at);
                let read = self.store.region_load_blob_into(info.id, at, length, &mut buffer, &caller(0));
                let read = &buffer[..read.expect("what was stored is there")];
                let expected = (at..at + length).map(|at| region.bytes.get(&at).copied().unwrap_or(0));
                assert!(expected.eq(read.iter().copied()), "the bytes of region {} at {at} differ", info.id);
            }
        }
    }
}
