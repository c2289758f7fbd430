//! The hashes of requests and responses, by the HTTP gateway protocol.
//!
//! The fields of a message are hashed as a map (interface specification, “Hash of map”): the SHA-256 of all pairs of a hashed name
//! and a hashed value, in ascending order. A pair has the size of a block of SHA-256. So what the responses of many objects have in
//! common is compressed once: most fields, because the names of those that differ have the greatest hashes.

use std::collections::BinaryHeap;

use sha2::{Digest as _, Sha256};

use crate::base::codec::put_number;
use crate::base::sha256::{INITIAL, compress, finish};
use crate::structures::hash_tree::Digest;

/// Hashes of the name and of the value of a field.
pub(crate) type Pair = [u8; 64];

/// Returns the SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Returns the hashes of a field whose name is in lower case.
pub(crate) fn field(name: &str, value: &str) -> Pair {
    pair(&sha256(name.as_bytes()), &sha256(value.as_bytes()))
}

/// Joins the hashes of a name and a value.
pub(crate) fn pair(name: &Digest, value: &Digest) -> Pair {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(name);
    pair[32..].copy_from_slice(value);
    pair
}

/// Returns the hashes of the pseudo-field with the status of a response: a number in LEB128.
pub(crate) fn status(status: u16) -> Pair {
    let mut number = Vec::new();
    put_number(&mut number, status.into());
    pair(&sha256(b":ic-cert-status"), &sha256(&number))
}

/// Returns the hash of a message from the hash of its fields and that of its body.
pub(crate) fn message(fields: &Digest, body: &Digest) -> Digest {
    sha256(&pair(fields, body))
}

/// Fields that many messages have in common, compressed as far as they precede all other fields.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// The state of SHA-256 after the first pairs.
    state: [u32; 8],
    /// Number of pairs in the state.
    compressed: usize,
    /// The other pairs.
    rest: Vec<Pair>,
}

impl Fields {
    /// Creates the common fields of messages whose other fields have names with hashes of `varying` or greater.
    pub(crate) fn new(pairs: Vec<Pair>, varying: &Digest) -> Self {
        let mut pairs = sorted(pairs);
        let compressed = pairs.partition_point(|pair| pair[..32] < varying[..]);
        let mut state = INITIAL;
        compress(&mut state, pairs[..compressed].as_flattened());
        Self { state, compressed, rest: pairs.split_off(compressed) }
    }

    /// Returns the hash of the common fields and of those that vary.
    pub(crate) fn digest(&self, varying: &[Pair]) -> Digest {
        let pairs = sorted([&self.rest[..], varying].concat());
        let mut state = self.state;
        compress(&mut state, pairs.as_flattened());
        finish(state, &[], ((self.compressed + pairs.len()) * size_of::<Pair>()) as u64)
    }
}

/// Returns the items in ascending order. The sorting of slices would be 60 KB of code for each type of items, and this is one.
pub(super) fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    BinaryHeap::from(items).into_sorted_vec()
}

/// SHA-256 of an empty body.
pub(crate) const EMPTY_BODY: Digest = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

#[cfg(test)]
mod tests {
    use ic_http_certification::{DefaultResponseCertification, HttpResponse, StatusCode, response_hash};
    use proptest::prelude::*;

    use super::*;

    fn reference(code: u16, headers: &[(String, String)], body: &[u8]) -> Digest {
        let response = HttpResponse::builder()
            .with_status_code(StatusCode::from_u16(code).unwrap())
            .with_headers(headers.to_vec())
            .with_body(body.to_vec())
            .build();
        response_hash(&response, &DefaultResponseCertification::response_header_exclusions(vec![]), None)
    }

    proptest! {
        /// Also with equal names, and wherever the fields that vary begin.
        #[test]
        fn hashes_of_responses_equal_those_of_the_reference(
            code in 100u16..1_000,
            headers in proptest::collection::vec(("[a-c]{1,2}", "[ -~]{0,60}"), 0..12),
            body in proptest::collection::vec(any::<u8>(), 0..100),
            at in 0usize..14,
        ) {
            let mut pairs: Vec<_> = headers.iter().map(|(name, value)| field(name, value)).collect();
            pairs.push(status(code));
            pairs.sort_unstable();
            let varying = pairs.split_off(at.min(pairs.len()));
            let first = varying.first().map_or([0xff; 32], |pair| *pair[..32].as_array().unwrap());
            let fields = Fields::new(pairs, &first).digest(&varying);
            prop_assert_eq!(message(&fields, &sha256(&body)), reference(code, &headers, &body));
        }
    }

    #[test]
    fn the_hash_of_an_empty_body_is_the_constant() {
        assert_eq!(EMPTY_BODY, sha256(b""));
    }
}
