//! The store: everything behind one header, opened from a memory and written through.

mod check;
mod config;
mod log;
mod objects;
mod regions;
mod repair;
mod roles;
mod status;
mod uploads;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::base::layout::{BUCKET_PAGES, FIRST_BUCKET_PAGE, LOG, LOG_INDEX, LOG_MARK_AT};
use crate::base::open::OpenError;
use crate::core::Core;
use crate::core::counters::{COUNTERS_BYTES, Counters};
use crate::core::header::{HEADER_BYTES, Header};
use crate::core::ledger::Ledger;
use crate::memory::space::{Space, StoreMemory};
use crate::structures::log::{Log, MARK_BYTES};
use crate::subjects::objects::{INLINE_LIMIT, MAX_INLINE_LIMIT, Objects};
use crate::subjects::regions::{RegionRecords, Regions};
use crate::subjects::roles::Roles;
use crate::subjects::uploads::Uploads;

/// What an upgrade writes to stable memory, in bytes, however much is stored: the header and the counters.
pub const UPGRADE_BYTES: u64 = (HEADER_BYTES + COUNTERS_BYTES + MARK_BYTES) as u64;

/// Inner pages of the object index that are read when a store is opened, because queries cannot keep what they read. Some
/// 4,300 instructions each.
const WARM_PAGES: usize = 8;

pub use status::HostFacts;

/// What can be chosen when a store is opened. It may be chosen anew each time: nothing of it is part of the format.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Values of at most this many bytes are stored inline in the index; larger ones in the arena. At most 4,096.
    pub inline_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { inline_limit: INLINE_LIMIT }
    }
}

/// Objects, a log and regions in one memory.
///
/// Every method that returns an error has changed nothing. On a canister, a store is opened once in `init` and
/// `post_upgrade`, and kept for all messages: the heap only holds what the memory holds too.
pub struct Store<M: Memory> {
    pub(crate) core: Core<M>,
    pub(crate) log: Log<StoreMemory<M>>,
    pub(crate) roles: Roles<StoreMemory<M>>,
    regions: RegionRecords<StoreMemory<M>>,
    /// What has been counted, the only state that is on the heap alone between two messages.
    pub(crate) counters: Counters,
}

impl<M: Memory + Clone> Store<M> {
    /// Opens a memory: an empty one is formatted, a store is loaded.
    ///
    /// # Errors
    ///
    /// An [`OpenError`] for anything else; the memory is untouched then.
    pub fn open(memory: M) -> Result<Self, OpenError> {
        Self::open_with(memory, Options::default())
    }

    /// Opens a memory with options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(memory: M, options: Options) -> Result<Self, OpenError> {
        let options = Options { inline_limit: options.inline_limit.min(MAX_INLINE_LIMIT) };
        if memory.size() == 0 { Self::format(memory, options) } else { Self::load(memory, options) }
    }

    fn format(memory: M, options: Options) -> Result<Self, OpenError> {
        if memory.grow(FIRST_BUCKET_PAGE) < 0 {
            return Err(OpenError::OutOfMemory { pages: FIRST_BUCKET_PAGE });
        }
        let (header, ledger) = (Header::new(), Ledger::default());
        header.write(&memory);
        ledger.write(&memory);
        Self::over(Space::format(memory), header, ledger, Counters::default(), options)
    }

    fn load(memory: M, options: Options) -> Result<Self, OpenError> {
        let header = Header::read(&memory)?;
        let ledger = Ledger::read(&memory)?;
        let counters = Counters::read(&memory)?;
        let store = Self::over(Space::load(memory)?, header, ledger, counters, options)?;
        store.core.index.warm(WARM_PAGES);
        Ok(store)
    }

    /// The stores of a memory whose header is good. Each of them checks its own head and reads nothing else.
    fn over(
        space: Space<M>,
        header: Header,
        ledger: Ledger,
        counters: Counters,
        options: Options,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            log: Log::open_at(
                space.memory(LOG),
                space.memory(LOG_INDEX),
                sealed_mark(&space, &header),
                BUCKET_PAGES,
            )?,
            roles: Roles::open(&space)?,
            regions: crate::subjects::regions::open(&space)?,
            counters,
            core: Core::open(space, header, ledger, options.inline_limit)?,
        })
    }

    pub(crate) fn objects(&self) -> Objects<'_, M> {
        Objects { core: &self.core }
    }

    pub(crate) fn uploads(&self) -> Uploads<'_, M> {
        Uploads { core: &self.core }
    }

    pub(crate) fn regions(&self) -> Regions<'_, M> {
        Regions { core: &self.core, records: &self.regions }
    }

    /// Counts how a call of a method went. `method` is its place in [`METHODS`](stable_storage_api::METHODS).
    ///
    /// # Panics
    ///
    /// Where there is no such method.
    pub fn count<T>(&mut self, method: usize, result: &Result<T, Error>) {
        self.counters.count(method, result);
    }

    /// How many objects there are.
    ///
    /// ```
    /// use storage_engine::{Error, ListArgs, Put, Store, VectorMemory};
    ///
    /// let mut store = Store::open(VectorMemory::default())?;
    /// for key in ["a/1", "a/2", "b/1"] {
    ///     store.put(Put::new(key, b"value"), 0)?;
    /// }
    /// assert_eq!(store.len(), 3);
    /// let last_first = store.list(&ListArgs::prefix("a/").descending())?;
    /// assert_eq!(last_first.objects[0].key, "a/2");
    /// assert_eq!(store.get("c"), Err(Error::NotFound));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.core.index.len()
    }

    /// Whether there are no objects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the counters, the end of the log and the header with the seal: all that `pre_upgrade` does. Where it is
    /// skipped, the counts since the last seal are lost, and the end of the log has to be looked for.
    pub fn seal(&mut self) {
        self.counters.write(self.core.space.raw());
        self.core.space.raw().write(LOG_MARK_AT, &self.log.mark());
        self.core.set_header(Header { sealed: true, ..self.core.header() });
    }

    /// Counts an upgrade and takes the seal off: for `post_upgrade`. `open_instructions` is what opening cost.
    pub fn record_upgrade(&mut self, open_instructions: u64) {
        let Header { sealed, upgrades, .. } = self.core.header();
        self.core.set_header(Header {
            upgrades: upgrades.saturating_add(1),
            open_instructions,
            last_was_sealed: sealed,
            sealed: false,
            ..self.core.header()
        });
    }

    /// Records what opening cost at the first install.
    pub fn record_install(&mut self, open_instructions: u64) {
        self.core.set_header(Header { open_instructions, ..self.core.header() });
    }
}

/// The mark at the end of the log, where the store was sealed.
fn sealed_mark<M: Memory + Clone>(space: &Space<M>, header: &Header) -> Option<[u8; MARK_BYTES]> {
    let mut mark = [0; MARK_BYTES];
    space.raw().read(LOG_MARK_AT, &mut mark);
    header.sealed.then_some(mark)
}
