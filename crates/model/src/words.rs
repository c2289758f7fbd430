//! What the small numbers of operations stand for, and the bytes of values.

use std::sync::LazyLock;

use candid::Principal;
use sha2::{Digest, Sha256};
use storage_api::limits::{CHUNK_BYTES, MAX_CONTENT_TYPE_BYTES};

/// How many keys there are that most operations are about, so that they meet. The last two cannot be.
pub const KEYS: u8 = 8;

/// Principals that roles are given to.
const ROLES: u8 = 5;

/// A key: short ones and one as long as a key may be, some of them prefixes of others; none, and one that is too long. The
/// others are of many lengths, and so many that an index of them has nodes that split and join.
#[must_use]
pub fn key(number: u8) -> String {
    match number {
        KEYS.. => format!("w/{:02x}/{}", number.reverse_bits(), "w".repeat(usize::from(number) * 83 % 900)),
        0 => "k".into(),
        1 => "k/1".into(),
        2 => "k/".repeat(512),
        6 => String::new(),
        7 => "k/".repeat(512) + "é",
        other => format!("k/{other}é"),
    }
}

/// How many prefixes there are.
pub(crate) const PREFIXES: u8 = 6;

/// A prefix of all keys, of some or of none.
pub(crate) fn prefix(number: u8) -> String {
    ["", "k/", "k/k", "z", "w/", "w/4"][usize::from(number % PREFIXES)].into()
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

/// Bytes without a pattern, as many as nothing else here is a multiple of.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let states = std::iter::successors(Some(1_u32), |state| {
        Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    states.map(|state| (state >> 24) as u8).take(65_521).collect()
});

/// So many bytes of a seed. Those that were moved, or are left over from another seed, show.
pub(crate) fn noise(size: u64, seed: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size as usize);
    let mut start = usize::from(seed) * 251;
    while bytes.len() < size as usize {
        let end = NOISE.len().min(start + size as usize - bytes.len());
        bytes.extend_from_slice(&NOISE[start..end]);
        start = 0;
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
        hasher.update(noise(chunk_bytes(size, index), seed));
    }
    hasher.finalize().to_vec()
}
