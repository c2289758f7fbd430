//! Certificates: signatures, delegations, ranges of canisters, time.

use candid::Principal;
use ic_certification::{Delegation, fork, label, leaf};
use stable_storage_api::CertifiedObject;
use storage_verify::{Part, Verifier, VerifyError, limits};

use crate::for_each_flip;
use crate::network::{
    NOW_NS, Place, Signer, canister, delegated, leb128, ranges, root, state, to_cbor, verifier,
};
use crate::store::Store;

fn reply() -> CertifiedObject {
    Store::with(&[""], &["a"], 1).get("a")
}

/// The data that the canister has certified in [`reply`].
fn certified() -> Vec<u8> {
    let witness: ic_certification::HashTree = serde_cbor::from_slice(&reply().proof.witness).unwrap();
    witness.digest().to_vec()
}

/// Checks the reply with another certificate.
fn check(certificate: &impl serde::Serialize) -> Result<(), VerifyError> {
    let mut reply = reply();
    reply.proof.certificate = to_cbor(certificate).into();
    verifier().object("a", &reply, NOW_NS).map(|object| assert!(object.is_some()))
}

/// A certificate of another subnet, to which the root delegates these canisters.
fn delegation(place: Place, of_subnet: &[(Principal, Principal)]) -> Result<(), VerifyError> {
    let subnet = Signer::new(8);
    let certificate = to_cbor(&root().sign(delegated(&subnet, place, of_subnet), None));
    let delegation = Delegation { subnet_id: subnet.subnet().as_slice().to_vec(), certificate };
    check(&subnet.sign(state(canister(), &certified(), NOW_NS), Some(delegation)))
}

fn id(number: u8) -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, number, 0, 0, 1, 1])
}

#[test]
fn a_certificate_of_the_root_subnet_is_accepted() {
    check(&root().sign(state(canister(), &certified(), NOW_NS), None)).unwrap();
}

#[test]
fn the_key_of_mainnet_is_a_key() {
    let mainnet = Verifier::mainnet(canister());
    let refused = mainnet.object("a", &reply(), NOW_NS).unwrap_err();
    assert!(matches!(refused, VerifyError::Signature { part: Part::Certificate, .. }), "{refused}");
}

#[test]
fn root_keys_that_are_no_keys_are_refused() {
    let key = root().public_key();
    let mut other_curve = key.clone();
    other_curve[10] ^= 1;
    let mut no_point = key.clone();
    no_point[132] ^= 1;
    for bad in [&[][..], &key[..132], &key[37..], &other_curve, &no_point, &[key.clone(), vec![0]].concat()] {
        let bytes = bad.len();
        let refused = Verifier::new(bad, canister()).unwrap_err();
        assert_eq!(refused, VerifyError::PublicKey { what: "the root key", bytes });
    }
}

#[test]
fn every_changed_byte_of_the_certificate_is_refused() {
    let good = reply();
    for_each_flip(&good.proof.certificate, |index, flipped| {
        let mut bad = good.clone();
        bad.proof.certificate = flipped.into();
        assert!(verifier().object("a", &bad, NOW_NS).is_err(), "byte {index}");
    });
}

#[test]
fn another_key_is_refused() {
    let refused = check(&Signer::new(9).sign(state(canister(), &certified(), NOW_NS), None)).unwrap_err();
    assert!(matches!(refused, VerifyError::Signature { part: Part::Certificate, .. }), "{refused}");
    let other = Verifier::new(&Signer::new(9).public_key(), canister()).unwrap();
    assert!(matches!(other.object("a", &reply(), NOW_NS), Err(VerifyError::Signature { .. })));
}

#[test]
fn a_certificate_of_another_canister_is_refused() {
    let refused = check(&root().sign(state(id(1), &certified(), NOW_NS), None)).unwrap_err();
    assert!(matches!(refused, VerifyError::NotInTree { part: Part::Certificate, .. }), "{refused}");
}

