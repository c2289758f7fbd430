//! The store: everything behind one header, opened from a memory and written through.

use ic_stable_structures::Memory;
use storage_api::limits::{MAX_STABLE_BYTES, MIN_CAPACITY_BYTES};
use storage_api::{Error, InitArgs};

use crate::arena::Arena;
use crate::header::Header;
use crate::layout::{ARENA, FIRST_BUCKET_PAGE, LOG, LOG_INDEX, OBJECTS, UPLOADS};
use crate::ledger::Ledger;
use crate::log::Log;
use crate::objects::{INLINE_LIMIT, Index, MAX_INDEX_ENTRY_BYTES, MAX_INLINE_LIMIT};
use crate::open::OpenError;
use crate::space::{Demand, Slots, Space, StoreMemory};
use crate::uploads::Uploads;

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

/// Objects and a log in one memory.
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
        let (header, ledger) = (Header::new(MAX_STABLE_BYTES), Ledger::default());
        header.write(&memory);
        ledger.write(&memory);
        Self::over(Space::format(memory), header, ledger, options)
    }

    fn load(memory: M, options: Options) -> Result<Self, OpenError> {
        let header = Header::read(&memory)?;
        let ledger = Ledger::read(&memory)?;
        Self::over(Space::load(memory)?, header, ledger, options)
    }

    /// The stores of a memory whose header is good. Each of them checks its own head and reads nothing else.
    fn over(space: Space<M>, header: Header, ledger: Ledger, options: Options) -> Result<Self, OpenError> {
        Ok(Self {
            options,
            header,
            ledger,
            index: Index::open(space.memory(OBJECTS), "object index", MAX_INDEX_ENTRY_BYTES)?,
            arena: Arena::new(space.memory(ARENA)),
            log: Log::open(space.memory(LOG), space.memory(LOG_INDEX))?,
            uploads: Uploads::open(space.memory(UPLOADS))?,
            space,
        })
    }

    /// Writes the header with the seal: the last thing that `pre_upgrade` does, and the only one it needs to.
    pub fn seal(&mut self) {
        self.write_header(Header { sealed: true, ..self.header });
    }

    /// Counts an upgrade and takes the seal off: for `post_upgrade`. `open_instructions` is what opening cost.
    pub fn record_upgrade(&mut self, open_instructions: u64) {
        let Header { sealed, upgrades, .. } = self.header;
        self.write_header(Header {
            upgrades: upgrades + 1,
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

    /// Applies what `init` or `post_upgrade` was given. What is absent stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a capacity below the least that a store can work with. A capacity below what is in
    /// use is allowed: it stops growth and loses nothing.
    pub fn configure(&mut self, args: &InitArgs) -> Result<(), Error> {
        let Some(capacity) = args.capacity else { return Ok(()) };
        if capacity < MIN_CAPACITY_BYTES {
            return Err(Error::invalid(format!(
                "the capacity is {capacity} bytes; it must be at least {MIN_CAPACITY_BYTES}"
            )));
        }
        self.write_header(Header { capacity, ..self.header });
        Ok(())
    }

    /// Makes sure of pages for a change after which the arena has so many free slots, if it touches the arena, and so many
    /// are promised to uploads.
    pub(crate) fn ensure_pages(
        &self,
        demands: &[Demand<'_, StoreMemory<M>>],
        slots_after: Option<u64>,
        reserved_after: u64,
    ) -> Result<(), Error> {
        let reserved = self.ledger.reserved_slots;
        let (before, after) = if reserved.max(reserved_after) == 0 {
            // Nothing is promised, so it does not matter how many slots there are.
            (Slots::default(), Slots::default())
        } else {
            let free = self.arena.slots()?;
            let after = Slots { free: slots_after.unwrap_or(free), reserved: reserved_after };
            (Slots { free, reserved }, after)
        };
        self.space.ensure(self.header.capacity, demands, before, after)
    }

    fn write_header(&mut self, header: Header) {
        header.write(self.space.raw());
        self.header = header;
    }

    pub(crate) fn write_ledger(&mut self, ledger: Ledger) {
        ledger.write(self.space.raw());
        self.ledger = ledger;
    }
}
