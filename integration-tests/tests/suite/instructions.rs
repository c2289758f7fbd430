//! Costs of the hot methods. Measured on the embedded host, whichever replica the suite runs on.

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use integration_tests::contract::methods;
use integration_tests::{bench, controller, init_args, stranger};
use stable_storage_api::limits::{
    LOG_ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_METADATA_BYTES, MAX_REPLY_BYTES,
};
use stable_storage_api::{
    HttpRequest, HttpResponse, ListArgs, MetadataPair, PutArgs, ReadArgs, ReadLogArgs, RegionLoad, RegionType,
};
use storage_wasm::STORAGE_WASM;

/// Every case of `scripts/bench.sh` costs what the golden file states, within 2 %. A lower cost is a failure as well: otherwise
/// it could rise again undetected.
#[test]
fn the_hot_methods_cost_what_the_golden_file_says() {
    if let Err(differences) = bench::compare(&bench::measure(STORAGE_WASM)) {
        panic!("{differences}");
    }
}

/// Most instructions of a message that does almost nothing. Candid's type table of a result alone took 250,000. The most
/// expensive are the first `create_upload`, which takes a bucket, and `status`; all others take less than 50,000.
const MOST_INSTRUCTIONS: u64 = 170_000;

/// No method pays for Candid's type tables: on a canister with a key and a log entry, each costs a bounded number of
/// instructions, also in its first message after an install. The metrics are a text of 8 KB.
#[test]
fn no_method_pays_for_type_tables() {
    let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    ic.install(STORAGE_WASM, &init_args(None)).unwrap();
    ic.update(controller(), "put", candid::encode_args(("key", b"value".to_vec())).unwrap()).unwrap();
    ic.update(controller(), "log", candid::encode_one("entry").unwrap()).unwrap();
    let mut costs = Vec::new();
    for method in methods().iter().filter(|method| !method.name.starts_with("http_request")) {
        let reply = match method.is_query {
            true => ic.query(controller(), &method.name, &method.args),
            false => ic.update(controller(), &method.name, &method.args),
        };
        let reply = reply.unwrap_or_else(|error| panic!("{}: {error}", method.name));
        costs.push((reply.instructions, method.name.clone()));
    }
    costs.sort();
    println!("{costs:#?}");
    let dear: Vec<_> = costs.iter().filter(|(instructions, _)| *instructions > MOST_INSTRUCTIONS).collect();
    assert!(dear.is_empty(), "{dear:?}");
}

/// docs/SECURITY.md, which states the cost of the metrics.
const SECURITY: &str = include_str!("../../../docs/SECURITY.md");

/// Everyone may query the metrics, so docs/SECURITY.md states what they cost.
#[test]
fn the_metrics_cost_a_bounded_number_of_instructions() {
    assert!(SECURITY.contains("at most 700,000 instructions"), "docs/SECURITY.md states another bound");
    let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    ic.install(STORAGE_WASM, &init_args(None)).unwrap();
    // The numbers of a used store are longer, and there are more lines.
    for method in methods().iter().filter(|method| !method.is_query) {
        drop(ic.update(controller(), &method.name, &method.args));
        drop(ic.update_from_canister(stranger(), &method.name, &method.args));
    }
    let args = candid::encode_one(HttpRequest::get("/metrics")).unwrap();
    let reply = ic.query(Principal::anonymous(), "http_request", &args).unwrap();
    let response: HttpResponse = candid::decode_one(&reply.bytes).unwrap();
    assert_eq!(response.status_code, 200);
    println!("{} instructions for {} bytes", reply.instructions, response.body.len());
    assert!(reply.instructions <= 700_000, "{} instructions", reply.instructions);
}

/// Most instructions of a read that is sent as an update: 100 million for the bytes of the longest reply, and the rest for
/// what it consists of.
const MAX_READ_INSTRUCTIONS: u64 = 150_000_000;

