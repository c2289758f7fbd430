//! A storage canister on the embedded host, called with encoded arguments.

use candid::utils::ArgumentEncoder;
use candid::{Principal, encode_args};
use embedded_ic::{Config, EmbeddedIc, Execution, Reply, UpgradeOptions};
use storage_api::{PutArgs, Role};

use crate::{controller, data, init_args};

/// Objects that one `put_many` of the filling carries.
const BATCH: usize = 1_000;

pub(super) struct Rig<'a> {
    wasm: &'a [u8],
    ic: EmbeddedIc,
    caller: Principal,
}

impl<'a> Rig<'a> {
    pub(super) fn install(wasm: &'a [u8]) -> Self {
        let caller = controller();
        let config = Config::default().with_controllers(vec![caller]);
        let mut ic = EmbeddedIc::new(config).expect("a host in memory can be made");
        ic.install(wasm, &init_args(None)).expect("the storage canister installs");
        Self { wasm, ic, caller }
    }

    /// An update that must answer something, with what was sent.
    pub(super) fn update(&mut self, method: &str, args: impl ArgumentEncoder) -> (Vec<u8>, Reply) {
        let args = encode_args(args).expect("arguments of the contract can be encoded");
        let reply = self.ic.update(self.caller, method, &args);
        (args, reply.unwrap_or_else(|error| panic!("{method} failed: {error}")))
    }

    /// A query that must answer something, with what was sent.
    pub(super) fn query(&mut self, method: &str, args: impl ArgumentEncoder) -> (Vec<u8>, Reply) {
        let args = encode_args(args).expect("arguments of the contract can be encoded");
        let reply = self.ic.query(self.caller, method, &args);
        (args, reply.unwrap_or_else(|error| panic!("{method} failed: {error}")))
    }

    /// Does something in the name of a writer who is no controller, one of a hundred.
    pub(super) fn as_writer<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let writer = |number: u8| Principal::self_authenticating([number]);
        for number in 0..100 {
            self.update("set_role", (writer(number), Some(Role::Writer)));
        }
        let controller = std::mem::replace(&mut self.caller, writer(50));
        let result = f(self);
        self.caller = controller;
        result
    }

    pub(super) fn upgrade(&mut self) -> Execution {
        let upgraded =
            self.ic.upgrade(self.wasm, &init_args(None), UpgradeOptions { skip_pre_upgrade: false });
        upgraded.expect("the storage canister can be upgraded to itself")
    }

    /// Puts objects of so many bytes, with keys that fall all over the index.
    pub(super) fn fill(&mut self, objects: u64, value_bytes: usize) {
        let numbers: Vec<_> = (0..objects).collect();
        for batch in numbers.chunks(BATCH) {
            let puts =
                batch.iter().map(|number| PutArgs::new(key(*number), data::bytes(*number, value_bytes)));
            self.update("put_many", (puts.collect::<Vec<_>>(),));
        }
    }
}

/// The key of an object: 23 bytes, in no order.
pub(super) fn key(number: u64) -> String {
    format!("object/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