#[test]
fn a_certificate_of_other_data_is_refused() {
    let refused = check(&root().sign(state(canister(), &[1; 32], NOW_NS), None)).unwrap_err();
    assert!(matches!(refused, VerifyError::Root { .. }), "{refused}");
    let refused = check(&root().sign(state(canister(), b"", NOW_NS), None)).unwrap_err();
    assert!(matches!(refused, VerifyError::Root { .. }), "{refused}");
}

#[test]
fn certificates_are_accepted_within_their_age_and_not_beyond() {
    let at = |verifier: Verifier, now_ns| verifier.object("a", &reply(), now_ns).map(|_| ());
    let (age, ahead) = (limits::MAX_AGE_NS, limits::MAX_AHEAD_NS);
    at(verifier(), NOW_NS + age).unwrap();
    at(verifier(), NOW_NS - ahead).unwrap();
    let expired = at(verifier(), NOW_NS + age + 1).unwrap_err();
    let now_ns = NOW_NS + age + 1;
    assert_eq!(expired, VerifyError::Expired { time_ns: NOW_NS, now_ns, max_age_ns: age });
    let future = at(verifier(), NOW_NS - ahead - 1).unwrap_err();
    let now_ns = NOW_NS - ahead - 1;
    assert_eq!(future, VerifyError::Future { time_ns: NOW_NS, now_ns, max_ahead_ns: ahead });
    at(verifier().max_age(10), NOW_NS + 10).unwrap();
    assert!(matches!(at(verifier().max_age(10), NOW_NS + 11), Err(VerifyError::Expired { .. })));
    assert!(matches!(at(verifier().max_ahead(10), NOW_NS - 11), Err(VerifyError::Future { .. })));
    assert!(matches!(at(verifier(), 0), Err(VerifyError::Future { .. })));
    assert!(matches!(at(verifier(), u64::MAX), Err(VerifyError::Expired { .. })));
}

#[test]
fn a_time_that_is_no_number_is_refused() {
    let mut too_long = leb128(NOW_NS);
    *too_long.last_mut().unwrap() |= 0x80;
    too_long.push(0);
    for time in [vec![], vec![0x80], vec![0xff; 10], vec![0xff; 100], too_long] {
        let data =
            label("canister", label(canister().as_slice(), label("certified_data", leaf(certified()))));
        let tree = fork(data, label("time", leaf(time.clone())));
        assert_eq!(check(&root().sign(tree, None)), Err(VerifyError::Time), "{time:?}");
    }
}

#[test]
fn the_subnet_of_the_canister_is_accepted() {
    for place in [Place::Whole, Place::Shards] {
        delegation(place, &[(canister(), canister())]).unwrap();
        delegation(place, &[(id(0x10), id(0x11)), (id(0x30), id(0x31)), (id(0x40), id(0x41))]).unwrap();
    }
}

#[test]
fn a_subnet_of_other_canisters_is_refused() {
    let cases: [&[(Principal, Principal)]; 4] = [
        &[(id(0x10), id(0x2f))],
        &[(id(0x10), id(0x11)), (id(0x20), id(0x30)), (id(0x31), id(0x32))],
        &[(id(0x31), id(0x2f))],
        &[(id(0x31), id(0x41))],
    ];
    for of_subnet in cases {
        let refused = delegation(Place::Whole, of_subnet).unwrap_err();
        assert!(matches!(refused, VerifyError::CanisterRange { .. }), "{refused}");
        let refused = delegation(Place::Shards, of_subnet).unwrap_err();
        // The shards may begin after the canister.
        let is_refused = matches!(
            refused,
            VerifyError::CanisterRange { .. } | VerifyError::NotInTree { part: Part::Delegation, .. }
        );
        assert!(is_refused, "{refused}");
    }
    assert!(matches!(delegation(Place::Whole, &[]), Err(VerifyError::CanisterRange { .. })));
    assert!(matches!(delegation(Place::Shards, &[]), Err(VerifyError::NotInTree { .. })));
}

