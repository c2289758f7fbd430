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
use crate::signer::{Certifier, Keyring};
use crate::space;
use crate::stable::{MemoryStore, PageStore, StableFault, StableMemory};
use crate::system_api::World;

/// An Internet Computer with one canister, in this process.
///
/// Messages run one after the other on the calling thread, which needs 2 MiB of stack, as every thread of Rust has.
/// A host is `Send`; it is not shared between threads without a lock.
pub struct EmbeddedIc {
    pub(crate) limits: Arc<Limits>,
    pub(crate) committed: Committed,
    pub(crate) module: Option<Arc<Prepared>>,
    pub(crate) heap: HeapImage,
    /// Lent to the message while one runs.
    pub(crate) stable: Option<StableMemory>,
    /// The instance of the committed state, if there is one already.
    pub(crate) instance: Option<Instance>,
    pub(crate) folder: Option<Folder>,
    pub(crate) keyring: Arc<Keyring>,
    /// Why the host can no longer be used.
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
    /// A host in memory, with an empty canister.
    ///
    /// # Errors
    /// `BadConfig` for settings that no canister has, `Io` if the operating system gives no memory.
    pub fn new(config: Config) -> Result<Self, HostError> {
        config.check()?;
        keep_freed_memory();
        keep_compiled_modules(config.compilation_cache.as_deref(), config.compilation_notice);
        let heap = HeapImage::in_memory().map_err(HostError::io("make memory for the heap"))?;
        let stable = StableMemory::new(Box::new(MemoryStore::default()), 0);
        Ok(Self {
            committed: empty(&config),
            limits: Arc::new(config.limits),
            module: None,
            heap,
            stable: Some(stable),
            instance: None,
            folder: None,
            keyring: Arc::default(),
            poisoned: None,
        })
    }

    /// A host whose state is kept in a new folder. The folder is made if it is not there.
    ///
    /// # Errors
    /// `FolderExists` if there is something at the path already, `FolderInUse`, `BadConfig`, `Io`.
    pub fn create_dir(path: &Path, config: Config) -> Result<Self, HostError> {
        config.check()?;
        Folder::create(path, &empty(&config))?;
        Self::open_dir(path, config)
    }

    /// A host with the state of a folder. Its identity, controllers, time and cycles are those of the folder; of the
    /// settings only the limits, the policy for forcing data to the disk and the folder of compiled modules are used.
    ///
    /// A folder that cannot be written to is opened for reading: queries are answered, and everything that would change
    /// something is refused with `ReadOnly`. So is one whose disk has no room for what is in its journal, with the
    /// difference that changes are tried. [`Self::notices`] tells.
    ///
    /// # Errors
    /// `NotAFolder`, `FolderInUse`, `UnknownVersion`, `Damaged`, `Io`; `Engine` if the module no longer compiles.
    pub fn open_dir(path: &Path, config: Config) -> Result<Self, HostError> {
        let access = if config.read_only { Access::Read } else { Access::Write };
        Self::open_with(path, config, access)
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
        Ok(Self {
            limits,
            committed,
            module,
            heap,
            stable: Some(stable),
            instance: None,
            folder: Some(folder),
            keyring: Arc::new(keyring),
            poisoned: None,
        })
    }

    /// Ends the host. A state folder is forced to the disk and can be opened again.
    ///
    /// Dropping a host instead loses no answered message either.
    ///
    /// # Errors
    /// `Io` if the disk refuses; what had been answered before is still in the journal then.
    pub fn close(mut self) -> Result<(), HostError> {
        self.usable()?;
        self.checkpoint()
    }

