//! Domains of the small numbers in operations, and the bytes of values.

use std::sync::LazyLock;

use candid::Principal;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::{
    CHUNK_BYTES, MAX_CONTENT_ENCODING_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_METADATA_BYTES, MAX_METADATA_PAIRS,
};
use stable_storage_api::{MetadataPair, Site};

/// Number of keys that most operations use, so that they collide. The last two are invalid.
pub const KEYS: u8 = 8;

/// Number of principals with roles.
const ROLES: u8 = 5;

/// Returns a key: short ones and one of the maximum length, some of them prefixes of others; an empty one, and one that is
/// too long. The others have many lengths, so that an index of them has pages that split and merge.
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

/// Number of prefixes.
pub(crate) const PREFIXES: u8 = 6;

/// Returns a prefix of all keys, of some or of none.
pub(crate) fn prefix(number: u8) -> String {
    ["", "k/", "k/k", "z", "w/", "w/4"][usize::from(number % PREFIXES)].into()
}

/// Number of prefixes of sites and certified prefixes.
pub(crate) const SCOPES: u8 = 9;

/// Returns a prefix of which something may be certified: some are under others, and some are invalid for sites or for all.
pub(crate) fn scope(number: u8) -> String {
    match number % SCOPES {
        0 => "k/".into(),
        1 => "w/".into(),
        2 => "k/k/".into(),
        3 => "k".into(),
        4 => "w/4".into(),
        5 => "z/".into(),
        6 => String::new(),
        7 => "k/k/k/".into(),
        _ => "z".repeat(1_001),
    }
}

/// Number of sites.
pub(crate) const SITES: u8 = 40;

/// Returns a site. Several have the same prefix and differ in what their pages depend on, and the paths of some overlap.
pub(crate) fn site(number: u8) -> Site {
    let prefix = scope(number / 5);
    let site = Site { certified: true, index: None, ..Site::new(prefix) };
    match number % 5 {
        0 => Site { index: Some("1".into()), ..site },
        1 => Site { not_found: Some("3é".into()), cors: Some("*".into()), ..site },
        2 => Site { single_page: Some("1".into()), path: Some("/p/".into()), ..site },
        3 => Site { headers: vec![("x-a".into(), "b".into())], path: Some("/w/".into()), ..site },
        _ => Site { certified: false, ..site },
    }
}

/// Number of valid metadata: numbers from 0 on.
pub(crate) const GOOD_METADATA: u8 = 7;

/// Number of all metadata.
pub(crate) const ALL_METADATA: u8 = 14;

/// Content type, content encoding and pairs.
pub(crate) struct Words {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) pairs: Option<Vec<MetadataPair>>,
}

/// Returns no metadata, metadata of each kind up to the limits, and invalid ones.
pub(crate) fn metadata(number: u8) -> Words {
    let text = |bytes: u64| "t".repeat(bytes as usize);
    let pair = |name: &str, value: String| MetadataPair::new(name, value);
    let pairs = |count: u64| (0..count).map(|at| pair(&at.to_string(), text(at))).collect::<Vec<_>>();
    let mut words = Words { content_type: None, content_encoding: None, pairs: None };
    match number % ALL_METADATA {
        0 => {}
        1 => words.content_type = Some("a/b".into()),
        2 => words.content_type = Some(text(MAX_CONTENT_TYPE_BYTES)),
        3 => {
            (words.content_type, words.content_encoding) = (Some(String::new()), Some("gzip".into()));
        }
        4 => words.pairs = Some(vec![pair("name", "é".into()), pair("Name", String::new())]),
        5 => {
            words.content_encoding = Some(text(MAX_CONTENT_ENCODING_BYTES));
            words.pairs = Some(vec![pair("n", text(MAX_METADATA_BYTES - 1))]);
        }
        6 => (words.content_encoding, words.pairs) = (Some(String::new()), Some(pairs(MAX_METADATA_PAIRS))),
        7 => words.content_type = Some(text(MAX_CONTENT_TYPE_BYTES + 1)),
        8 => words.content_encoding = Some(text(MAX_CONTENT_ENCODING_BYTES + 1)),
        9 => words.pairs = Some(pairs(MAX_METADATA_PAIRS + 1)),
        10 => words.pairs = Some(vec![pair("n", text(MAX_METADATA_BYTES))]),
        11 => words.pairs = Some(vec![pair("", text(1))]),
        12 => words.pairs = Some(vec![pair("n", text(1)), pair("n", text(1))]),
        _ => (words.content_type, words.pairs) = (Some(text(300)), Some(pairs(99))),
    }
    words
}

/// Returns the principal that a role is set for. The first is anonymous, which cannot have a role.
pub(crate) fn grantee(number: u8) -> Principal {
    match number % ROLES {
        0 => Principal::anonymous(),
        number => Principal::from_slice(&[number; 29]),
    }
}

/// Returns all principals that roles are set for.
pub(crate) fn grantees() -> impl Iterator<Item = Principal> {
    (0..ROLES).map(grantee)
}

/// Bytes without a pattern; the length is not a divisor of any other length.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let states = std::iter::successors(Some(1_u32), |state| {
        Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    states.map(|state| (state >> 24) as u8).take(65_521).collect()
});

/// Returns `size` bytes of a seed. Bytes that are moved, or left over from another seed, are different.
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

/// Returns the length of a chunk of an upload.
pub(crate) fn chunk_bytes(size: u64, index: u64) -> u64 {
    CHUNK_BYTES.min(size - index * CHUNK_BYTES)
}

/// Returns the digest of an upload whose chunks all have the same seed, or any digest if it is never completed.
pub(crate) fn digest(size: u64, seed: u8, most_chunks: u64) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for index in 0..size.div_ceil(CHUNK_BYTES).min(most_chunks) {
        hasher.update(noise(chunk_bytes(size, index), seed));
    }
    hasher.finalize().to_vec()
}
