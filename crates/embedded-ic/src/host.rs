//! The host: the committed state, and what executes messages against it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use candid::Principal;

use crate::allocator::keep_freed_memory;
use crate::committed::Committed;
use crate::config::{Config, check_controllers};
use crate::error::HostError;
use crate::fault::Fault;
use crate::folder::{Access, Folder, Opened};
use crate::heap::HeapImage;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::log::Log;
use crate::module::{ModuleLimits, Prepared, keep_compiled_modules, prepared};
use crate::notice::Notice;
use crate::outcome::LogRecord;
use crate::queries::{Gate, Owner, Published, max_concurrent};
use crate::signer::{Certifier, Keyring};
use crate::space;
use crate::stable::{MemoryStore, PageStore, StableFault, StableMemory};
use crate::system_api::CanisterEnv;

/// Internet Computer with one canister, in this process.
///
/// Messages are executed in sequence on the calling thread, which needs 2 MiB of stack, the default of Rust. A host is
/// `Send`; sharing it between threads needs a lock. [`Self::queries`] runs queries on other threads at the same time.
pub struct EmbeddedIc {
    /// Dropped first: queries use all the rest.
    pub(crate) gate: Owner,
    pub(crate) limits: Arc<Limits>,
    pub(crate) committed: Committed,
    pub(crate) module: Option<Arc<Prepared>>,
    pub(crate) heap: HeapImage,
    /// Lent to a message while it runs.
    pub(crate) stable: Option<StableMemory>,
    /// The instance of the committed state, if one exists.
    pub(crate) instance: Option<Instance>,
    pub(crate) folder: Option<Folder>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) query_print: Option<fn(&[u8])>,
    /// Reason why the host can no longer be used.
    pub(crate) poisoned: Option<String>,
}

impl std::fmt::Debug for EmbeddedIc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedIc")
            .field("canister_id", &self.canister_id().to_text())
            .field("module_hash", &self.committed.module)
            .field("heap_pages", &self.heap_pages())
            .field("stable_pages", &self.stable_pages())
            .finish_non_exhaustive()
    }
}

impl EmbeddedIc {
    /// Creates a host in memory, with an empty canister.
    ///
    /// # Errors
    /// `BadConfig` for an invalid configuration, `Io` if the operating system provides no memory.
    pub fn new(config: Config) -> Result<Self, HostError> {
        config.check()?;
        keep_freed_memory();
        keep_compiled_modules(config.compilation_cache.as_deref(), config.compilation_notice);
        let heap = HeapImage::in_memory().map_err(HostError::io("allocate memory for the heap"))?;
        let stable = StableMemory::new(Box::new(MemoryStore::default()), 0);
        let this = Self {
            gate: Owner(Gate::new(max_concurrent())),
            query_print: config.query_print,
            committed: empty(&config),
            limits: Arc::new(config.limits),
            module: None,
            heap,
            stable: Some(stable),
            instance: None,
            folder: None,
            keyring: Arc::default(),
            poisoned: None,
        };
        this.publish();
        Ok(this)
    }

    /// Creates a host whose state is in a new folder. The folder is created if it does not exist.
    ///
    /// # Errors
    /// `FolderExists` if there is something at the path, `FolderInUse`, `BadConfig`, `Io`.
    pub fn create_dir(path: &Path, config: Config) -> Result<Self, HostError> {
        config.check()?;
        Folder::create(path, &empty(&config))?;
        Self::open_dir(path, config)
    }

    /// Opens a host with the state of a folder. Identity, controllers, time and cycles come from the folder. Only the limits,
    /// the sync policy and the cache of compiled modules come from the configuration.
    ///
    /// A folder without write permission is opened read-only: queries are answered, and changes return `ReadOnly`. So is a folder
    /// whose disk has no space to apply its journal, except that changes are attempted. See [`Self::notices`].
    ///
    /// # Errors
    /// `NotAFolder`, `FolderInUse`, `UnknownVersion`, `Damaged`, `Io`; `Engine` if the module no longer compiles.
    pub fn open_dir(path: &Path, config: Config) -> Result<Self, HostError> {
        let access = if config.read_only { Access::Read } else { Access::Write };
        Self::open_with(path, config, access)
    }

    /// Returns whether a folder has the state of a canister. It is not opened, so the state may be corrupt.
    pub fn is_dir(path: &Path) -> bool {
        Folder::is_at(path)
    }

