//! Replies for clients in other languages: `vectors.json`, which the tests of packages/storage-js read.
//!
//! `STORAGE_UPDATE=1 cargo test -p storage-verify --test verify vectors` writes the file again.

use candid::CandidType;
use ic_certification::Delegation;
use serde_json::{Value, json};
use stable_storage_api::{CertifiedObject, ListArgs, ObjectInfo, Proof, ReadLogArgs};

use crate::network::{NOW_NS, Place, Signer, canister, delegated, root, state, to_cbor, verifier};
use crate::store::{Store, info};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn case(method: &str, args: Value, reply: &impl CandidType) -> Value {
    let reply = candid::encode_one(stable_storage_api::Result::<_>::Ok(reply)).unwrap();
    json!({ "method": method, "args": args, "reply": hex(&reply) })
}

/// The same proof, with a certificate of a subnet other than the root subnet.
fn delegated_proof(proof: Proof) -> Proof {
    let subnet = Signer::new(8);
    let tree = delegated(&subnet, Place::Shards, &[(canister(), canister())]);
    let certificate = to_cbor(&root().sign(tree, None));
    let delegation = Delegation { subnet_id: subnet.subnet().as_slice().to_vec(), certificate };
    let witness: ic_certification::HashTree = serde_cbor::from_slice(&proof.witness).unwrap();
    let signed = subnet.sign(state(canister(), &witness.digest(), NOW_NS), Some(delegation));
    Proof { certificate: to_cbor(&signed).into(), ..proof }
}

fn vectors() -> Value {
    let mut store = Store::with(&["b/", "c"], &["a", "b/1", "b/2", "b/3", "c", "c1"], 11);
    let bare = ObjectInfo {
        content_type: None,
        content_encoding: None,
        metadata: None,
        owner: None,
        ..info("b/bare", b"bare", 9)
    };
    store.put(bare, b"bare");
    let present = store.get("b/2");
    let delegated = CertifiedObject { proof: delegated_proof(present.proof.clone()), ..present.clone() };
    verifier().object("b/2", &delegated, NOW_NS).unwrap();
    let list = |args: ListArgs| {
        let (prefix, start_after, limit) = (&args.prefix, &args.start_after, args.limit);
        let shown = json!({ "prefix": prefix, "start_after": start_after, "limit": limit });
        case("list_certified", shown, &store.list(&args))
    };
    let log = |from: u64, limit: u32| {
        let args = ReadLogArgs { from, limit: Some(limit) };
        case("log_certified", json!({ "from": from, "limit": limit }), &store.log(&args))
    };
    json!({
        "root_key": hex(&root().public_key()),
        "canister": canister().to_text(),
        "time_ms": NOW_NS / 1_000_000,
        "cases": [
            case("get_certified", json!("b/2"), &present),
            case("get_certified", json!("b/2"), &delegated),
            case("get_certified", json!("b/bare"), &store.get("b/bare")),
            case("get_certified", json!("b/22"), &store.get("b/22")),
            case("stat_certified", json!("c"), &store.stat("c")),
            case("stat_certified", json!("c2"), &store.stat("c2")),
            list(ListArgs::prefix("b/")),
            list(ListArgs::prefix("b/").limited(2)),
            list(ListArgs { start_after: Some("b/1".into()), ..ListArgs::prefix("b/") }),
            list(ListArgs::prefix("b/x")),
            list(ListArgs::prefix("c")),
            log(0, 100),
            log(5, 3),
            log(11, 1),
        ],
    })
}

#[test]
fn the_vectors_for_other_languages_are_those_of_the_file() {
    let text = format!("{:#}\n", vectors());
    if std::env::var_os("STORAGE_UPDATE").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(kept == text, "{FILE} differs; run this test with STORAGE_UPDATE=1, and see what has changed");
}
