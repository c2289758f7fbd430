//! The store: all structures of one memory, opened from its header. Every change is written through.

mod certified;
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

use crate::base::layout::{BucketSize, FIRST_BUCKET_PAGE, LOG, LOG_INDEX, LOG_MARK_AT};
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
use crate::subjects::scopes::Scopes;
use crate::subjects::uploads::Uploads;

/// Bytes that an upgrade writes to stable memory: the header, the counters and the mark of the log's end. The
/// number does not depend on how much is stored.
pub const UPGRADE_BYTES: u64 = (HEADER_BYTES + COUNTERS_BYTES + MARK_BYTES) as u64;

/// Inner pages of the object index that are read when a store is opened, because queries cannot keep the
/// pages they read. Each costs about 4,300 instructions.
const WARM_PAGES: usize = 8;

pub use status::HostFacts;

/// Options for opening a store. They can differ each time, because none of them is part of the format.
///
/// ```
/// use storage_engine::{Options, Put, Store, VectorMemory};
///
/// // Every value that is not empty is stored in the arena.
/// let options = Options { inline_limit: 0, ..Options::default() };
/// let mut store = Store::open_with(VectorMemory::default(), options)?;
/// store.put(Put::new("key", b"value"), 0)?;
/// assert_eq!(store.check().extents, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Largest size in bytes of a value that is stored inline in the index; larger values go to the arena. At
    /// most 4,096.
    pub inline_limit: u64,
    /// Size of the buckets, for an empty memory. An existing store keeps its size.
    pub bucket_size: BucketSize,
}

impl Default for Options {
    fn default() -> Self {
        Self { inline_limit: INLINE_LIMIT, bucket_size: BucketSize::LARGEST }
    }
}

/// Objects, a log and regions in one memory.
///
/// A method that returns an error has changed nothing. A canister opens a store once, in `init` and
/// `post_upgrade`, and keeps it for all messages: the heap holds no state that the memory does not hold.
pub struct Store<M: Memory> {
    pub(crate) core: Core<M>,
    pub(crate) log: Log<StoreMemory<M>>,
    pub(crate) roles: Roles<StoreMemory<M>>,
    regions: RegionRecords<StoreMemory<M>>,
    scopes: Scopes,
    /// Counters of calls and errors: the only state that exists on the heap alone between two messages.
    pub(crate) counters: Counters,
}

impl<M: Memory + Clone> Store<M> {
    /// Opens a store: formats an empty memory, or loads the store that the memory contains.
    ///
    /// # Errors
    ///
    /// An [`OpenError`] for any other memory, which is left unchanged.
    pub fn open(memory: M) -> Result<Self, OpenError> {
        Self::open_with(memory, Options::default())
    }

    /// Opens a store with options.
    ///
    /// # Errors
    ///
    /// The same as for [`open`](Self::open).
    pub fn open_with(memory: M, options: Options) -> Result<Self, OpenError> {
        let options = Options { inline_limit: options.inline_limit.min(MAX_INLINE_LIMIT), ..options };
        if memory.size() == 0 { Self::format(memory, options) } else { Self::load(memory, options) }
    }

    fn format(memory: M, options: Options) -> Result<Self, OpenError> {
        if memory.grow(FIRST_BUCKET_PAGE) < 0 {
            return Err(OpenError::OutOfMemory { pages: FIRST_BUCKET_PAGE });
        }
        let (header, ledger) = (Header::new(options.bucket_size), Ledger::default());
        header.write(&memory);
        ledger.write(&memory);
        Self::over(Space::format(memory, options.bucket_size), header, ledger, Counters::default(), options)
    }

    fn load(memory: M, options: Options) -> Result<Self, OpenError> {
        let header = Header::read(&memory)?;
        let ledger = Ledger::read(&memory)?;
        let counters = Counters::read(&memory)?;
        let space = Space::load(memory)?;
        if space.bucket_size() != header.bucket_size {
            return Err(OpenError::damaged("header and bucket table have different bucket sizes", 0));
        }
        let store = Self::over(space, header, ledger, counters, options)?;
        store.core.index.warm(WARM_PAGES);
        Ok(store)
    }

    /// Opens the structures of a memory whose header is valid. Each structure reads and checks only its own
    /// header.
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
                space.bucket_size().pages(),
            )?,
            roles: Roles::open(&space)?,
            regions: crate::subjects::regions::open(&space)?,
            scopes: Scopes::default(),
            counters,
            core: Core::open(space, header, ledger, options.inline_limit)?,
        })
    }

    pub(crate) fn objects(&self) -> Objects<'_, M> {
        Objects { core: &self.core, scopes: &self.scopes }
    }

    pub(crate) fn uploads(&self) -> Uploads<'_, M> {
        Uploads { core: &self.core, scopes: &self.scopes }
    }

    pub(crate) fn regions(&self) -> Regions<'_, M> {
        Regions { core: &self.core, records: &self.regions }
    }

    /// Counts a call of a method by its result. `method` is the index of the method in
    /// [`METHODS`](stable_storage_api::METHODS).
    ///
    /// # Panics
    ///
    /// Panics if `method` is out of range.
    pub fn count<T>(&mut self, method: usize, result: &Result<T, Error>) {
        self.counters.count(method, result);
    }

    /// Returns the number of objects.
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

    /// Returns whether there are no objects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the counters, the end of the log, and a header that marks a clean shutdown. Call it in
    /// `pre_upgrade`; nothing else is needed there. If it is skipped, the counts since the last clean
    /// shutdown are lost, and opening has to search for the end of the log.
    pub fn seal(&mut self) {
        self.counters.write(self.core.space.raw());
        self.core.space.raw().write(LOG_MARK_AT, &self.log.mark());
        self.core.set_header(Header { sealed: true, ..self.core.header() });
    }

    /// Counts an upgrade and removes the clean-shutdown mark. Call it in `post_upgrade`. `open_instructions`
    /// is the cost of opening.
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

    /// Records the cost of opening at the first install.
    pub fn record_install(&mut self, open_instructions: u64) {
        self.core.set_header(Header { open_instructions, ..self.core.header() });
    }
}

/// Returns the stored mark of the log's end if the shutdown was clean.
fn sealed_mark<M: Memory + Clone>(space: &Space<M>, header: &Header) -> Option<[u8; MARK_BYTES]> {
    let mut mark = [0; MARK_BYTES];
    space.raw().read(LOG_MARK_AT, &mut mark);
    header.sealed.then_some(mark)
}
