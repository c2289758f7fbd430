//! Makes the bindings, as the documentation of ic-cdk-bindgen has it.

fn main() {
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../../storage.did");
    println!("cargo::rerun-if-changed={contract}");
    ic_cdk_bindgen::Config::new("storage", contract).dynamic_callee("PUBLIC_CANISTER_ID:storage").generate();
}
