//! A Merkle mountain range by its definition: trees are computed from their entries each time.

use sha2::{Digest as _, Sha256};

type Hash = [u8; 32];

fn separated(separator: &str, parts: &[&[u8]]) -> Hash {
    let bytes = [&[separator.len() as u8], separator.as_bytes(), &parts.concat()].concat();
    Sha256::digest(bytes).into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    separated("stable-storage-log-node", &[left, right])
}

/// The root of a perfect tree.
fn tree(entries: &[Vec<u8>]) -> Hash {
    match entries {
        [entry] => separated("stable-storage-log-entry", &[entry]),
        _ => {
            let (left, right) = entries.split_at(entries.len() / 2);
            node(&tree(left), &tree(right))
        }
    }
}

/// The number of entries under the first peak: the largest power of two that is not above the length.
fn first_peak(length: usize) -> usize {
    1 << length.ilog2()
}

/// The root over all entries: the first peak beside the root of the rest.
pub(crate) fn root(entries: &[Vec<u8>]) -> Hash {
    if entries.is_empty() {
        return [0; 32];
    }
    let (peak, rest) = entries.split_at(first_peak(entries.len()));
    if rest.is_empty() { tree(peak) } else { node(&tree(peak), &root(rest)) }
}

/// The path of an entry to the root.
pub(crate) fn path(entries: &[Vec<u8>], index: usize) -> Vec<Hash> {
    let (peak, rest) = entries.split_at(first_peak(entries.len()));
    if index >= peak.len() {
        let mut path = path(rest, index - peak.len());
        path.push(tree(peak));
        return path;
    }
    let mut path = path_in_tree(peak, index);
    if !rest.is_empty() {
        path.push(root(rest));
    }
    path
}

fn path_in_tree(entries: &[Vec<u8>], index: usize) -> Vec<Hash> {
    if entries.len() == 1 {
        return Vec::new();
    }
    let half = entries.len() / 2;
    let (left, right) = entries.split_at(half);
    let (mut path, sibling) = if index < half {
        (path_in_tree(left, index), tree(right))
    } else {
        (path_in_tree(right, index - half), tree(left))
    };
    path.push(sibling);
    path
}
