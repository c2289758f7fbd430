//! Objects and their absence.

use candid::Principal;
use stable_storage_api::{CertifiedInfo, CertifiedObject, ChecksumState, MetadataPair, ObjectInfo};
use storage_verify::{VerifyError, check_value, record};

use crate::for_each_flip;
use crate::network::{NOW_NS, verifier};
use crate::store::{Store, info, reference_record};

const KEYS: [&str; 5] = ["a", "b/1", "b/2", "b/3", "c"];

fn store() -> Store {
    Store::with(&["a", "b/", "c"], &KEYS, 1)
}

fn check(key: &str, reply: &CertifiedObject) -> Result<Option<Vec<u8>>, VerifyError> {
    Ok(verifier().object(key, reply, NOW_NS)?.map(|object| object.value.to_vec()))
}

fn check_info(key: &str, reply: &CertifiedInfo) -> Result<bool, VerifyError> {
    verifier().info(key, reply, NOW_NS).map(|info| info.is_some())
}

#[test]
fn objects_are_accepted() {
    let store = store();
    for key in KEYS {
        assert_eq!(check(key, &store.get(key)), Ok(Some(key.as_bytes().to_vec())));
        assert_eq!(check_info(key, &store.stat(key)), Ok(true));
    }
}

#[test]
fn absence_is_accepted_under_a_certified_prefix() {
    let store = store();
    for key in ["aa", "b/", "b/0", "b/11", "b/4", "cc"] {
        assert_eq!(check(key, &store.get(key)), Ok(None), "{key}");
        assert_eq!(check_info(key, &store.stat(key)), Ok(false), "{key}");
    }
    let empty = Store::new(&["b/"]);
    assert_eq!(check("b/1", &empty.get("b/1")), Ok(None));
}

#[test]
fn absence_is_refused_where_not_all_objects_are_certified() {
    for store in [store(), Store::new(&[])] {
        let refused = check("d", &store.get("d")).unwrap_err();
        assert_eq!(refused, VerifyError::NotCertified { prefix: "d".into() });
        let refused = check_info("b", &store.stat("b")).unwrap_err();
        assert_eq!(refused, VerifyError::NotCertified { prefix: "b".into() });
    }
}

#[test]
fn every_changed_byte_of_the_witness_is_refused() {
    let store = store();
    for key in ["b/2", "b/22"] {
        let good = store.get(key);
        for_each_flip(&good.proof.witness, |index, flipped| {
            let mut bad = good.clone();
            bad.proof.witness = flipped.into();
            assert!(check(key, &bad).is_err(), "byte {index} of the witness of {key}");
        });
    }
}

#[test]
fn every_changed_byte_of_the_value_is_refused() {
    let mut store = store();
    let value: Vec<u8> = (0..100).collect();
    store.put(info("b/v", &value, 9), &value);
    let good = store.get("b/v");
    for_each_flip(&value, |index, flipped| {
        let mut bad = good.clone();
        bad.object.as_mut().unwrap().value = flipped.into();
        assert!(matches!(check("b/v", &bad), Err(VerifyError::Value { .. })), "byte {index}");
    });
    for other in [&value[..99], &[], &[&value[..], &[0]].concat()] {
        let mut bad = good.clone();
        bad.object.as_mut().unwrap().value = other.to_vec().into();
        let (certified, found) = (100, other.len() as u64);
        assert_eq!(check("b/v", &bad), Err(VerifyError::Size { key: "b/v".into(), certified, found }));
    }
}

/// Changes of metadata, one of each field and of each part of it.
fn changes() -> Vec<fn(&mut ObjectInfo)> {
    vec![
        |info| info.size += 1,
        |info| info.revision += 1,
        |info| info.created_ns ^= 1 << 63,
        |info| info.modified_ns = 0,
        |info| info.content_type = None,
        |info| info.content_type = Some("text/plaim".into()),
        |info| info.content_type = Some("x".repeat(65_536)),
        |info| info.content_encoding = None,
        |info| std::mem::swap(&mut info.content_type, &mut info.content_encoding),
        |info| info.owner = None,
        |info| info.owner = Some(Principal::anonymous()),
        |info| info.metadata = None,
        |info| info.metadata = Some(vec![]),
        |info| info.metadata.as_mut().unwrap().reverse(),
        |info| info.metadata.as_mut().unwrap().push(MetadataPair::new("", "")),
        |info| info.metadata.as_mut().unwrap()[0] = MetadataPair::new("namev", "alue"),
        |info| info.sha256 = None,
        |info| info.sha256.as_mut().unwrap().state = ChecksumState::Declared,
        |info| info.sha256.as_mut().unwrap().state = ChecksumState::Mismatch,
        |info| info.sha256.as_mut().unwrap().digest[31] ^= 1,
        |info| info.sha256.as_mut().unwrap().digest.truncate(31),
    ]
}