fn read(key: &str) -> ReadArgs {
    ReadArgs { key: key.into(), offset: 0, length: None, revision: None }
}

/// A canister with what fills the longest replies: a value, many long keys with metadata, short entries of the log, a region.
fn with_long_replies() -> EmbeddedIc {
    let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    ic.install(STORAGE_WASM, &init_args(None)).unwrap();
    let mut change = |method: &str, args: Vec<u8>| _ = ic.update(controller(), method, &args).unwrap();
    change("put", candid::encode_args(("value", vec![7_u8; MAX_REPLY_BYTES as usize])).unwrap());
    for batch in 0..4 {
        let puts = (0..MAX_BATCH_ITEMS / 4).map(|number| PutArgs {
            metadata: Some(vec![MetadataPair::new("n", "m".repeat(MAX_METADATA_BYTES as usize - 1))]),
            ..PutArgs::new(format!("long/{batch}/{number:0>1017}"), vec![1; 100])
        });
        change("put_many", candid::encode_one(puts.collect::<Vec<_>>()).unwrap());
    }
    let short = (0..MAX_BATCH_ITEMS).map(|number| PutArgs::new(format!("short/{number}"), vec![1]));
    change("put_many", candid::encode_one(short.collect::<Vec<_>>()).unwrap());
    let entries = vec![serde_bytes::ByteBuf::new(); MAX_BATCH_ITEMS as usize];
    for _ in 0..=MAX_REPLY_BYTES / LOG_ITEM_OVERHEAD_BYTES / MAX_BATCH_ITEMS {
        change("append", candid::encode_one(&entries).unwrap());
    }
    change("region_new", candid::encode_args(()).unwrap());
    change("region_grow", candid::encode_args((16_u64, 31_u64)).unwrap());
    ic
}

/// The canister pays for the reply of an update. The longest reply of each kind costs what docs/SECURITY.md states.
#[test]
fn the_longest_replies_cost_a_bounded_number_of_instructions() {
    for stated in ["51 instructions per byte", "at most 0.15 billion"] {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    let mut ic = with_long_replies();
    let keys: Vec<_> = (0..MAX_BATCH_ITEMS).map(|number| format!("short/{number}")).collect();
    let loads = vec![RegionLoad { offset: 0, kind: RegionType::Nat8 }; MAX_BATCH_ITEMS as usize];
    let calls = [
        ("get", candid::encode_one("value")),
        ("read", candid::encode_one(read("value"))),
        ("get_many", candid::encode_one(["value"])),
        ("get_many", candid::encode_one(&keys)),
        ("list", candid::encode_one(ListArgs::prefix("long/"))),
        ("list", candid::encode_one(ListArgs::prefix("short/"))),
        ("list", candid::encode_one(ListArgs::level("short/", "9").descending())),
        ("scan", candid::encode_one(ListArgs::prefix("long/"))),
        ("scan", candid::encode_one(ListArgs::prefix("short/"))),
        ("readLast", candid::encode_one(candid::Nat::from(u64::MAX))),
        ("read_log", candid::encode_one(ReadLogArgs { from: 0, limit: Some(u32::MAX) })),
        ("region_load_blob", candid::encode_args((16_u64, 0_u64, MAX_REPLY_BYTES))),
        ("region_load", candid::encode_args((16_u64, &loads))),
    ];
    for (method, args) in calls {
        let reply = ic.update(controller(), method, args.unwrap()).unwrap();
        let (instructions, bytes) = (reply.instructions, reply.bytes.len() as u64);
        println!("{method}: {instructions} instructions for {bytes} bytes");
        assert!(bytes > 1_000, "{method} failed: {:?}", String::from_utf8_lossy(&reply.bytes));
        assert!(instructions <= MAX_READ_INSTRUCTIONS, "{method}: {instructions} instructions");
        if ["get", "read", "region_load_blob"].contains(&method) {
            assert!(instructions <= 51 * bytes + 50_000, "{method}: {instructions} instructions");
        }
    }
}
