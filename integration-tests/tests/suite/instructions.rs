//! Costs of the hot methods. Measured on the embedded host, whichever replica the suite runs on.

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use integration_tests::contract::methods;
use integration_tests::{bench, controller, init_args, stranger};
use stable_storage_api::{HttpRequest, HttpResponse};
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