#[test]
fn every_change_of_the_metadata_is_refused() {
    let store = store();
    for (index, change) in changes().into_iter().enumerate() {
        let mut reply = store.stat("b/2");
        change(reply.info.as_mut().unwrap());
        let refused = check_info("b/2", &reply);
        assert_eq!(refused, Err(VerifyError::Metadata { key: "b/2".into() }), "change {index}");
        let mut reply = store.get("b/2");
        change(&mut reply.object.as_mut().unwrap().info);
        assert_eq!(check("b/2", &reply), Err(VerifyError::Metadata { key: "b/2".into() }), "change {index}");
    }
}

#[test]
fn metadata_without_optional_fields_is_accepted_and_nothing_can_be_added() {
    let mut store = Store::new(&[""]);
    let bare = ObjectInfo {
        content_type: None,
        content_encoding: None,
        metadata: None,
        owner: None,
        sha256: None,
        ..info("k", b"v", 1)
    };
    store.put(bare, b"v");
    assert_eq!(check_info("k", &store.stat("k")), Ok(true));
    assert_eq!(check("k", &store.get("k")), Err(VerifyError::NoDigest { key: "k".into() }));
    let additions: [fn(&mut ObjectInfo); 5] = [
        |info| info.content_type = Some(String::new()),
        |info| info.content_encoding = Some(String::new()),
        |info| info.metadata = Some(vec![]),
        |info| info.owner = Some(Principal::management_canister()),
        |info| info.sha256 = super::store::info("k", b"v", 1).sha256,
    ];
    for (index, add) in additions.into_iter().enumerate() {
        let mut reply = store.stat("k");
        add(reply.info.as_mut().unwrap());
        assert_eq!(
            check_info("k", &reply),
            Err(VerifyError::Metadata { key: "k".into() }),
            "addition {index}"
        );
    }
}

#[test]
fn records_are_those_of_the_design() {
    let full = info("key", b"value", 3);
    assert_eq!(record(&full).unwrap(), reference_record(&full));
    for change in changes() {
        let mut changed = full.clone();
        change(&mut changed);
        if let Some(bytes) = record(&changed) {
            assert_eq!(bytes, reference_record(&changed));
            assert_ne!(bytes, reference_record(&full));
        }
    }
    let bytes = record(&full).unwrap();
    assert_eq!(bytes[..9], [1, 5, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes.len(), 33 + (3 + 10) + (3 + 2) + (3 + 3) + (2 + 6 + 7 + 7 + 2) + 33);
}

#[test]
fn an_object_that_is_left_out_or_added_is_refused() {
    let store = store();
    let mut reply = store.get("b/2");
    let object = reply.object.take();
    assert_eq!(check("b/2", &reply), Err(VerifyError::Omitted { key: "b/2".into() }));
    let mut reply = store.get("b/22");
    reply.object = object.clone();
    let refused = check("b/22", &reply).unwrap_err();
    assert_eq!(refused, VerifyError::OtherKey { asked: "b/22".into(), found: "b/2".into() });
    reply.object.as_mut().unwrap().info.key = "b/22".into();
    assert_eq!(check("b/22", &reply), Err(VerifyError::Added { key: "b/22".into() }));
}

#[test]
fn the_proof_of_another_object_is_refused() {
    let store = store();
    let reply = CertifiedObject { proof: store.get("a").proof, ..store.get("b/2") };
    assert_eq!(check("b/2", &reply), Err(VerifyError::NotShown { key: "b/2".into() }));
    let reply = CertifiedObject { object: None, proof: store.get("c").proof };
    assert_eq!(check("b/2", &reply), Err(VerifyError::NotShown { key: "b/2".into() }));
}

#[test]
fn the_proof_of_another_time_is_refused_with_the_certificate_of_this_one() {
    let (old, mut new) = (store(), store());
    new.put(info("b/2", b"new", 100), b"new");
    let mut reply = old.get("b/2");
    reply.proof.certificate = new.get("b/2").proof.certificate;
    assert!(matches!(check("b/2", &reply), Err(VerifyError::Root { .. })));
}

#[test]
fn values_that_are_read_in_ranges_are_compared() {
    let info = info("k", b"value", 1);
    let digest: [u8; 32] = info.sha256.as_ref().unwrap().digest.as_slice().try_into().unwrap();
    check_value(&info, 5, digest).unwrap();
    assert!(matches!(check_value(&info, 4, digest), Err(VerifyError::Size { .. })));
    assert!(matches!(check_value(&info, 5, [0; 32]), Err(VerifyError::Value { .. })));
}
