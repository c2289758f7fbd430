//! Certificates and signatures, verified as a client does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{module, user};
use embedded_ic::{Config, EmbeddedIc, HostError};
use ic_certification::{Certificate, LookupResult};
use ic_verify_bls_signature::verify_bls_signature;

/// Certifies its argument, returns the certified data with its certificate, and whether there is one.
const CERTIFYING: &str = r#"
    (func (export "canister_update certify")
        (call $certified_data_set (i32.const 1000) (call $arg))
        (call $msg_reply))
    (func $certificate
        (call $data_certificate_copy (i32.const 2000) (i32.const 0) (call $data_certificate_size))
        (call $reply (i32.const 2000) (call $data_certificate_size)))
    (func (export "canister_query certificate") (call $certificate))
    (func $present
        (i32.store8 (i32.const 0) (call $data_certificate_present))
        (call $reply (i32.const 0) (i32.const 1)))
    (func (export "canister_query present") (call $present))
    (func (export "canister_update present in an update") (call $present))"#;

fn host_in(path: &Path) -> EmbeddedIc {
    let mut ic = EmbeddedIc::create_dir(path, Config::default()).unwrap();
    ic.install(&module(CERTIFYING), b"").unwrap();
    ic
}

/// The certificate, whose signature is that of the root key.
fn verified(ic: &EmbeddedIc, bytes: &[u8]) -> Certificate {
    let certificate: Certificate = serde_cbor::from_slice(bytes).unwrap();
    let message = [&b"\x0dic-state-root"[..], &certificate.tree.digest()].concat();
    let signer = ic.signer().unwrap();
    verify_bls_signature(&certificate.signature, &message, &signer.root_key()[37..]).unwrap();
    certificate
}

#[test]
fn a_query_has_a_certificate_of_what_the_last_update_certified() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&module(CERTIFYING), b"").unwrap();
    let id = ic.canister_id();
    for data in [&b"first"[..], b"second"] {
        ic.update(user(), "certify", data).unwrap();
        let reply = ic.query(user(), "certificate", b"").unwrap();
        let certificate = verified(&ic, &reply.bytes);
        let path = [&b"canister"[..], id.as_slice(), b"certified_data"];
        assert_eq!(certificate.tree.lookup_path(path), LookupResult::Found(data));
        assert!(matches!(certificate.tree.lookup_path([b"time"]), LookupResult::Found(_)));
        let path = [&b"canister"[..], id.as_slice(), b"controllers"];
        assert_eq!(certificate.tree.lookup_path(path), LookupResult::Unknown);
    }
}

#[test]
fn a_certificate_is_present_in_queries_and_not_in_updates() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&module(CERTIFYING), b"").unwrap();
    assert_eq!(ic.query(user(), "present", b"").unwrap().bytes, [1]);
    assert_eq!(ic.update(user(), "present in an update", b"").unwrap().bytes, [0]);
}

#[test]
fn the_keys_of_a_folder_stay_and_are_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let ic = host_in(&path);
    let keys = path.join("keys.bin");
    assert!(!keys.exists(), "keys are made before they are used");
    let signer = ic.signer().unwrap();
    assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    ic.close().unwrap();
    let ic = EmbeddedIc::open_dir(&path, Config::default()).unwrap();
    let again = ic.signer().unwrap();
    assert_eq!((again.root_key(), again.node_key()), (signer.root_key(), signer.node_key()));
    assert_eq!(again.subnet_id(), candid::Principal::self_authenticating(signer.root_key()));
    let other = EmbeddedIc::new(Config::default()).unwrap();
    assert_ne!(other.signer().unwrap().root_key(), signer.root_key());
}

#[test]
fn a_folder_that_is_only_read_gets_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    host_in(&path).close().unwrap();
    let read_only = || EmbeddedIc::open_dir(&path, Config::default().with_read_only()).unwrap();
    let mut ic = read_only();
    assert!(matches!(ic.signer(), Err(HostError::ReadOnly { .. })));
    assert_eq!(ic.query(user(), "present", b"").unwrap().bytes, [0]);
    let said = ic.query(user(), "certificate", b"").unwrap_err().to_string();
    assert!(said.contains("there is no data certificate"), "{said}");
    drop(ic);
    let ic = EmbeddedIc::open_dir(&path, Config::default()).unwrap();
    ic.signer().unwrap();
    ic.close().unwrap();
    assert_eq!(read_only().query(user(), "present", b"").unwrap().bytes, [1]);
}

#[test]
fn damaged_keys_are_refused_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let ic = host_in(&path);
    ic.signer().unwrap();
    ic.close().unwrap();
    let keys = path.join("keys.bin");
    let mut bytes = std::fs::read(&keys).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&keys, &bytes).unwrap();
    let ic = EmbeddedIc::open_dir(&path, Config::default()).unwrap();
    assert!(matches!(ic.signer(), Err(HostError::Damaged { offset: 80, .. })));
    assert_eq!(std::fs::read(&keys).unwrap(), bytes);
}

#[test]
fn the_state_tree_tells_of_the_canister_and_the_subnet() {
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    let id = ic.canister_id();
    let canister = |name: &'static [u8]| [&b"canister"[..], id.as_slice(), name];
    assert_eq!(ic.state_tree().unwrap().get(&canister(b"module_hash")), None);
    let wasm =
        with_section(&with_section(&module(CERTIFYING), "icp:public open", b"1"), "icp:private own", b"2");
    ic.install(&wasm, b"").unwrap();
    let tree = ic.state_tree().unwrap();
    assert_eq!(tree.get(&canister(b"module_hash")), Some(&ic.module_hash().unwrap()[..]));
    assert!(tree.get(&canister(b"controllers")).is_some());
    let metadata = |name: &'static [u8]| [&b"canister"[..], id.as_slice(), b"metadata", name];
    assert_eq!(tree.get(&metadata(b"open")), Some(&b"1"[..]));
    assert_eq!(tree.get(&metadata(b"own")), Some(&b"2"[..]));
    assert_eq!(ic.metadata().iter().map(|section| section.is_public).collect::<Vec<_>>(), [true, false]);
    let signer = ic.signer().unwrap();
    let (subnet, node) = (signer.subnet_id(), signer.node_id());
    assert_eq!(tree.get(&[b"subnet", subnet.as_slice(), b"public_key"]), Some(signer.root_key()));
    let node = [&b"subnet"[..], subnet.as_slice(), b"node", node.as_slice(), b"public_key"];
    assert_eq!(tree.get(&node), Some(signer.node_key()));
}

/// A module with one more custom section.
fn with_section(wasm: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut section = vec![name.len() as u8];
    section.extend(name.as_bytes());
    section.extend(content);
    [wasm, &[0, section.len() as u8], &section].concat()
}
