//! Metadata of the module.

use integration_tests::contract::CONTRACT;
use storage_wasm::STORAGE_WASM;
use wasmparser::{Parser, Payload};

/// Returns the custom sections of the module with this name, as texts.
fn sections(name: &str) -> Vec<String> {
    let payloads = Parser::new(0).parse_all(STORAGE_WASM).map(Result::unwrap);
    let sections = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == name => Some(section.data().to_vec()),
        _ => None,
    });
    sections.map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

/// The module contains `storage.did` once, as the public section in which tools look for it.
#[test]
fn the_module_carries_its_contract() {
    assert_eq!(sections("icp:public candid:service"), [CONTRACT]);
}

/// The module contains the types of the argument of install, for tools that install it.
#[test]
fn the_module_carries_the_types_of_its_argument() {
    let [args] = &*sections("icp:public candid:args") else { panic!("there is one section") };
    candid_parser::utils::check_rust_type::<Option<stable_storage_api::InitArgs>>(args).unwrap();
}

/// The module fits one message, so that deploying needs no chunk store. Certification, the sites and their requests are 450 KB of it;
/// Candid's generic code would add 900 KB.
/// Examine any growth before you raise the bound.
#[test]
fn the_module_fits_one_message() {
    assert!(STORAGE_WASM.len() < 1_300_000, "the module has {} bytes", STORAGE_WASM.len());
}
