//! Access: every method with every role, compared with the table of methods.

use std::collections::BTreeMap;

use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, UpgradeOptions};
use integration_tests::{
    Harness,
    contract::{Method, methods},
    controller, expect, init_args, second_controller, stranger,
};
use stable_storage_api::limits::{MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, MAX_ROLES};
use stable_storage_api::{
    Condition, CopySource, DeleteArgs, Error, Grant, HttpRequest, HttpResponse, METHODS, MethodKind,
    RegionLoad, RegionType, Role, Settings, Site,
};
use storage_client::{EmbeddedTransport, Transport, TransportError};
use storage_wasm::STORAGE_WASM;

const ROLES: [Role; 3] = [Role::Reader, Role::Writer, Role::Admin];

fn holder(role: Role) -> Principal {
    Principal::self_authenticating(format!("integration tests: a principal with the role {role:?}"))
}

/// Returns a canister with a principal for each role.
async fn with_holders() -> Harness {
    let harness = Harness::start().await;
    for role in ROLES {
        harness.client().set_role(holder(role), Some(role)).await.unwrap();
    }
    harness
}

fn needed(method: &Method) -> Option<Role> {
    stable_storage_api::Method::named(&method.name).expect("every method is in the table").role
}

/// Returns whether a call was rejected because its caller lacks the role, in one of the forms of the contract.
fn is_refused(method: &Method, reply: &Result<Vec<u8>, TransportError>) -> bool {
    let Some(needed) = needed(method) else { return false };
    match reply {
        Ok(reply) => {
            let unauthorized = format!("Unauthorized = record {{ needed = variant {{ {needed:?} }} }}");
            method.show(reply).contains(&unauthorized)
        }
        // Updates are dropped before they are executed, and some methods have no result in their reply.
        Err(TransportError::Rejected { message, .. }) => {
            message.contains(&format!("needs the role {needed:?}"))
        }
        Err(error) => panic!("{}: {error}", method.name),
    }
}

/// The table and the contract have the same methods, with the same kinds.
#[test]
fn the_table_has_every_method_of_the_contract_and_no_other() {
    let contract: BTreeMap<_, _> =
        methods().into_iter().map(|method| (method.name, method.is_query)).collect();
    let table: BTreeMap<_, _> =
        METHODS.iter().map(|method| (method.name.to_owned(), method.kind == MethodKind::Query)).collect();
    assert_eq!(table, contract);
}

/// Every method admits callers with the role of the table or a higher one, and no others.
#[tokio::test]
async fn every_method_admits_the_roles_of_the_table() {
    let harness = with_holders().await;
    let mut callers =
        vec![(Principal::anonymous(), None), (stranger(), None), (controller(), Some(Role::Admin))];
    callers.push((second_controller(), Some(Role::Admin)));
    callers.extend(ROLES.map(|role| (holder(role), Some(role))));
    for method in methods() {
        for (sender, role) in &callers {
            let reply = method.call(&harness.transport(*sender), method.args.clone()).await;
            let may = *role >= needed(&method);
            assert_eq!(!is_refused(&method, &reply), may, "{} and {role:?}: {reply:?}", method.name);
        }
    }
}

/// With public reads, callers without a role are readers, and no more.
#[tokio::test]
async fn public_reads_allow_reading_but_not_writing() {
    let harness = with_holders().await;
    harness.client().configure(&Settings { public_read: Some(true), ..Settings::default() }).await.unwrap();
    for method in methods() {
        for (sender, role) in [
            (Principal::anonymous(), Role::Reader),
            (stranger(), Role::Reader),
            (holder(Role::Reader), Role::Reader),
            (holder(Role::Writer), Role::Writer),
        ] {
            let reply = method.call(&harness.transport(sender), method.args.clone()).await;
            let may = Some(role) >= needed(&method);
            assert_eq!(!is_refused(&method, &reply), may, "{} and {sender}: {reply:?}", method.name);
        }
    }
}

