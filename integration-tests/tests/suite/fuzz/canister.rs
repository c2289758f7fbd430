//! Canister on the embedded host that is sent any bytes, and the checks of each message.

use std::cell::RefCell;
use std::rc::Rc;

use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, Limits, Reject};
use ic_stable_structures::Memory;
use integration_tests::{contract::Method, controller, init_args};
use stable_storage_api::{Site, UploadArgs};
use storage_engine::Store;
use storage_wasm::STORAGE_WASM;

/// Most pages of stable memory: the headers and twenty buckets.
const STABLE_PAGES: u64 = 2 + 20 * 256;

/// Most instructions of any message here: 1.5 times the worst case, and 1/160 of the limit of an update. The decoder's work
/// is linear in the bytes; the worst case is a number of 2 MB, at 80 instructions per byte.
pub(super) const MOST_INSTRUCTIONS: u64 = 250_000_000;

/// Most pages of the heap.
const HEAP_PAGES: u64 = 1_024;

/// Permitted texts of rejects: of the canister's decoder, errors of the contract, and of inspection.
const REASONS: [&str; 9] = [
    "the arguments do not match this method",
    // Errors of the contract, if the message was dropped because its method would return one, and by `log`.
    "'invalid argument: ",
    "'too large: ",
    "'limit exceeded: ",
    "is a query; call it as a query",
    "has no query method",
    // After a call of `remove_site`.
    "there is no site",
    "unauthorized: this needs the role",
    // Only of canister_inspect_message, which is free for the canister.
    "exceeded the limit of 200000000 instructions",
];

/// Route of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Update,
    UpdateFromCanister,
    Query,
}

impl Door {
    pub(super) const ALL: [Self; 3] = [Self::Update, Self::UpdateFromCanister, Self::Query];
}

/// Canister with some contents.
pub(super) struct Canister(Rc<RefCell<EmbeddedIc>>);

impl Canister {
    pub(super) fn start() -> Self {
        let mut limits = Limits::default();
        limits.stable_pages = STABLE_PAGES;
        let config = Config::default().with_limits(limits).with_controllers(vec![controller()]);
        let mut host = EmbeddedIc::new(config).unwrap();
        host.install(STORAGE_WASM, &init_args(None)).unwrap();
        let mut call = |method: &str, args: Vec<u8>| host.update(controller(), method, &args).unwrap();
        call("put", candid::encode_args(("key", vec![1_u8; 5_000])).unwrap());
        call("put", candid::encode_args(("key/2", b"value".to_vec())).unwrap());
        call("log", candid::encode_one("entry").unwrap());
        call("create_upload", candid::encode_one(UploadArgs::new("uploaded", 5)).unwrap());
        call("region_new", candid::encode_args(()).unwrap());
        call("region_grow", candid::encode_args((16_u64, 1_u64)).unwrap());
        // A site whose paths are those of the objects, so that HTTP requests meet documents.
        let site = Site { path: Some("/".into()), index: Some("2".into()), ..Site::new("key/") };
        call("set_site", candid::encode_one(site).unwrap());
        call("certify", candid::encode_one("key/").unwrap());
        Self(Rc::new(RefCell::new(host)))
    }

    /// Sends a message as the controller. A reply must have the types of the contract, a reject must state what is wrong with
    /// the arguments, and both have bounds.
    pub(super) fn send(&mut self, method: &Method, door: Door, args: &[u8]) -> Result<u64, Reject> {
        self.send_as(controller(), method, door, args)
    }

    /// Sends a message as any caller.
    pub(super) fn send_as(
        &mut self,
        caller: Principal,
        method: &Method,
        door: Door,
        args: &[u8],
    ) -> Result<u64, Reject> {
        let mut host = self.0.borrow_mut();
        let answer = match door {
            Door::Update => host.update(caller, &method.name, args),
            Door::UpdateFromCanister => host.update_from_canister(caller, &method.name, args),
            Door::Query => host.query(caller, &method.name, args),
        };
        assert!(host.heap_pages() <= HEAP_PAGES, "{}: the heap has {} pages", method.name, host.heap_pages());
        match answer {
            Ok(reply) => {
                assert!(reply.instructions <= MOST_INSTRUCTIONS, "{}: {}", method.name, reply.instructions);
                method.show(&reply.bytes);
                Ok(reply.instructions)
            }
            Err(CallError::Rejected(reject)) => {
                assert_expected(method, args, &reject);
                Err(reject)
            }
            Err(CallError::Host(error)) => panic!("{} {door:?}: the host failed: {error}", method.name),
        }
    }

    /// Checks the canister's stable memory with the engine.
    pub(super) fn check(&self) {
        let store = Store::open(HostMemory(Rc::clone(&self.0))).unwrap();
        assert_eq!(store.check().problems, []);
    }

    pub(super) fn heap_pages(&self) -> u64 {
        self.0.borrow().heap_pages()
    }
}

fn assert_expected(method: &Method, args: &[u8], reject: &Reject) {
    let start = args[..args.len().min(300)].escape_ascii();
    let shown = || format!("{} with {} bytes ({start}): {reject}", method.name, args.len());
    assert!(REASONS.iter().any(|reason| reject.message.contains(reason)), "{}", shown());
    assert!(reject.instructions <= MOST_INSTRUCTIONS, "{} instructions, {}", reject.instructions, shown());
}

/// Stable memory of the canister, for reading.
#[derive(Clone)]
struct HostMemory(Rc<RefCell<EmbeddedIc>>);

impl Memory for HostMemory {
    fn size(&self) -> u64 {
        self.0.borrow().stable_pages()
    }

    fn grow(&self, _pages: u64) -> i64 {
        panic!("nothing that looks takes memory")
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.0.borrow().read_stable(offset, dst).unwrap();
    }

    fn write(&self, offset: u64, src: &[u8]) {
        panic!("nothing that looks writes, and {} bytes are to be at {offset}", src.len())
    }
}