    pub(crate) fn open_with(path: &Path, config: Config, access: Access) -> Result<Self, HostError> {
        keep_freed_memory();
        keep_compiled_modules(config.compilation_cache.as_deref(), config.compilation_notice);
        let Opened { folder, committed, heap, stable, module, .. } = Folder::open(path, config.sync, access)?;
        let limits = Arc::new(config.limits);
        let module = match module {
            Some(wasm) => Some(
                prepared(&wasm, &ModuleLimits::from(&*limits))
                    .map_err(|fault| HostError::Engine(fault.to_string()))?,
            ),
            None => None,
        };
        let keyring = Keyring::in_folder(path.to_owned(), folder.writable().is_ok());
        let this = Self {
            gate: Owner(Gate::new(max_concurrent())),
            query_print: config.query_print,
            limits,
            committed,
            module,
            heap,
            stable: Some(stable),
            instance: None,
            folder: Some(folder),
            keyring: Arc::new(keyring),
            poisoned: None,
        };
        this.publish();
        Ok(this)
    }

    /// Closes the host. A state folder is forced to the disk and can be opened again.
    ///
    /// Dropping a host does not lose an answered message either.
    ///
    /// # Errors
    /// `Io` if the disk fails; all answered messages are still in the journal then.
    pub fn close(mut self) -> Result<(), HostError> {
        self.usable()?;
        self.checkpoint()
    }

