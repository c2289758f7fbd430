//! The state tree, and what a certificate shows of it.

use std::collections::BTreeMap;

use ic_certification::hash_tree::{HashTreeNode, fork_hash, labeled_hash, leaf_hash};
use ic_certification::{HashTree, empty, fork, labeled, leaf, pruned};

/// The hash of a part of the tree.
type Hash = [u8; 32];

/// A tree of labelled values, as certificates are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateTree {
    /// A value.
    Leaf(Vec<u8>),
    /// Subtrees by their labels.
    Branch(BTreeMap<Vec<u8>, StateTree>),
}

impl Default for StateTree {
    fn default() -> Self {
        Self::Branch(BTreeMap::new())
    }
}

impl StateTree {
    /// Puts a value at a path, in place of what is there.
    pub fn insert(&mut self, path: &[&[u8]], value: impl Into<Vec<u8>>) {
        let Some((label, rest)) = path.split_first() else {
            *self = Self::Leaf(value.into());
            return;
        };
        if let Self::Leaf(_) = self {
            *self = Self::default();
        }
        if let Self::Branch(children) = self {
            children.entry(label.to_vec()).or_default().insert(rest, value);
        }
    }

    /// Sets the time at which the tree is certified, in nanoseconds since 1970.
    pub fn set_time(&mut self, time_ns: u64) {
        self.insert(&[b"time"], leb128(time_ns));
    }

    /// The value at a path.
    #[must_use]
    pub fn get(&self, path: &[&[u8]]) -> Option<&[u8]> {
        match (self, path.split_first()) {
            (Self::Leaf(value), None) => Some(value),
            (Self::Branch(children), Some((&label, rest))) => children.get(label)?.get(rest),
            _ => None,
        }
    }

    /// The tree with all that is not at or below one of the paths pruned. Where a path leads nowhere, the labels beside it
    /// are left, which prove that.
    pub(super) fn witness(&self, paths: &[Vec<Vec<u8>>]) -> HashTree {
        let paths: Vec<&[Vec<u8>]> = paths.iter().map(Vec::as_slice).collect();
        self.shown(&paths)
    }

    fn shown(&self, paths: &[&[Vec<u8>]]) -> HashTree {
        if paths.is_empty() {
            return pruned(self.digest());
        }
        match self {
            Self::Leaf(value) => leaf(value.clone()),
            Self::Branch(children) => {
                let is_whole = paths.iter().any(|path| path.is_empty());
                let nodes: Vec<Node<'_>> = children
                    .iter()
                    .map(|(label, child)| Node {
                        label,
                        child,
                        below: below(label, paths, is_whole),
                        is_label_shown: false,
                    })
                    .collect();
                show(&with_neighbours(nodes, paths))
            }
        }
    }

    fn digest(&self) -> Hash {
        match self {
            Self::Leaf(value) => leaf_hash(value),
            Self::Branch(children) => {
                let hashes: Vec<Hash> =
                    children.iter().map(|(label, child)| labeled_hash(label, &child.digest())).collect();
                forked(&hashes)
            }
        }
    }
}

/// A number as the state tree has it.
fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// One of the subtrees of a branch.
struct Node<'a> {
    label: &'a [u8],
    child: &'a StateTree,
    /// What is to be shown below it.
    below: Vec<&'a [Vec<u8>]>,
    /// Whether the label is shown in any case.
    is_label_shown: bool,
}

/// What is left of the paths below a label.
fn below<'a>(label: &[u8], paths: &[&'a [Vec<u8>]], is_whole: bool) -> Vec<&'a [Vec<u8>]> {
    if is_whole {
        return vec![&[]];
    }
    let rest =
        |path: &&'a [Vec<u8>]| path.split_first().filter(|(first, _)| *first == label).map(|(_, rest)| rest);
    paths.iter().filter_map(rest).collect()
}

/// Marks the labels on both sides of those that are asked for and not there.
fn with_neighbours<'a>(mut nodes: Vec<Node<'a>>, paths: &[&[Vec<u8>]]) -> Vec<Node<'a>> {
    for label in paths.iter().filter_map(|path| path.first()) {
        if let Err(at) = nodes.binary_search_by(|node| node.label.cmp(label)) {
            for beside in [at.checked_sub(1), Some(at)].into_iter().flatten() {
                if let Some(node) = nodes.get_mut(beside) {
                    node.is_label_shown = true;
                }
            }
        }
    }
    nodes
}

