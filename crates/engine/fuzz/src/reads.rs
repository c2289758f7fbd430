//! Every method that reads.

use arbitrary::Arbitrary;
use candid::Principal;
use stable_storage_api::limits::MAX_REPLY_BYTES;
use stable_storage_api::{Error, ListArgs, ReadArgs, ReadLogArgs, RegionLoad, RegionType};
use storage_engine::{HostFacts, Store};
use storage_testkit::SparseMemory;

use super::base::{ADMIN, KEYS, MADE_NS};

/// The arguments of the methods.
#[derive(Arbitrary, Debug)]
pub(crate) struct Arguments {
    offset: u64,
    length: u64,
    limit: u32,
    id: u64,
    now_ns: Option<u64>,
    key: String,
}

/// Runs every method that reads, and the check of everything. If the check reports nothing, no method may
/// find corruption. Returns whether the store is sound.
pub(crate) fn read_everything(store: &Store<SparseMemory>, arguments: &Arguments) -> bool {
    let report = store.check();
    let mut reader = Reader { store, arguments, is_sound: report.is_sound() };
    reader.objects();
    reader.log();
    reader.uploads();
    reader.regions();
    reader.operator();
    report.is_sound()
}

struct Reader<'a> {
    store: &'a Store<SparseMemory>,
    arguments: &'a Arguments,
    is_sound: bool,
}

impl Reader<'_> {
    /// Checks the result of a method: any error is allowed, except corruption in a sound store.
    fn answered<T>(&mut self, answer: Result<T, Error>) -> Option<T> {
        match answer {
            Err(Error::Corrupted { what, offset }) if self.is_sound => {
                panic!("the check found nothing, but a method found: {what} at {offset}")
            }
            answer => answer.ok(),
        }
    }

    fn objects(&mut self) {
        let (store, arguments) = (self.store, self.arguments);
        let &Arguments { offset, length, limit, ref key, .. } = arguments;
        let mut keys: Vec<String> = KEYS.map(str::to_owned).into();
        keys.push(key.clone());
        let all = self.answered(store.list(&ListArgs::prefix("")));
        keys.extend(all.iter().flat_map(|page| &page.objects).map(|object| object.key.clone()));
        for start_after in [None, Some(key.clone())] {
            let delimiter = key.chars().nth(1).filter(|_| limit % 2 == 0).map(String::from);
            let prefix = key.chars().take(1).collect();
            let page = ListArgs {
                prefix,
                start_after,
                limit: Some(limit),
                delimiter,
                descending: Some(limit % 2 == 1),
            };
            self.answered(store.list(&page));
            self.answered(store.scan(&page));
        }
        let mut buffer = vec![0; MAX_REPLY_BYTES as usize];
        for key in keys.iter().take(20) {
            self.answered(store.stat(key));
            self.answered(store.get_into(key, &mut buffer));
            for offset in [0, offset, offset % (32 << 20)] {
                let read =
                    ReadArgs { key: key.clone(), offset, length: Some(length % 100_000), revision: None };
                self.answered(store.read_into(&read, &mut buffer));
            }
        }
        self.answered(store.read(&ReadArgs {
            key: KEYS[3].into(),
            offset,
            length: Some(length),
            revision: Some(length),
        }));
        self.answered(store.get(KEYS[2]));
        self.answered(store.get_many(&keys));
        self.answered(store.get_many(&KEYS[..3]));
    }

    fn log(&mut self) {
        let (store, arguments) = (self.store, self.arguments);
        let info = store.log_info();
        self.answered(store.read_last(arguments.length));
        self.answered(store.read_last(3));
        for from in [0, 64, info.length.saturating_sub(3), arguments.offset] {
            self.answered(store.read_log(&ReadLogArgs { from, limit: Some(arguments.limit) }));
        }
    }

    fn uploads(&mut self) {
        let (store, now_ns) = (self.store, self.arguments.now_ns.unwrap_or(MADE_NS));
        for id in [1, 2, 3, 4, 5, self.arguments.id] {
            self.answered(store.upload_status(id, &ADMIN, now_ns));
        }
        self.answered(store.list_uploads(&ADMIN, now_ns));
    }

    fn regions(&mut self) {
        let (store, arguments) = (self.store, self.arguments);
        let &Arguments { offset, length, .. } = arguments;
        self.answered(store.region_list(&ADMIN));
        let mut buffer = vec![0; MAX_REPLY_BYTES as usize];
        for id in [16, 17, 18, arguments.id] {
            self.answered(store.region_info(id, &ADMIN));
            for offset in [offset % (1 << 17), offset] {
                self.answered(store.region_load_blob_into(id, offset, length, &mut buffer, &ADMIN));
                self.answered(store.region_load_blob_into(id, offset, length % 1_000, &mut buffer, &ADMIN));
                let loads = [RegionType::Float, RegionType::Blob(length), RegionType::Int8];
                let loads = loads.map(|kind| RegionLoad { offset, kind });
                self.answered(store.region_load(id, &loads, &ADMIN));
            }
        }
    }

    fn operator(&mut self) {
        let store = self.store;
        self.answered(store.status(HostFacts::default()));
        let _ = store.config();
        self.answered(store.list_roles());
        for byte in 0..5 {
            self.answered(store.role(&Principal::from_slice(&[byte; 9])));
        }
    }
}