    /// What whoever opened the folder should know. Nothing for a host in memory.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        self.folder.as_ref().map_or(&[], Folder::notices)
    }

    /// Bytes that are free on the disk of the folder, for this user; `None` for a host in memory.
    ///
    /// # Errors
    /// `Io` if the operating system does not tell.
    pub fn free_disk_bytes(&self) -> Result<Option<u64>, HostError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let free = space::free_bytes(folder.path());
        free.map(Some).map_err(HostError::io(format!("ask for the room of {}", folder.path().display())))
    }

    /// Refuses what does not fit on the disk of the folder, as a message that writes so many new bytes would be refused.
    ///
    /// # Errors
    /// `DiskFull`, with what is missing; `Io` if the operating system does not tell.
    pub fn check_room(&self, bytes: u64) -> Result<(), HostError> {
        match (&self.folder, self.free_disk_bytes()?) {
            (Some(folder), Some(free)) if free < bytes => Err(space::disk_full(folder.path(), bytes)),
            _ => Ok(()),
        }
    }

    /// The id of the canister.
    #[must_use]
    pub fn canister_id(&self) -> Principal {
        self.committed.world.canister_id
    }

    /// Who controls the canister.
    #[must_use]
    pub fn controllers(&self) -> &[Principal] {
        &self.committed.world.controllers
    }

    /// Sets who controls the canister: between 1 and 10 principals. Counts as a change of the canister's version.
    ///
    /// # Errors
    /// `BadConfig` for too few or too many; `Io`.
    pub fn set_controllers(&mut self, controllers: Vec<Principal>) -> Result<(), HostError> {
        check_controllers(&controllers)?;
        let mut world = self.committed.world.clone();
        world.controllers = controllers;
        world.version += 1;
        self.set_world(world)
    }

    /// Starts or stops the canister. A stopped canister answers neither updates nor queries, but can be upgraded.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_running(&mut self, running: bool) -> Result<(), HostError> {
        let mut world = self.committed.world.clone();
        world.running = running;
        world.version += 1;
        self.set_world(world)
    }

    /// Whether the canister is running, and not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.committed.world.running
    }

    /// The time that the canister sees, in nanoseconds since 1970.
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.committed.world.time_ns
    }

    /// Sets the time that the canister sees, in nanoseconds since 1970. It reaches a folder with the next message.
    pub fn set_time_ns(&mut self, time_ns: u64) {
        self.committed.world.time_ns = time_ns;
    }

    /// Moves the time that the canister sees forward.
    pub fn advance_time(&mut self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.committed.world.time_ns = self.committed.world.time_ns.saturating_add(by);
    }

    /// The canister log, oldest record first: what updates and installs printed and how they trapped, at most 4 KiB.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        self.committed.log.records.iter().cloned().collect()
    }

    /// The certified data, at most 32 bytes.
    #[must_use]
    pub fn certified_data(&self) -> &[u8] {
        &self.committed.world.certified_data
    }

    /// The balance of cycles.
    #[must_use]
    pub fn cycles(&self) -> u128 {
        self.committed.world.cycles
    }

    /// What `ic0.canister_version` says.
    #[must_use]
    pub fn canister_version(&self) -> u64 {
        self.committed.world.version
    }

    /// Size of stable memory in wasm pages of 64 KiB.
    #[must_use]
    pub fn stable_pages(&self) -> u64 {
        self.committed.stable_pages
    }

    /// Size of the heap in wasm pages of 64 KiB.
    #[must_use]
    pub fn heap_pages(&self) -> u64 {
        self.committed.heap_pages
    }

    /// Whether the canister has a module.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.module.is_some()
    }

    /// SHA-256 of the module as it was given, gzip'd or not.
    #[must_use]
    pub fn module_hash(&self) -> Option<[u8; 32]> {
        self.committed.module
    }

    /// Bytes that stable memory takes in memory or, in a folder, on the disk. What was never written takes nothing.
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

    /// An empty store for stable memory that is to replace the present one.
    pub(crate) fn new_store(&self) -> Result<Box<dyn PageStore>, HostError> {
        match &self.folder {
            Some(folder) => Ok(Box::new(folder.new_store()?)),
            None => Ok(Box::new(MemoryStore::default())),
        }
    }

    pub(crate) fn stable(&self) -> Result<&StableMemory, HostError> {
        self.stable.as_ref().ok_or_else(|| HostError::Poisoned("stable memory was lost in a panic".into()))
    }

    /// Refuses to go on after a failure that may have left memory and disk apart.
    pub(crate) fn usable(&self) -> Result<(), HostError> {
        self.stable()?;
        self.poisoned.as_ref().map_or(Ok(()), |why| Err(HostError::Poisoned(why.clone())))
    }

    /// Refuses changes where nothing may be changed.
    pub(crate) fn changeable(&self) -> Result<(), HostError> {
        self.usable()?;
        self.folder.as_ref().map_or(Ok(()), Folder::writable)
    }

    /// What makes the data certificate of a query.
    pub(crate) fn certifier(&self) -> Certifier {
        Certifier { keyring: Arc::clone(&self.keyring), module: self.module.clone() }
    }

    /// The error of a canister, for the caller.
    pub(crate) fn failed(&self, fault: Fault, instructions: u64) -> crate::error::CallError {
        fault.into_call_error(self.canister_id(), instructions)
    }
}

/// Reads stable memory for someone outside of the canister.
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

/// The state of a canister that was just created.
fn empty(config: &Config) -> Committed {
    Committed {
        world: World {
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
