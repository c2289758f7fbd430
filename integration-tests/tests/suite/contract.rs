//! What the module says of itself.

use integration_tests::contract::CONTRACT;
use storage_wasm::STORAGE_WASM;
use wasmparser::{Parser, Payload};

/// The module carries `storage.did` as the public section in which tools look for it, and carries it once.
#[test]
fn the_module_carries_its_contract() {
    let sections: Vec<_> = Parser::new(0)
        .parse_all(STORAGE_WASM)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) if section.name() == "icp:public candid:service" => {
                Some(section.data())
            }
            _ => None,
        })
        .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
        .collect();
    assert_eq!(sections, [CONTRACT]);
}

/// The module can be sent to a replica in one message, so that deploying needs no chunk store.
#[test]
fn the_module_fits_one_message() {
    assert!(STORAGE_WASM.len() < 2_000_000, "the module has {} bytes", STORAGE_WASM.len());
}
