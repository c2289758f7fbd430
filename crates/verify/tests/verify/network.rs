//! A network of test keys, and certificates made with other people's types.

use candid::Principal;
use ic_certification::{Certificate, Delegation, HashTree, empty, fork, label, leaf};
use ic_verify_bls_signature::PrivateKey;
use storage_verify::{MAINNET_ROOT_KEY, Verifier};

/// The time of all certificates here, in nanoseconds since 1970.
pub(crate) const NOW_NS: u64 = 1_790_000_000_123_456_789;

/// The canister of all tests.
pub(crate) fn canister() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0x30, 0, 7, 1, 1])
}

/// A subnet's secret key.
pub(crate) struct Signer(PrivateKey);

impl Signer {
    pub(crate) fn new(seed: u8) -> Self {
        Self(PrivateKey::deserialize(&[seed; 32]).unwrap())
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        [&MAINNET_ROOT_KEY[..37], &self.0.public_key().serialize()].concat()
    }

    pub(crate) fn subnet(&self) -> Principal {
        Principal::self_authenticating(self.public_key())
    }

    /// Signs a state tree.
    pub(crate) fn sign(&self, tree: HashTree, delegation: Option<Delegation>) -> Certificate {
        let message = [&b"\x0dic-state-root"[..], &tree.digest()].concat();
        let signature = self.0.sign(&message).serialize().to_vec();
        Certificate { tree, signature, delegation }
    }
}

/// The root subnet of the tests.
pub(crate) fn root() -> Signer {
    Signer::new(7)
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(&root().public_key(), canister()).unwrap()
}

/// The state tree with the certified data of a canister, and the time.
pub(crate) fn state(canister: Principal, data: &[u8], time_ns: u64) -> HashTree {
    let data = label("certified_data", leaf(data));
    let canister = label("canister", label(canister.as_slice(), data));
    fork(canister, label("time", leaf(leb128(time_ns))))
}

/// Encodes with the tag of CBOR.
pub(crate) fn to_cbor(value: &impl serde::Serialize) -> Vec<u8> {
    let mut serializer = serde_cbor::Serializer::new(Vec::new());
    serializer.self_describe().unwrap();
    value.serialize(&mut serializer).unwrap();
    serializer.into_inner()
}

/// A certificate of the root subnet.
pub(crate) fn certify(data: &[u8]) -> Vec<u8> {
    to_cbor(&root().sign(state(canister(), data, NOW_NS), None))
}

/// Ranges of canisters as the state tree has them.
pub(crate) fn ranges(ranges: &[(Principal, Principal)]) -> Vec<u8> {
    let bytes = |id: Principal| serde_cbor::Value::Bytes(id.as_slice().to_vec());
    let pair = |&(first, last)| serde_cbor::Value::Array(vec![bytes(first), bytes(last)]);
    to_cbor(&serde_cbor::Value::Array(ranges.iter().map(pair).collect()))
}

/// Where the state tree keeps the ranges of a subnet.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// In one list below the subnet.
    Whole,
    /// In shards, each under its first canister.
    Shards,
}

/// The state tree by which the root subnet vouches for the key of another one.
pub(crate) fn delegated(subnet: &Signer, place: Place, of_subnet: &[(Principal, Principal)]) -> HashTree {
    let key = label("public_key", leaf(subnet.public_key()));
    let id = subnet.subnet();
    let shards = of_subnet
        .iter()
        .map(|range| label(range.0.as_slice(), leaf(ranges(&[*range]))))
        .reduce(fork)
        .unwrap_or_else(empty);
    let (shards, below) = match place {
        Place::Whole => (empty(), fork(label("canister_ranges", leaf(ranges(of_subnet))), key)),
        Place::Shards => (label("canister_ranges", label(id.as_slice(), shards)), key),
    };
    let rest = fork(label("subnet", label(id.as_slice(), below)), label("time", leaf(leb128(NOW_NS))));
    fork(shards, rest)
}

/// A number of a state tree.
pub(crate) fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
