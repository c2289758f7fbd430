//! The store: everything behind one header, opened from a memory and written through.

use ic_stable_structures::Memory;
use storage_api::Error;

use crate::arena::Arena;
use crate::counters::{COUNTERS_BYTES, Counters};
use crate::header::{HEADER_BYTES, Header};
use crate::layout::{ARENA, FIRST_BUCKET_PAGE, LOG, LOG_INDEX, LOG_MARK_AT, OBJECTS};
use crate::ledger::Ledger;
use crate::log::{Log, MARK_BYTES};
use crate::objects::{Extents, INLINE_LIMIT, Index, MAX_INLINE_LIMIT};
use crate::open::OpenError;
use crate::regions::Regions;
use crate::roles::Roles;
use crate::space::{Demand, Promised, Space, StoreMemory};
use crate::uploads::Uploads;

/// What an upgrade writes to stable memory, in bytes, however much is stored: the header and the counters.
pub const UPGRADE_BYTES: u64 = (HEADER_BYTES + COUNTERS_BYTES + MARK_BYTES) as u64;

/// Inner pages of the object index that are read when a store is opened, because queries cannot keep what they read. Some
/// 4,300 instructions each.
const WARM_PAGES: usize = 8;

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
    pub(crate) options: Options,
    pub(crate) header: Header,
    pub(crate) ledger: Ledger,
    pub(crate) space: Space<M>,
    pub(crate) index: Index<StoreMemory<M>>,
    pub(crate) arena: Arena<StoreMemory<M>>,
    pub(crate) log: Log<StoreMemory<M>>,
    pub(crate) uploads: Uploads<StoreMemory<M>>,
    pub(crate) roles: Roles<StoreMemory<M>>,
    pub(crate) regions: Regions<StoreMemory<M>>,
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
        store.index.warm(WARM_PAGES);
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
            options,
            header,
            ledger,
            index: space.map(OBJECTS, "object index")?,
            arena: Arena::new(space.memory(ARENA)),
            log: Log::open(space.memory(LOG), space.memory(LOG_INDEX), sealed_mark(&space, &header))?,
            uploads: Uploads::open(&space)?,
            roles: Roles::open(&space)?,
            regions: Regions::open(&space)?,
            counters,
            space,
        })
    }

    /// Writes the counters, the end of the log and the header with the seal: all that `pre_upgrade` does. Where it is
    /// skipped, the counts since the last seal are lost, and the end of the log has to be looked for.
    pub fn seal(&mut self) {
        self.counters.write(self.space.raw());
        self.space.raw().write(LOG_MARK_AT, &self.log.mark());
        self.write_header(Header { sealed: true, ..self.header });
    }

    /// Counts an upgrade and takes the seal off: for `post_upgrade`. `open_instructions` is what opening cost.
    pub fn record_upgrade(&mut self, open_instructions: u64) {
        let Header { sealed, upgrades, .. } = self.header;
        self.write_header(Header {
            upgrades: upgrades.saturating_add(1),
            open_instructions,
            last_was_sealed: sealed,
            sealed: false,
            ..self.header
        });
    }

    /// Records what opening cost at the first install.
    pub fn record_install(&mut self, open_instructions: u64) {
        self.write_header(Header { open_instructions, ..self.header });
    }

    /// Makes sure of the pages that the memories in `demands` and the arena grow by, where so much is promised to uploads
    /// afterwards. Where others need the arena's free end, that becomes a part of the change of the arena.
    pub(crate) fn ensure_pages(
        &self,
        demands: &[Demand<'_, StoreMemory<M>>],
        extents: &mut Extents<'_, StoreMemory<M>>,
        after: Promised,
    ) -> Result<(), Error> {
        // What most changes are: nothing grows, and nothing is promised.
        let is_nothing_promised =
            after.is_nothing() && self.ledger.reserved_slots == 0 && self.uploads.len() == 0;
        if is_nothing_promised && !extents.has_begun() && demands.iter().all(|demand| demand.pages == 0) {
            return Ok(());
        }
        let before = self.promised();
        // Where nothing is promised, it does not matter how many slots there are.
        let matters = before.slots.max(after.slots) > 0;
        let before = Promised { free_slots: if matters { self.arena.slots()? } else { 0 }, ..before };
        let mut demands = demands.to_vec();
        demands.push(extents.demand());
        let mut first = None;
        loop {
            let free_slots = extents.slots().unwrap_or(before.free_slots);
            let after = Promised { free_slots, ..after };
            let capacity = self.header.config.capacity;
            match self.space.ensure(capacity, &demands, extents.returned(), before, after) {
                Ok(()) => return Ok(()),
                Err(shortage) if extents.shrink(shortage.missing)? => _ = first.get_or_insert(shortage),
                Err(shortage) => return Err(first.unwrap_or(shortage).into()),
            }
        }
    }

    /// The same for a change that has nothing to do with the arena.
    pub(crate) fn ensure_demands(&self, demands: &[Demand<'_, StoreMemory<M>>]) -> Result<(), Error> {
        let mut extents = Extents::of(&self.arena);
        self.ensure_pages(demands, &mut extents, self.promised())?;
        extents.commit();
        Ok(())
    }

    /// What uploads have been promised, but for the free slots.
    pub(crate) fn promised(&self) -> Promised {
        self.promised_with(self.index.begin().unused_pages())
    }

    /// The same where the index has so many pages to spare, for a change that knows it.
    pub(crate) fn promised_with(&self, index_pages: u64) -> Promised {
        let (slots, uploads) = (self.ledger.reserved_slots, self.uploads.len());
        Promised { free_slots: 0, slots, uploads, index_pages }
    }

    /// How many more buckets any one store can take.
    pub(crate) fn free_buckets(&self) -> Result<u64, Error> {
        let promised = Promised { free_slots: self.arena.slots()?, ..self.promised() };
        Ok(self.space.free_buckets(self.header.config.capacity, 0, promised))
    }

    pub(crate) fn write_header(&mut self, header: Header) {
        header.write(self.space.raw());
        self.header = header;
    }

    pub(crate) fn write_ledger(&mut self, ledger: Ledger) {
        ledger.write(self.space.raw());
        self.ledger = ledger;
    }
}

/// The mark at the end of the log, where the store was sealed.
fn sealed_mark<M: Memory + Clone>(space: &Space<M>, header: &Header) -> Option<[u8; MARK_BYTES]> {
    let mut mark = [0; MARK_BYTES];
    space.raw().read(LOG_MARK_AT, &mut mark);
    header.sealed.then_some(mark)
}
