//! Canister on the embedded host whose messages are measured.

use candid::{Principal, Reserved, decode_args, encode_args};
use embedded_ic::{Config, EmbeddedIc, Reply, UpgradeOptions};
use stable_storage_api::Role;

use super::case::{Case, Unit};
use super::interface::{Call, Interface};
use crate::{controller, init_args};

/// Methods of the storage canister that do not return a `Result`.
const PLAIN_REPLIES: [&str; 2] = ["log", "readLast"];

/// Unit of a case.
#[derive(Clone, Copy)]
pub(super) struct Count {
    unit: Unit,
    /// Bytes or items of a message by which its instructions are divided.
    parts: f64,
}

impl Count {
    pub(super) const MESSAGES: Self = Self { unit: Unit::Instructions, parts: 1.0 };

    pub(super) const fn bytes(bytes: usize) -> Self {
        Self { unit: Unit::InstructionsPerByte, parts: bytes as f64 }
    }

    pub(super) const fn items(items: usize) -> Self {
        Self { unit: Unit::InstructionsPerItem, parts: items as f64 }
    }
}

/// Bytes of a message and of its reply, from which a floor is computed.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) argument: usize,
    pub(super) reply: usize,
}

pub(super) struct Rig<'a> {
    pub(super) interface: Interface,
    wasm: &'a [u8],
    init: Vec<u8>,
    ic: EmbeddedIc,
    caller: Principal,
}

impl<'a> Rig<'a> {
    pub(super) fn install(wasm: &'a [u8], interface: Interface) -> Self {
        let caller = controller();
        let config = Config::default().with_controllers(vec![caller]);
        let mut ic = EmbeddedIc::new(config).expect("a host in memory can be made");
        let init = match interface {
            Interface::Storage => init_args(None),
            Interface::Peer => encode_args(()).expect("no arguments can be encoded"),
        };
        ic.install(wasm, &init).expect("the canister can be installed");
        Self { interface, wasm, init, ic, caller }
    }

    /// Sends an update, which must succeed.
    pub(super) fn update(&mut self, call: &Call) -> Reply {
        let reply = self.ic.update(self.caller, call.method, &call.args);
        self.succeeded(call, reply.unwrap_or_else(|error| panic!("{} failed: {error}", call.method)))
    }

    /// Sends a query, which must succeed.
    pub(super) fn query(&mut self, call: &Call) -> Reply {
        let reply = self.ic.query(self.caller, call.method, &call.args);
        self.succeeded(call, reply.unwrap_or_else(|error| panic!("{} failed: {error}", call.method)))
    }

    fn succeeded(&self, call: &Call, reply: Reply) -> Reply {
        if self.interface == Interface::Storage && !PLAIN_REPLIES.contains(&call.method) {
            let decoded = decode_args::<(stable_storage_api::Result<Reserved>,)>(&reply.bytes);
            let (answer,) = decoded.expect("the reply is one of storage.did");
            answer.unwrap_or_else(|error| panic!("{} answered {error}", call.method));
        }
        reply
    }

    /// The mean of updates.
    pub(super) fn updates(
        &mut self,
        name: &str,
        count: Count,
        floor: impl Fn(Sizes) -> u64,
        calls: impl IntoIterator<Item = Call>,
    ) -> Case {
        mean(name, count, floor, calls, |call| self.update(call))
    }

    /// One update, with its reply.
    pub(super) fn one_update(
        &mut self,
        name: &str,
        floor: impl Fn(Sizes) -> u64,
        call: &Call,
    ) -> (Case, Reply) {
        let reply = self.update(call);
        let sizes = Sizes { argument: call.args.len(), reply: reply.bytes.len() };
        let case = Case {
            name: name.to_owned(),
            unit: Unit::Instructions,
            floor: floor(sizes) as f64,
            figure: reply.instructions as f64,
            heap_pages: Some(reply.heap_pages_written as f64),
        };
        (case, reply)
    }

    /// The mean of queries.
    pub(super) fn queries(
        &mut self,
        name: &str,
        count: Count,
        floor: impl Fn(Sizes) -> u64,
        calls: impl IntoIterator<Item = Call>,
    ) -> Case {
        mean(name, count, floor, calls, |call| self.query(call))
    }

    /// Measures as a writer who is not a controller, one of a hundred.
    pub(super) fn as_writer<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let writer = |number: u8| Principal::self_authenticating([number]);
        for number in 0..100 {
            self.update(&Call::new("set_role", (writer(number), Some(Role::Writer))));
        }
        let controller = std::mem::replace(&mut self.caller, writer(50));
        let result = f(self);
        self.caller = controller;
        result
    }

    /// Instructions of the canister in an upgrade to the same module: `pre_upgrade`, the start function and `post_upgrade`. The
    /// floor is 0.
    pub(super) fn upgrade(&mut self, name: &str) -> Case {
        let upgraded = self.ic.upgrade(self.wasm, &self.init, UpgradeOptions { skip_pre_upgrade: false });
        let instructions = upgraded.expect("the canister can be upgraded to itself").instructions;
        Case {
            name: name.to_owned(),
            unit: Unit::Instructions,
            floor: 0.0,
            figure: instructions as f64,
            heap_pages: None,
        }
    }
}

fn mean(
    name: &str,
    count: Count,
    floor: impl Fn(Sizes) -> u64,
    calls: impl IntoIterator<Item = Call>,
    mut send: impl FnMut(&Call) -> Reply,
) -> Case {
    let (mut messages, mut floors, mut instructions, mut heap_pages) = (0.0, 0, 0, 0);
    for call in calls {
        let reply = send(&call);
        messages += 1.0;
        floors += floor(Sizes { argument: call.args.len(), reply: reply.bytes.len() });
        instructions += reply.instructions;
        heap_pages += reply.heap_pages_written;
    }
    let per_part = |total: u64| total as f64 / messages / count.parts;
    Case {
        name: name.to_owned(),
        unit: count.unit,
        floor: per_part(floors),
        figure: per_part(instructions),
        heap_pages: Some(heap_pages as f64 / messages),
    }
}