/// The subtrees as a balanced tree of forks.
fn show(nodes: &[Node<'_>]) -> HashTree {
    match nodes {
        [] => empty(),
        [node] if node.is_shown() => labeled(node.label, node.child.shown(&node.below)),
        _ if !nodes.iter().any(Node::is_shown) => {
            let hashes: Vec<Hash> =
                nodes.iter().map(|node| labeled_hash(node.label, &node.child.digest())).collect();
            pruned(forked(&hashes))
        }
        _ => {
            let (left, right) = nodes.split_at(nodes.len() / 2);
            fork(show(left), show(right))
        }
    }
}

impl Node<'_> {
    fn is_shown(&self) -> bool {
        self.is_label_shown || !self.below.is_empty()
    }
}

/// The hash of a balanced tree of forks.
fn forked(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => HashTreeNode::<Vec<u8>>::Empty().digest(),
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            fork_hash(&forked(left), &forked(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_certification::LookupResult::{Absent, Found, Unknown};

    fn tree() -> StateTree {
        let mut tree = StateTree::default();
        tree.insert(&[b"time"], b"now");
        for name in [&b"b"[..], b"d", b"f", b"h"] {
            tree.insert(&[b"canister", name, b"hash"], name);
            tree.insert(&[b"canister", name, b"more"], b"more");
        }
        tree
    }

    fn path(labels: &[&str]) -> Vec<Vec<u8>> {
        labels.iter().map(|label| label.as_bytes().to_vec()).collect()
    }

    fn shown(paths: &[&[&str]]) -> HashTree {
        let paths: Vec<_> = paths.iter().map(|labels| path(labels)).collect();
        tree().witness(&paths)
    }

    #[test]
    fn whatever_is_shown_the_hash_is_that_of_the_whole_tree() {
        let digest = tree().digest();
        let cases: [&[&[&str]]; 7] = [
            &[],
            &[&[]],
            &[&["time"]],
            &[&["canister", "d"], &["time"]],
            &[&["canister", "e", "hash"]],
            &[&["canister", "a"], &["canister", "z"]],
            &[&["none"]],
        ];
        for paths in cases {
            assert_eq!(shown(paths).digest(), digest, "{paths:?}");
        }
        assert_eq!(tree().witness(&[vec![]]).digest(), digest);
    }

    #[test]
    fn a_path_shows_all_below_it_and_nothing_beside_it() {
        let witness = shown(&[&["canister", "d"]]);
        assert_eq!(witness.lookup_path(["canister", "d", "hash"]), Found(b"d"));
        assert_eq!(witness.lookup_path(["canister", "d", "more"]), Found(b"more"));
        assert_eq!(witness.lookup_path(["canister", "f", "hash"]), Unknown);
        assert_eq!(witness.lookup_path(["time"]), Unknown);
        let witness = shown(&[&["canister", "d", "hash"]]);
        assert_eq!(witness.lookup_path(["canister", "d", "more"]), Unknown);
    }

    #[test]
    fn what_is_not_there_is_proven_to_be_absent() {
        for name in ["a", "c", "e", "g", "z"] {
            let witness = shown(&[&["canister", name, "hash"]]);
            assert_eq!(witness.lookup_path(["canister", name, "hash"]), Absent, "{name}");
        }
        let witness = shown(&[&["canister", "d", "none"], &["none"]]);
        assert_eq!(witness.lookup_path(["canister", "d", "none"]), Absent);
        assert_eq!(witness.lookup_path(["none"]), Absent);
        assert_eq!(StateTree::default().witness(&[path(&["x"])]).lookup_path(["x"]), Absent);
    }

    #[test]
    fn numbers_have_no_more_bytes_than_they_need() {
        assert_eq!(leb128(0), [0]);
        assert_eq!(leb128(127), [0x7f]);
        assert_eq!(leb128(128), [0x80, 1]);
        assert_eq!(leb128(624_485), [0xe5, 0x8e, 0x26]);
        assert_eq!(leb128(u64::MAX).len(), 10);
    }

    #[test]
    fn values_are_found_by_their_paths() {
        let mut tree = tree();
        assert_eq!(tree.get(&[b"canister", b"b", b"hash"]), Some(&b"b"[..]));
        assert_eq!(tree.get(&[b"canister", b"b"]), None);
        tree.insert(&[b"time", b"below"], b"x");
        assert_eq!(tree.get(&[b"time", b"below"]), Some(&b"x"[..]));
    }
}
