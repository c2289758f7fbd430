//! What the module says of itself.

use integration_tests::contract::CONTRACT;
use storage_wasm::STORAGE_WASM;
use wasmparser::{Parser, Payload};

/// The custom sections of the module with this name, as texts.
fn sections(name: &str) -> Vec<String> {
    let payloads = Parser::new(0).parse_all(STORAGE_WASM).map(Result::unwrap);
    let sections = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == name => Some(section.data().to_vec()),
        _ => None,
    });
    sections.map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

/// The module carries `storage.did` as the public section in which tools look for it, and carries it once.
#[test]
fn the_module_carries_its_contract() {
    assert_eq!(sections("icp:public candid:service"), [CONTRACT]);
}

/// The module carries the types of the argument of install, which tools that install it read.
#[test]
fn the_module_carries_the_types_of_its_argument() {
    let [args] = &*sections("icp:public candid:args") else { panic!("there is one section") };
    candid_parser::utils::check_rust_type::<Option<stable_storage_api::InitArgs>>(args).unwrap();
}

/// The module can be sent to a replica in one message, so that deploying needs no chunk store. It is 600 KB, of which
/// Candid's generic code would add 900; what grows beyond this is looked at before the bound is raised.
#[test]
fn the_module_fits_one_message() {
    assert!(STORAGE_WASM.len() < 800_000, "the module has {} bytes", STORAGE_WASM.len());
}