/// A rejected call does not change stable memory.
#[tokio::test]
async fn refused_calls_change_nothing() {
    let harness = Harness::start().await;
    harness.client().put("key", b"value").await.unwrap();
    harness.client().log("entry").await.unwrap();
    harness.client().region_new().await.unwrap();
    let before = harness.stable_memory().await;
    for method in methods().iter().filter(|method| needed(method).is_some()) {
        for sender in [stranger(), Principal::anonymous()] {
            let reply = method.call(&harness.transport(sender), method.args.clone()).await;
            assert!(is_refused(method, &reply), "{} let {sender} in: {reply:?}", method.name);
        }
    }
    assert!(harness.stable_memory().await == before, "a call that was refused changed stable memory");
}

/// A query sent as an update by a caller without a role is rejected as well, and the metrics cannot be called as an update.
#[tokio::test]
async fn queries_as_updates_are_refused_too() {
    let harness = Harness::start().await;
    for method in methods().iter().filter(|method| method.is_query) {
        let reply = harness.transport(stranger()).update(&method.name, method.args.clone()).await;
        let refused = match needed(method) {
            Some(_) => is_refused(method, &reply),
            None => expect::refusal(reply.clone()).contains("is a query"),
        };
        assert!(refused, "{} let a stranger in: {reply:?}", method.name);
    }
}

/// Messages of other canisters are not inspected, so each method checks again. This runs on the embedded host, whichever
/// replica the suite runs on.
#[test]
fn methods_check_again_what_inspect_message_has_checked() {
    let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    ic.install(STORAGE_WASM, &init_args(None)).unwrap();
    for method in methods().iter().filter(|method| needed(method).is_some()) {
        let reply = ic.update_from_canister(stranger(), &method.name, &method.args);
        let reply = reply.map(|reply| reply.bytes).map_err(TransportError::from);
        assert!(is_refused(method, &reply), "{} let a stranger in: {reply:?}", method.name);
    }
    let too_long = serde_bytes::ByteBuf::from(vec![0; MAX_PAYLOAD_BYTES as usize + 1]);
    let args = candid::encode_args(("key", too_long)).unwrap();
    let reply = ic.update_from_canister(controller(), "put", &args).unwrap();
    let (result,): (stable_storage_api::Result<stable_storage_api::Written>,) =
        candid::decode_args(&reply.bytes).unwrap();
    assert_eq!(result, Err(Error::TooLarge { size: MAX_PAYLOAD_BYTES + 1, limit: MAX_PAYLOAD_BYTES }));
    // The call was executed, so it was counted, and so were those of the caller without a role.
    let client = storage_client::Client::new(EmbeddedTransport::new(ic, controller()));
    let refusals = futures_util::future::FutureExt::now_or_never(client.status()).unwrap().unwrap().refusals;
    let count = |name: &str| refusals.iter().find(|count| count.name == name).map(|count| count.count);
    assert_eq!(count("TooLarge"), Some(1));
    let updates = METHODS.iter().filter(|method| method.kind == MethodKind::Update && method.role.is_some());
    assert_eq!(count("Unauthorized"), Some(updates.count() as u64));
}

/// docs/SECURITY.md, which states the cost of an error.
const SECURITY: &str = include_str!("../../../docs/SECURITY.md");

/// Most instructions of a call by a caller without the role. docs/SECURITY.md explains them.
pub(crate) const REFUSAL_INSTRUCTIONS: u64 = 9_000;

/// The same for the first call of a caller, whose role is looked up in stable memory, with the maximum number of roles.
const FIRST_REFUSAL_INSTRUCTIONS: u64 = 25_000;

/// Returns the cost of a call that must be rejected, in instructions.
fn refusal_cost(ic: &mut EmbeddedIc, sender: Principal, method: &str, args: &[u8]) -> u64 {
    match ic.update_from_canister(sender, method, args) {
        Ok(reply) => reply.instructions,
        Err(CallError::Rejected(reject)) => reject.instructions,
        Err(error) => panic!("{method}: {error}"),
    }
}

