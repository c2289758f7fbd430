//! Configuration of a host.

use std::path::PathBuf;

use candid::Principal;

use crate::error::HostError;
use crate::limits::{Limits, MAX_CONTROLLERS};

/// Default time: 1 January 2026, midnight UTC, in nanoseconds.
const DEFAULT_TIME_NS: u64 = 1_767_225_600_000_000_000;
/// Default balance: 100 T cycles, as in PocketIC.
const DEFAULT_CYCLES: u128 = 100_000_000_000_000;

/// When a state folder forces its journal to the disk.
///
/// Every policy survives the death of the process (`kill -9`). They differ in what a power cut can lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before each reply: an answered message survives a power cut. The default.
    #[default]
    EveryMessage,
    /// Only at checkpoints and on `close`: a power cut can lose the last messages, or leave a corrupt folder.
    Checkpoint,
}

/// Configuration of a new host. Start from `Config::default()` and change fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Limits of messages and modules.
    pub limits: Limits,
    /// Initial value of `ic0.time`, in nanoseconds since 1970. Time advances only when it is set.
    pub initial_time_ns: u64,
    /// Controllers of the canister, at most 10. The first one is the sender of install calls.
    pub controllers: Vec<Principal>,
    /// The id of the canister.
    pub canister_id: Principal,
    /// Initial value of `ic0.canister_cycle_balance128`.
    pub cycles: u128,
    /// When a state folder forces data to the disk. Without effect in memory.
    pub sync: SyncPolicy,
    /// Folder of the cache of compiled modules, if any.
    pub compilation_cache: Option<PathBuf>,
    /// Function that is called before a module is compiled, which takes seconds.
    pub compilation_notice: Option<fn()>,
    /// Whether a state folder is opened read-only. Without effect in memory.
    pub read_only: bool,
    /// Function that is called with each line that a query prints with `ic0.debug_print`, on the thread of the query. Only
    /// lines of updates are kept in the canister log.
    pub query_print: Option<fn(&[u8])>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            initial_time_ns: DEFAULT_TIME_NS,
            controllers: vec![Principal::self_authenticating(b"embedded-ic: the default controller")],
            canister_id: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
            cycles: DEFAULT_CYCLES,
            sync: SyncPolicy::default(),
            compilation_cache: None,
            compilation_notice: None,
            read_only: false,
            query_print: None,
        }
    }
}

impl Config {
    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the controllers.
    #[must_use]
    pub fn with_controllers(mut self, controllers: Vec<Principal>) -> Self {
        self.controllers = controllers;
        self
    }

    /// Sets the canister id.
    #[must_use]
    pub fn with_canister_id(mut self, canister_id: Principal) -> Self {
        self.canister_id = canister_id;
        self
    }

    /// Sets the initial time, in nanoseconds since 1970.
    #[must_use]
    pub fn with_time_ns(mut self, time_ns: u64) -> Self {
        self.initial_time_ns = time_ns;
        self
    }

    /// Sets the initial balance of cycles.
    #[must_use]
    pub fn with_cycles(mut self, cycles: u128) -> Self {
        self.cycles = cycles;
        self
    }

    /// Sets the policy for forcing data to the disk.
    #[must_use]
    pub fn with_sync(mut self, sync: SyncPolicy) -> Self {
        self.sync = sync;
        self
    }

    /// Sets the folder of the cache of compiled modules, which other processes can use. The folder is created if it does not
    /// exist. A folder that cannot be used is ignored.
    ///
    /// A process has one wasm engine, and the first host that is created decides which folder it uses. The contents are run as
    /// machine code. A digest detects corruption but not forgery, so no other user may be able to write to the folder.
    #[must_use]
    pub fn with_compilation_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.compilation_cache = Some(folder.into());
        self
    }

    /// Sets a function that is called before a module is compiled, unless it is in the cache. The first host of a process
    /// decides, as for the cache.
    #[must_use]
    pub fn with_compilation_notice(mut self, notice: fn()) -> Self {
        self.compilation_notice = Some(notice);
        self
    }

    /// Opens a folder read-only: queries are answered, and nothing is written.
    #[must_use]
    pub fn with_read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Sets a function that is called with each line that a query prints.
    #[must_use]
    pub fn with_query_print(mut self, print: fn(&[u8])) -> Self {
        self.query_print = Some(print);
        self
    }

    pub(crate) fn check(&self) -> Result<(), HostError> {
        check_controllers(&self.controllers)
    }
}

/// Checks the number of controllers: at least one, and at most as many as a replica allows.
pub(crate) fn check_controllers(controllers: &[Principal]) -> Result<(), HostError> {
    match controllers.len() {
        0 => Err(HostError::BadConfig("a canister needs at least one controller".into())),
        n if n > MAX_CONTROLLERS => Err(HostError::BadConfig(format!(
            "a canister has at most {MAX_CONTROLLERS} controllers, not {n}"
        ))),
        _ => Ok(()),
    }
}

/// Options of an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpgradeOptions {
    /// Skip `canister_pre_upgrade` of the old module, for example because it traps.
    pub skip_pre_upgrade: bool,
}