#[test]
fn every_changed_byte_of_a_delegation_is_refused() {
    let subnet = Signer::new(8);
    let tree = delegated(&subnet, Place::Shards, &[(canister(), canister())]);
    let certificate = to_cbor(&root().sign(tree, None));
    let sign = |subnet_id: Vec<u8>, certificate: Vec<u8>| {
        let delegation = Delegation { subnet_id, certificate };
        check(&subnet.sign(state(canister(), &certified(), NOW_NS), Some(delegation)))
    };
    let subnet_id = subnet.subnet().as_slice().to_vec();
    sign(subnet_id.clone(), certificate.clone()).unwrap();
    for_each_flip(&certificate, |index, flipped| {
        assert!(sign(subnet_id.clone(), flipped).is_err(), "byte {index} of the certificate");
    });
    for_each_flip(&subnet_id, |index, flipped| {
        assert!(sign(flipped, certificate.clone()).is_err(), "byte {index} of the subnet");
    });
}

#[test]
fn a_delegation_by_another_key_than_the_root_is_refused() {
    let subnet = Signer::new(8);
    let tree = delegated(&subnet, Place::Whole, &[(canister(), canister())]);
    let certificate = to_cbor(&subnet.sign(tree, None));
    let delegation = Delegation { subnet_id: subnet.subnet().as_slice().to_vec(), certificate };
    let refused = check(&subnet.sign(state(canister(), &certified(), NOW_NS), Some(delegation)));
    assert!(matches!(refused, Err(VerifyError::Signature { part: Part::Delegation, .. })), "{refused:?}");
}

#[test]
fn a_delegation_within_a_delegation_is_refused() {
    let (middle, subnet) = (Signer::new(8), Signer::new(9));
    let range = [(canister(), canister())];
    let outer = Delegation {
        subnet_id: middle.subnet().as_slice().to_vec(),
        certificate: to_cbor(&root().sign(delegated(&middle, Place::Whole, &range), None)),
    };
    let certificate = to_cbor(&middle.sign(delegated(&subnet, Place::Whole, &range), Some(outer)));
    let inner = Delegation { subnet_id: subnet.subnet().as_slice().to_vec(), certificate };
    let refused = check(&subnet.sign(state(canister(), &certified(), NOW_NS), Some(inner)));
    assert_eq!(refused, Err(VerifyError::NestedDelegation));
}

#[test]
fn a_delegation_of_a_subnet_that_is_not_in_it_is_refused() {
    let (named, other) = (Signer::new(8), Signer::new(9));
    let certificate =
        to_cbor(&root().sign(delegated(&named, Place::Whole, &[(canister(), canister())]), None));
    let delegation = Delegation { subnet_id: other.subnet().as_slice().to_vec(), certificate };
    let refused = check(&other.sign(state(canister(), &certified(), NOW_NS), Some(delegation)));
    assert!(matches!(refused, Err(VerifyError::NotInTree { part: Part::Delegation, .. })), "{refused:?}");
}

#[test]
fn ranges_that_are_no_ranges_are_refused() {
    let subnet = Signer::new(8);
    let good = ranges(&[(canister(), canister())]);
    for bad in [vec![], good[..good.len() - 1].to_vec(), vec![0x81, 0x81, 0x40], vec![0x9b; 9]] {
        let key = label("public_key", leaf(subnet.public_key()));
        let below = fork(label("canister_ranges", leaf(bad)), key);
        let tree = label("subnet", label(subnet.subnet().as_slice(), below));
        let certificate = to_cbor(&root().sign(tree, None));
        let delegation = Delegation { subnet_id: subnet.subnet().as_slice().to_vec(), certificate };
        let refused = check(&subnet.sign(state(canister(), &certified(), NOW_NS), Some(delegation)));
        let expected = VerifyError::Encoding { part: Part::CanisterRanges, offset: 0, problem: "" };
        let is_same =
            |error: &VerifyError| std::mem::discriminant(error) == std::mem::discriminant(&expected);
        assert!(refused.as_ref().is_err_and(is_same), "{refused:?}");
    }
}
