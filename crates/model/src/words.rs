//! What the small numbers of operations stand for, and the bytes of values.

use candid::Principal;
use sha2::{Digest, Sha256};
use storage_api::limits::{CHUNK_BYTES, MAX_CONTENT_TYPE_BYTES};

/// How many keys there are. The last two cannot be.
pub const KEYS: u8 = 8;

/// Principals that roles are given to.
const ROLES: u8 = 5;

/// A key: short ones and one as long as a key may be, some of them prefixes of others; none, and one that is too long.
#[must_use]
pub fn key(number: u8) -> String {
    match number % KEYS {
        0 => "k".into(),
        1 => "k/1".into(),
        2 => "k/".repeat(512),
        6 => String::new(),
        7 => "k/".repeat(512) + "é",
        other => format!("k/{other}é"),
    }
}

/// A prefix of all keys, of some or of none.
pub(crate) fn prefix(number: u8) -> String {
    ["", "k/", "k/k", "z"][usize::from(number % 4)].into()
}

/// No content type, two that can be, and one that is too long.
pub(crate) fn content_type(number: u8) -> Option<String> {
    let longest = MAX_CONTENT_TYPE_BYTES as usize;
    [None, Some("a/b".into()), Some("t".repeat(longest)), Some("t".repeat(longest + 1))]
        [usize::from(number % 4)]
    .clone()
}

/// Whom a role is given to. The first is anonymous, who cannot have one.
pub(crate) fn grantee(number: u8) -> Principal {
    match number % ROLES {
        0 => Principal::anonymous(),
        number => Principal::from_slice(&[number; 29]),
    }
}

/// Everybody whom a role is given to.
pub(crate) fn grantees() -> impl Iterator<Item = Principal> {
    (0..ROLES).map(grantee)
}

/// So many zeroes with marks of a seed at both ends, so that large values cost little and what is left over from others shows.
pub(crate) fn marked(size: u64, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; size as usize];
    for (byte, at) in bytes.iter_mut().zip(0..40_u8) {
        *byte = at.wrapping_mul(31) ^ seed;
    }
    if let Some(last) = bytes.last_mut() {
        *last = !seed;
    }
    bytes
}

/// The length of a chunk of an upload.
pub(crate) fn chunk_bytes(size: u64, index: u64) -> u64 {
    CHUNK_BYTES.min(size - index * CHUNK_BYTES)
}

/// The digest of an upload all of whose chunks have the same seed. Of one that will never be complete it is any.
pub(crate) fn digest(size: u64, seed: u8, most_chunks: u64) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for index in 0..size.div_ceil(CHUNK_BYTES).min(most_chunks) {
        hasher.update(marked(chunk_bytes(size, index), seed));
    }
    hasher.finalize().to_vec()
}
