//! A canister on the embedded host, called with encoded arguments.

use std::time::{Duration, Instant};

use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal, decode_one};
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};
use integration_tests::init_args;
use serde::de::DeserializeOwned;
use storage_wasm::STORAGE_WASM;

pub(crate) struct Host {
    pub(crate) ic: EmbeddedIc,
    caller: Principal,
}

impl Host {
    pub(crate) fn new() -> Self {
        let mut ic = EmbeddedIc::new(Config::default()).expect("a host in memory can be made");
        ic.install(STORAGE_WASM, &init_args(None)).expect("the canister installs");
        let caller = ic.controllers()[0];
        Self { ic, caller }
    }

    /// Makes an update that must succeed, and returns its cost in instructions.
    pub(crate) fn update<T: CandidType + DeserializeOwned>(
        &mut self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> (T, u64) {
        let args = encode_args(args).expect("arguments can be encoded");
        let reply = self.ic.update(self.caller, method, &args);
        let reply = reply.unwrap_or_else(|error| panic!("{method}: {error}"));
        let result: stable_storage_api::Result<T> =
            decode_one(&reply.bytes).expect("the reply is that of the contract");
        (result.unwrap_or_else(|error| panic!("{method}: {error}")), reply.instructions)
    }

    /// Makes a query that must succeed, and returns its cost in instructions.
    pub(crate) fn query(&mut self, method: &str, args: impl ArgumentEncoder) -> u64 {
        let args = encode_args(args).expect("arguments can be encoded");
        let reply = self.ic.query(self.caller, method, &args);
        reply.unwrap_or_else(|error| panic!("{method}: {error}")).instructions
    }

    /// Upgrades the canister to the same module, and returns the instructions of its hooks and the total time.
    pub(crate) fn upgrade(&mut self, skip_pre_upgrade: bool) -> (u64, Duration) {
        let start = Instant::now();
        let upgraded = self.ic.upgrade(STORAGE_WASM, &init_args(None), UpgradeOptions { skip_pre_upgrade });
        let execution = upgraded.expect("the canister can be upgraded");
        (execution.pre_upgrade + execution.post_upgrade, start.elapsed())
    }
}
