//! How a host is set up.

use std::path::PathBuf;

use candid::Principal;

use crate::error::HostError;
use crate::limits::{Limits, MAX_CONTROLLERS};

/// 1 January 2026, midnight UTC, in nanoseconds: where time stands in a host that was not told otherwise.
const DEFAULT_TIME_NS: u64 = 1_767_225_600_000_000_000;
/// The cycles of a host that was not told otherwise: 100 T, as PocketIC gives.
const DEFAULT_CYCLES: u128 = 100_000_000_000_000;

/// When a state folder forces its journal to the disk.
///
/// Every policy survives the death of the process (`kill -9`); they differ in what a power cut may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before each answer: an answered message survives a power cut. The default.
    #[default]
    EveryMessage,
    /// At checkpoints and on `close` only: a power cut may take the last messages, or leave a folder that is damaged.
    Checkpoint,
}

/// The settings of a new host. Start from `Config::default()` and change fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The limits of messages and modules.
    pub limits: Limits,
    /// What `ic0.time` says at first, in nanoseconds since 1970. Time moves only when told to.
    pub initial_time_ns: u64,
    /// Who controls the canister, at most 10. The first one is the sender of install calls.
    pub controllers: Vec<Principal>,
    /// The id of the canister.
    pub canister_id: Principal,
    /// What `ic0.canister_cycle_balance128` says at first.
    pub cycles: u128,
    /// When a state folder forces data to the disk. Without effect in memory.
    pub sync: SyncPolicy,
    /// Where compiled modules are kept for the next process, if they are.
    pub compilation_cache: Option<PathBuf>,
    /// What is called before a module is compiled, which takes seconds.
    pub compilation_notice: Option<fn()>,
    /// Whether a state folder is only read. Without effect in memory.
    pub read_only: bool,
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
        }
    }
}

impl Config {
    /// These settings with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// These settings with other controllers.
    #[must_use]
    pub fn with_controllers(mut self, controllers: Vec<Principal>) -> Self {
        self.controllers = controllers;
        self
    }

    /// These settings with another canister id.
    #[must_use]
    pub fn with_canister_id(mut self, canister_id: Principal) -> Self {
        self.canister_id = canister_id;
        self
    }

    /// These settings with another time, in nanoseconds since 1970.
    #[must_use]
    pub fn with_time_ns(mut self, time_ns: u64) -> Self {
        self.initial_time_ns = time_ns;
        self
    }

    /// These settings with another balance of cycles.
    #[must_use]
    pub fn with_cycles(mut self, cycles: u128) -> Self {
        self.cycles = cycles;
        self
    }

    /// These settings with another policy for forcing data to the disk.
    #[must_use]
    pub fn with_sync(mut self, sync: SyncPolicy) -> Self {
        self.sync = sync;
        self
    }

    /// These settings with a folder that keeps compiled modules, so that another process need not compile them again. It
    /// is made if it is not there, and a folder that cannot be used is as none.
    ///
    /// A process has one wasm engine, and the first host that is made decides what folder it uses. What is in the folder is
    /// run as machine code. A digest finds what was damaged, and nothing finds what was forged: the folder must be one
    /// that no other user can write to.
    #[must_use]
    pub fn with_compilation_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.compilation_cache = Some(folder.into());
        self
    }

    /// These settings with a function that is called before a module is compiled: not where it is in the cache. As of the
    /// cache, the first host of a process decides.
    #[must_use]
    pub fn with_compilation_notice(mut self, notice: fn()) -> Self {
        self.compilation_notice = Some(notice);
        self
    }

    /// These settings for a folder that is only read: queries are answered, and nothing is written.
    #[must_use]
    pub fn with_read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), HostError> {
        check_controllers(&self.controllers)
    }
}

/// A canister has between one controller and as many as a replica allows.
pub(crate) fn check_controllers(controllers: &[Principal]) -> Result<(), HostError> {
    match controllers.len() {
        0 => Err(HostError::BadConfig("a canister needs at least one controller".into())),
        n if n > MAX_CONTROLLERS => Err(HostError::BadConfig(format!(
            "a canister has at most {MAX_CONTROLLERS} controllers, not {n}"
        ))),
        _ => Ok(()),
    }
}

/// How an upgrade is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpgradeOptions {
    /// Leave out `canister_pre_upgrade` of the old module, as one does when it traps.
    pub skip_pre_upgrade: bool,
}