    /// Returns notices for the user who opened the folder. Empty for a host in memory.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        self.folder.as_ref().map_or(&[], Folder::notices)
    }

    /// Returns the free bytes on the disk of the folder, for this user; `None` for a host in memory.
    ///
    /// # Errors
    /// `Io` if the operating system does not provide the number.
    pub fn free_disk_bytes(&self) -> Result<Option<u64>, HostError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let free = space::free_bytes(folder.path());
        free.map(Some)
            .map_err(HostError::io(format!("determine the free space of {}", folder.path().display())))
    }

    /// Returns the error that a message writing `bytes` new bytes would get if they do not fit on the disk of the folder.
    ///
    /// # Errors
    /// `DiskFull` with the missing bytes; `Io` if the operating system does not provide the number.
    pub fn check_room(&self, bytes: u64) -> Result<(), HostError> {
        match (&self.folder, self.free_disk_bytes()?) {
            (Some(folder), Some(free)) if free < bytes => Err(space::disk_full(folder.path(), bytes)),
            _ => Ok(()),
        }
    }

    /// Returns the id of the canister.
    #[must_use]
    pub fn canister_id(&self) -> Principal {
        self.committed.env.canister_id
    }

    /// Returns the controllers of the canister.
    #[must_use]
    pub fn controllers(&self) -> &[Principal] {
        &self.committed.env.controllers
    }

    /// Sets the controllers: 1 to 10 principals. Increments the canister version.
    ///
    /// # Errors
    /// `BadConfig` for too few or too many; `Io`.
    pub fn set_controllers(&mut self, controllers: Vec<Principal>) -> Result<(), HostError> {
        check_controllers(&controllers)?;
        let mut env = self.committed.env.clone();
        env.controllers = controllers;
        env.version += 1;
        self.set_env(env)
    }

    /// Starts or stops the canister. A stopped canister answers neither updates nor queries, but can be upgraded.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_running(&mut self, running: bool) -> Result<(), HostError> {
        let mut env = self.committed.env.clone();
        env.running = running;
        env.version += 1;
        self.set_env(env)
    }

    /// Whether the canister is running, and not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.committed.env.running
    }

    /// The time that the canister sees, in nanoseconds since 1970.
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.committed.env.time_ns
    }

    /// Sets the time of the canister, in nanoseconds since 1970. It is stored in a folder with the next message.
    pub fn set_time_ns(&mut self, time_ns: u64) {
        self.committed.env.time_ns = time_ns;
        self.publish();
    }

    /// Advances the time of the canister.
    pub fn advance_time(&mut self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.set_time_ns(self.committed.env.time_ns.saturating_add(by));
    }

    /// Returns the canister log, oldest record first: printed lines and traps of updates and installs, at most 4 KiB.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        self.committed.log.records.iter().cloned().collect()
    }

    /// Returns the certified data, at most 32 bytes.
    #[must_use]
    pub fn certified_data(&self) -> &[u8] {
        &self.committed.env.certified_data
    }

    /// Returns the balance of cycles.
    #[must_use]
    pub fn cycles(&self) -> u128 {
        self.committed.env.cycles
    }

    /// Returns the value of `ic0.canister_version`.
    #[must_use]
    pub fn canister_version(&self) -> u64 {
        self.committed.env.version
    }

    /// Returns the size of stable memory in wasm pages of 64 KiB.
    #[must_use]
    pub fn stable_pages(&self) -> u64 {
        self.committed.stable_pages
    }

    /// Returns the size of the heap in wasm pages of 64 KiB.
    #[must_use]
    pub fn heap_pages(&self) -> u64 {
        self.committed.heap_pages
    }

    /// Returns whether the canister has a module.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.module.is_some()
    }

    /// Returns the SHA-256 of the module as it was given, compressed or not.
    #[must_use]
    pub fn module_hash(&self) -> Option<[u8; 32]> {
        self.committed.module
    }

    /// Returns the bytes that stable memory takes in memory or, in a folder, on the disk. Unwritten pages take none.
    #[must_use]
    pub fn resident_stable_bytes(&self) -> u64 {
        self.stable.as_ref().and_then(|stable| stable.store().resident_bytes().ok()).unwrap_or(0)
    }

    /// Reads committed stable memory.
    ///
    /// # Errors
    /// `OutOfRange` beyond its size, `Io`.
    pub fn read_stable(&self, offset: u64, dst: &mut [u8]) -> Result<(), HostError> {
        read_stable(self.stable()?, offset, dst)
    }

    /// Creates an empty store for stable memory that is to replace the current one.
    pub(crate) fn new_store(&self) -> Result<Box<dyn PageStore>, HostError> {
        match &self.folder {
            Some(folder) => Ok(Box::new(folder.new_store()?)),
            None => Ok(Box::new(MemoryStore::default())),
        }
    }

    pub(crate) fn stable(&self) -> Result<&StableMemory, HostError> {
        self.stable.as_ref().ok_or_else(|| HostError::Poisoned("stable memory was lost in a panic".into()))
    }

    /// Shows the committed state to the next queries. Heap and stable memory have not changed since it was last published.
    pub(crate) fn publish(&self) {
        let Ok(stable) = self.stable() else { return };
        let published = Published {
            module: self.module.as_ref(),
            heap: self.heap.view(),
            stable: stable.versions(),
            scratch: self.scratch(self.module.as_deref()),
        };
        self.gate.0.commit().publish(&self.committed, published);
    }

    /// Makes the host and its queries refuse to continue.
    pub(crate) fn poison(&mut self, why: &HostError) {
        let why = why.to_string();
        self.gate.0.fail(&why);
        self.poisoned = Some(why);
    }

    /// Returns an error after a failure that may have left memory and disk inconsistent.
    pub(crate) fn usable(&self) -> Result<(), HostError> {
        self.stable()?;
        self.poisoned.as_ref().map_or(Ok(()), |why| Err(HostError::Poisoned(why.clone())))
    }

    /// Returns an error if nothing may be changed.
    pub(crate) fn changeable(&self) -> Result<(), HostError> {
        self.usable()?;
        self.folder.as_ref().map_or(Ok(()), Folder::writable)
    }

    /// Returns what creates the data certificate of a query.
    pub(crate) fn certifier(&self) -> Certifier {
        Certifier { keyring: Arc::clone(&self.keyring), module: self.module.clone() }
    }

    /// Converts a fault of the canister to the error for the caller.
    pub(crate) fn failed(&self, fault: Fault, instructions: u64) -> crate::error::CallError {
        fault.into_call_error(self.canister_id(), instructions)
    }
}

/// Reads stable memory for a caller outside the canister.
pub(crate) fn read_stable(stable: &StableMemory, offset: u64, dst: &mut [u8]) -> Result<(), HostError> {
    stable.peek(offset, dst).map_err(|fault| match fault {
        StableFault::Io(error) => HostError::io("read stable memory")(error),
        _ => HostError::OutOfRange {
            offset,
            end: offset.saturating_add(dst.len() as u64),
            size: stable.bytes(),
        },
    })
}

/// Returns the state of a new canister.
fn empty(config: &Config) -> Committed {
    Committed {
        env: CanisterEnv {
            canister_id: config.canister_id,
            controllers: config.controllers.clone(),
            time_ns: config.initial_time_ns,
            version: 0,
            certified_data: Vec::new(),
            global_timer_ns: 0,
            cycles: config.cycles,
            running: true,
        },
        log: Log::default(),
        module: None,
        globals: Vec::new(),
        heap_pages: 0,
        stable_pages: 0,
    }
}
