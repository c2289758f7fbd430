//! Proofs that are no proofs.

use ic_certification::{HashTree, empty, fork, label, leaf, pruned};
use proptest::prelude::*;
use stable_storage_api::{CertifiedInfo, Proof};
use storage_verify::{Part, VerifyError, limits};

use crate::network::{NOW_NS, certify, to_cbor, verifier};
use crate::store::Store;

fn check(certificate: &[u8], witness: &[u8]) -> Result<(), VerifyError> {
    let proof = Proof { certificate: certificate.to_vec().into(), witness: witness.to_vec().into() };
    verifier().info("k", &CertifiedInfo { info: None, proof }, NOW_NS).map(|info| assert!(info.is_none()))
}

/// Checks a witness whose root is certified.
fn check_tree(tree: &HashTree) -> Result<(), VerifyError> {
    check(&certify(&tree.digest()), &to_cbor(tree))
}

fn certificate_with(tree: &[u8]) -> Vec<u8> {
    [b"\xa2\x64tree", tree, b"\x69signature\x41\x00"].concat()
}

fn good_certificate() -> Vec<u8> {
    certify(&[1; 32])
}

fn problem(result: Result<(), VerifyError>) -> (Part, &'static str) {
    match result {
        Err(VerifyError::Encoding { part, problem, .. }) => (part, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn deep_trees_do_not_exhaust_the_stack() {
    for forks in [1_000, 10_000, 1_000_000] {
        let tree = b"\x83\x01".repeat(forks);
        assert_eq!(
            problem(check(&certificate_with(&tree), b"")),
            (Part::Certificate, "the tree is too deep")
        );
        assert_eq!(problem(check(&good_certificate(), &tree)), (Part::Witness, "the tree is too deep"));
        let labels = b"\x83\x02\x40".repeat(forks);
        assert_eq!(problem(check(&good_certificate(), &labels)), (Part::Witness, "the tree is too deep"));
    }
}

#[test]
fn trees_of_the_greatest_depth_are_read() {
    let nested = |depth: u32| (1..depth).fold(pruned([1; 32]), |tree, _| label("x", tree));
    let refused = check_tree(&nested(limits::MAX_TREE_DEPTH));
    assert!(matches!(refused, Err(VerifyError::NotCertified { .. })), "{refused:?}");
    let refused = check_tree(&nested(limits::MAX_TREE_DEPTH + 1));
    assert_eq!(problem(refused), (Part::Witness, "the tree is too deep"));
}

#[test]
fn lengths_beyond_the_bytes_are_refused() {
    for length in
        [&b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\x5a\xff\xff\xff\xff", b"\x59\xff\xff", b"\x41"]
    {
        let tree = [b"\x82\x03", length].concat();
        assert_eq!(
            problem(check(&good_certificate(), &tree)),
            (Part::Witness, "the length exceeds the bytes")
        );
        let certificate = [b"\xa1\x69signature", length].concat();
        assert_eq!(problem(check(&certificate, b"")), (Part::Certificate, "the length exceeds the bytes"));
    }
    for counts in [&b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..], b"\x9f\x01", b"\x98"] {
        assert!(check(&good_certificate(), counts).is_err());
        assert!(check(&certificate_with(counts), b"").is_err());
    }
    assert!(check(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", b"").is_err());
}

#[test]
fn proofs_larger_than_a_reply_are_refused() {
    let limit = limits::MAX_PROOF_BYTES;
    let large = vec![0; limit + 1];
    let too_large = |part| Err(VerifyError::TooLarge { part, bytes: limit + 1, limit });
    assert_eq!(check(&large, b""), too_large(Part::Certificate));
    assert_eq!(check(&good_certificate(), &large), too_large(Part::Witness));
    assert_eq!(problem(check(&large[..limit], b"")).0, Part::Certificate);
}

#[test]
fn certificates_with_other_fields_are_refused() {
    let tree = b"\x64tree\x81\x00".as_slice();
    let signature = b"\x69signature\x41\x00".as_slice();
    let cases: [(Vec<u8>, &str); 6] = [
        ([b"\xa1", tree].concat(), "a tree and a signature are expected"),
        ([b"\xa1", signature].concat(), "a tree and a signature are expected"),
        ([b"\xa2", tree, tree].concat(), "a field occurs twice"),
        ([b"\xa3", tree, signature, b"\x61x\x00"].concat(), "a certificate has no such field"),
        ([b"\xa2", tree, signature, b"\x00"].concat(), "bytes follow the end"),
        (
            [b"\xa3", tree, signature, b"\x6adelegation\xa1\x61x\x40"].concat(),
            "a delegation has no such field",
        ),
    ];
    for (certificate, expected) in cases {
        assert_eq!(problem(check(&certificate, b"")), (Part::Certificate, expected));
    }
}

#[test]
fn nodes_that_are_none_are_refused() {
    for tree in
        [&b"\x81\x05"[..], b"\x82\x00\x00", b"\x82\x01\x81\x00", b"\x82\x04\x41\x00", b"\x80", b"\x00", b""]
    {
        assert_eq!(problem(check(&good_certificate(), tree)).0, Part::Witness, "{tree:?}");
    }
    assert_eq!(problem(check(&good_certificate(), b"\x81\x00\x00")), (Part::Witness, "bytes follow the end"));
}

#[test]
fn trees_whose_labels_are_not_in_order_prove_nothing() {
    let prefixes = || label("prefixes", label("", leaf("")));
    let object = |key: &str| label(key, leaf("x"));
    let cases = [
        fork(prefixes(), label("objects", empty())),
        fork(label("objects", fork(object("m"), object("a"))), prefixes()),
        fork(label("objects", fork(object("a"), object("a"))), prefixes()),
    ];
    for tree in cases {
        let refused = check_tree(&tree);
        assert!(matches!(refused, Err(VerifyError::LabelOrder { part: Part::Witness, .. })), "{refused:?}");
    }
    let refused = check_tree(&fork(label("objects", leaf("x")), prefixes()));
    assert_eq!(refused, Err(VerifyError::NotLabels { part: Part::Witness }));
}

#[test]
fn absence_is_not_proven_by_what_is_hidden() {
    let prefixes = || label("prefixes", label("", leaf("")));
    let object = |key: &str| label(key, leaf("x"));
    let hidden = || pruned([1; 32]);
    let objects = |tree| fork(label("objects", tree), prefixes());
    check_tree(&objects(fork(object("a"), object("z")))).unwrap();
    check_tree(&objects(empty())).unwrap();
    check_tree(&prefixes()).unwrap();
    check_tree(&objects(fork(hidden(), fork(object("a"), fork(object("z"), hidden()))))).unwrap();
    let unknown = [
        objects(hidden()),
        objects(fork(object("a"), hidden())),
        objects(fork(hidden(), object("z"))),
        objects(fork(object("a"), fork(hidden(), object("z")))),
        objects(fork(fork(object("a"), hidden()), fork(empty(), object("z")))),
        fork(hidden(), prefixes()),
    ];
    for tree in unknown {
        assert_eq!(check_tree(&tree), Err(VerifyError::NotShown { key: "k".into() }), "{tree:?}");
    }
}

#[test]
fn a_certified_prefix_must_be_shown_with_its_leaf() {
    let with = |prefixes| fork(label("objects", empty()), label("prefixes", prefixes));
    check_tree(&with(fork(label("a", pruned([1; 32])), label("k", leaf(""))))).unwrap();
    for tree in [
        with(empty()),
        with(pruned([1; 32])),
        with(label("k", pruned([1; 32]))),
        with(label("k", leaf("x"))),
        with(label("kk", leaf(""))),
        label("objects", empty()),
    ] {
        assert_eq!(check_tree(&tree), Err(VerifyError::NotCertified { prefix: "k".into() }), "{tree:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(check(&bytes, &bytes).is_err());
        prop_assert!(check(&certificate_with(&bytes), &bytes).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Bytes cut out of a proof and bytes put into it.
    #[test]
    fn torn_proofs_are_refused(cut in any::<prop::sample::Index>(), length in 1_usize..40, other in "[ab]{0,4}") {
        let good = Store::with(&[""], &["a", "k", "z"], 2).stat("k");
        for is_witness in [false, true] {
            let mut bad = good.clone();
            let bytes = if is_witness { &mut bad.proof.witness } else { &mut bad.proof.certificate };
            let at = cut.index(bytes.len());
            let end = (at + length).min(bytes.len());
            // The same bytes again are not a torn proof.
            let is_same = bytes[at..end] == *other.as_bytes();
            bytes.splice(at..end, other.bytes());
            prop_assert!(is_same || verifier().info("k", &bad, NOW_NS).is_err());
        }
    }
}