/// A caller without the role costs the canister very little, whatever is sent: the role is checked before the argument is
/// copied. The longest argument costs as much as a short one.
#[test]
fn a_refusal_costs_a_bounded_number_of_instructions() {
    for stated in ["9,000 instructions", "at most 25,000 among"] {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    ic.install(STORAGE_WASM, &init_args(None)).unwrap();
    let callers = [stranger(), Principal::anonymous(), holder(Role::Reader)];
    let others = (0..MAX_ROLES - 1).map(|number| Principal::self_authenticating(number.to_be_bytes()));
    for reader in others.chain([callers[2]]) {
        let grant = candid::encode_args((reader, Some(Role::Reader))).unwrap();
        ic.update(controller(), "set_role", &grant).unwrap();
    }
    // The heap is empty after an upgrade, so the first lookup also reads the upper pages of the roles.
    ic.upgrade(STORAGE_WASM, &init_args(None), UpgradeOptions { skip_pre_upgrade: false }).unwrap();
    let mut refused = |sender| refusal_cost(&mut ic, sender, "put", &[]);
    let first = callers.map(&mut refused);
    println!("first refusals took {first:?} instructions");
    assert!(first.iter().all(|instructions| *instructions <= FIRST_REFUSAL_INSTRUCTIONS), "{first:?}");
    // The results for 1,000 callers are cached, and no more.
    let known = refused(callers[0]);
    for number in 0..1_000_u32 {
        refused(Principal::self_authenticating([&number.to_be_bytes()[..], b"another"].concat()));
    }
    let forgotten = refused(callers[0]);
    assert!(known < forgotten, "{known} instructions, and {forgotten} after a thousand others");
    callers.into_iter().for_each(|sender| _ = refused(sender));
    let mut most = 0;
    for method in methods().iter() {
        let Some(needed) = needed(method) else { continue };
        // The last one has a role, but a lower one than most methods need.
        for sender in callers.into_iter().filter(|sender| *sender != callers[2] || needed > Role::Reader) {
            for args in [method.args.clone(), vec![], vec![0xff; 2_000_000]] {
                let instructions = refusal_cost(&mut ic, sender, &method.name, &args);
                most = most.max(instructions);
                assert!(instructions <= REFUSAL_INSTRUCTIONS, "{}: {instructions}", method.name);
            }
        }
    }
    println!("the dearest of the others took {most} instructions");
}

/// With public reads, callers without a role can read only by queries. As an ingress update, whose bytes the canister pays
/// for, a read is dropped; a reader with the role may send it.
#[tokio::test]
async fn public_reads_are_no_updates() {
    let harness = with_holders().await;
    harness.client().configure(&Settings { public_read: Some(true), ..Settings::default() }).await.unwrap();
    let readers = methods().into_iter().filter(|method| needed(method) == Some(Role::Reader));
    for method in readers {
        for sender in [stranger(), Principal::anonymous()] {
            let transport = harness.transport(sender);
            for args in [method.args.clone(), vec![0; 2_000_000]] {
                let message = expect::refusal(transport.update(&method.name, args).await);
                assert!(message.contains("needs the role Reader"), "{}: {message}", method.name);
            }
            let reply = transport.query(&method.name, method.args.clone()).await;
            assert!(!is_refused(&method, &reply), "{}: {reply:?}", method.name);
        }
        let reply = harness.transport(holder(Role::Reader)).update(&method.name, method.args.clone()).await;
        assert!(!is_refused(&method, &reply), "{}: {reply:?}", method.name);
    }
}

/// No method accepts a longer argument in an ingress update than its table states, from any caller, and the table has
/// enough room for what the methods need.
#[tokio::test]
async fn arguments_are_bounded_for_every_method() {
    let harness = Harness::start().await;
    let transport = harness.transport(controller());
    for method in methods().iter().filter(|method| needed(method).is_some()) {
        let limit = stable_storage_api::Method::named(&method.name).unwrap().max_argument_bytes;
        // The whole message must fit as well.
        let size = limit + 1;
        if size < 2_000_000 {
            let message = expect::refusal(transport.update(&method.name, vec![0; size as usize]).await);
            let expected = format!("too large: {size} bytes, the limit is {limit}");
            assert!(message.contains(&expected), "{}: {message}", method.name);
        }
    }
    // The longest arguments of the methods with batches of keys or offsets.
    let keys: Vec<_> = (0..1_000).map(|number| format!("{number:0>1024}")).collect();
    let condition = Some(Condition::Sha256(serde_bytes::ByteBuf::from([7; 32])));
    let deletes = keys.iter().map(|key| DeleteArgs { key: key.clone(), condition: condition.clone() });
    let source = |key: &String| CopySource {
        offset: Some(u64::MAX),
        length: Some(u64::MAX),
        ..CopySource::whole(key, u64::MAX)
    };
    let loads = vec![RegionLoad { offset: u64::MAX, kind: RegionType::Blob(u64::MAX) }; 1_000];
    for (method, args) in [
        ("get_many", candid::encode_one(&keys)),
        ("delete_many", candid::encode_one(deletes.collect::<Vec<_>>())),
        ("copy_chunks", candid::encode_args((0_u64, 0_u64, keys.iter().map(source).collect::<Vec<_>>()))),
        ("region_load", candid::encode_args((16_u64, loads))),
    ] {
        transport.update(method, args.unwrap()).await.unwrap_or_else(|error| panic!("{method}: {error}"));
    }
}

/// Everyone may send HTTP requests as updates while there is a site, with arguments of at most 64 KiB. Without a site they are
/// dropped, whatever their length.
#[tokio::test]
async fn http_requests_as_updates_are_bounded() {
    const LIMIT: usize = 65_536;
    let harness = Harness::start().await;
    let anonymous = harness.transport(Principal::anonymous());
    let request = |body: usize| {
        let body = serde_bytes::ByteBuf::from(vec![0; body]);
        candid::encode_one(HttpRequest { body, ..HttpRequest::get("/site/page") }).unwrap()
    };
    let rest = request(LIMIT / 2).len() - LIMIT / 2;
    for args in [request(0), request(LIMIT)] {
        let message = expect::refusal(anonymous.update("http_request_update", args).await);
        assert!(message.contains("there is no site"), "{message}");
    }
    harness.client().set_site(&Site { certified: false, ..Site::new("site/") }).await.unwrap();
    let longest = request(LIMIT - rest);
    assert_eq!(longest.len(), LIMIT);
    let reply = anonymous.update("http_request_update", longest).await.unwrap();
    assert_eq!(candid::decode_one::<HttpResponse>(&reply).unwrap().status_code, 404);
    let message = expect::refusal(anonymous.update("http_request_update", request(LIMIT - rest + 1)).await);
    assert!(message.contains("too large: 65537 bytes, the limit is 65536"), "{message}");
    let message = expect::refusal(anonymous.update("http_request", request(0)).await);
    assert!(message.contains("is a query"), "{message}");
}

/// A message that inspect_message drops has a reason, costs the canister nothing, and is not counted.
#[tokio::test]
async fn what_would_be_refused_is_dropped_with_its_reason() {
    let harness = Harness::start().await;
    let client = harness.client();
    let long = "k".repeat(MAX_KEY_BYTES as usize + 1);
    let key = expect::refused(client.put(&long, b"").await);
    assert!(key.contains("1025") && key.contains("1024"), "{key}");
    let key = expect::refused(client.put("", b"").await);
    assert!(key.contains("key"), "{key}");
    let transport = harness.transport(controller());
    for method in ["put", "put_many", "write_chunk", "log", "append", "region_store_blob"] {
        let message = expect::refusal(transport.update(method, b"DIDL\0\x01\x7e\x01".to_vec()).await);
        assert!(message.contains("the arguments do not match this method"), "{method}: {message}");
    }
    let stranger = expect::refused(harness.client_as(stranger()).put("key", b"").await);
    assert!(stranger.contains("needs the role Writer"), "{stranger}");
    assert_eq!(client.status().await.unwrap().refusals, []);
}

/// Roles are set, replaced, listed, kept by an upgrade, and removed; permissions change immediately.
#[tokio::test]
async fn roles_are_given_and_taken() {
    let harness = Harness::start().await;
    let (admin, other) = (harness.client(), harness.client_as(stranger()));
    assert_eq!(admin.list_roles().await.unwrap(), []);
    admin.set_role(stranger(), Some(Role::Writer)).await.unwrap();
    other.put("key", b"value").await.unwrap();
    harness.upgrade_skipping_pre_upgrade().await;
    assert_eq!(admin.list_roles().await.unwrap(), [Grant { who: stranger(), role: Role::Writer }]);
    assert_eq!(other.get("key").await.unwrap(), b"value");

    admin.set_role(stranger(), Some(Role::Reader)).await.unwrap();
    expect::refused(other.put("key", b"other").await);
    assert_eq!(other.get("key").await.unwrap(), b"value");
    admin.set_role(stranger(), None).await.unwrap();
    assert_eq!(expect::storage_error(other.get("key").await), Error::Unauthorized { needed: Role::Reader });
    assert_eq!(admin.list_roles().await.unwrap(), []);
}

/// An admin who is not a controller may do everything, including removing its own role; the controllers remain.
#[tokio::test]
async fn controllers_cannot_be_locked_out() {
    let harness = with_holders().await;
    let admin = harness.client_as(holder(Role::Admin));
    admin.set_role(controller(), None).await.unwrap();
    admin.set_role(stranger(), Some(Role::Admin)).await.unwrap();
    harness.client_as(stranger()).set_role(holder(Role::Admin), None).await.unwrap();
    harness.client_as(stranger()).set_role(stranger(), None).await.unwrap();
    expect::refused(admin.set_role(stranger(), Some(Role::Admin)).await);
    harness.client().set_role(holder(Role::Admin), Some(Role::Admin)).await.unwrap();
    admin.configure(&Settings::default()).await.unwrap();
}

/// The anonymous principal represents everyone, so it cannot have a role.
#[tokio::test]
async fn the_anonymous_principal_gets_no_role() {
    let harness = Harness::start().await;
    for role in ROLES {
        let refused = harness.client().set_role(Principal::anonymous(), Some(role)).await;
        assert!(matches!(expect::storage_error(refused), Error::InvalidArgument { .. }));
    }
    assert_eq!(harness.client().list_roles().await.unwrap(), []);
}

/// Among writers, uploads and regions belong to their creator.
#[tokio::test]
async fn writers_cannot_use_what_belongs_to_others() {
    let harness = Harness::start().await;
    let second = Principal::self_authenticating("integration tests: a second writer");
    for writer in [stranger(), second] {
        harness.client().set_role(writer, Some(Role::Writer)).await.unwrap();
    }
    let (one, other) = (harness.client_as(stranger()), harness.client_as(second));
    let upload = one.create_upload(&stable_storage_api::UploadArgs::new("key", 3)).await.unwrap();
    let region = one.region_new().await.unwrap().id;
    let unauthorized = Error::Unauthorized { needed: Role::Admin };
    assert_eq!(expect::storage_error(other.write_chunk(upload.id, 0, b"abc").await), unauthorized);
    assert_eq!(expect::storage_error(other.abort_upload(upload.id).await), unauthorized);
    assert_eq!(expect::storage_error(other.region_grow(region, 1).await), unauthorized);
    assert_eq!(other.list_uploads().await.unwrap().len(), 0);
    assert_eq!(other.region_list().await.unwrap().len(), 0);
    // A controller can use them.
    harness.client().write_chunk(upload.id, 0, b"abc").await.unwrap();
    one.commit_upload(upload.id).await.unwrap();
    harness.client().region_set_owner(region, second).await.unwrap();
    other.region_grow(region, 1).await.unwrap();
    assert_eq!(expect::storage_error(one.region_info(region).await), unauthorized);
}
