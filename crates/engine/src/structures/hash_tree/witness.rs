//! Witnesses: hash trees of which most is pruned, as the interface specification defines and encodes them.

use super::hash::{Digest, EMPTY, fork, labeled, leaf};

/// A hash tree, in which [`Pruned`](Self::Pruned) stands for a tree that is not shown.
///
/// The labels of a tree are in ascending order from left to right, so a tree can prove that a label is absent: it shows the two
/// labels next to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashTree {
    /// A tree without labels.
    Empty,
    /// Two trees side by side.
    Fork(Box<(HashTree, HashTree)>),
    /// A tree under a label.
    Labeled(Vec<u8>, Box<HashTree>),
    /// Contents.
    Leaf(Vec<u8>),
    /// The digest of a tree that is not shown.
    Pruned(Digest),
}

impl HashTree {
    /// Creates a tree under a label.
    #[must_use]
    pub fn labeled(label: &[u8], tree: Self) -> Self {
        Self::Labeled(label.to_vec(), Box::new(tree))
    }

    /// Joins two trees. An empty tree adds nothing, and two pruned trees make a pruned one.
    #[must_use]
    pub fn fork(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Empty, tree) | (tree, Self::Empty) => tree,
            (Self::Pruned(left), Self::Pruned(right)) => Self::Pruned(fork(&left, &right)),
            pair => Self::Fork(Box::new(pair)),
        }
    }

    /// Joins two views of the same tree: shows what one of them shows.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Pruned(_), shown) | (shown, Self::Pruned(_)) => shown,
            (Self::Fork(one), Self::Fork(other)) => {
                let ((left, right), (other_left, other_right)) = (*one, *other);
                Self::Fork(Box::new((left.merged(other_left), right.merged(other_right))))
            }
            (Self::Labeled(label, one), Self::Labeled(_, other)) => {
                Self::Labeled(label, Box::new(one.merged(*other)))
            }
            (same, _) => same,
        }
    }

    /// Returns the digest of the tree.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Empty => EMPTY,
            Self::Fork(pair) => fork(&pair.0.digest(), &pair.1.digest()),
            Self::Labeled(label, tree) => labeled(label, &tree.digest()),
            Self::Leaf(contents) => leaf(contents),
            Self::Pruned(digest) => *digest,
        }
    }

    /// Encodes the tree in CBOR, with the tag that says that CBOR follows.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut bytes = vec![0xd9, 0xd9, 0xf7];
        self.append(&mut bytes);
        bytes
    }

    fn append(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Empty => bytes.extend([0x81, 0]),
            Self::Fork(pair) => {
                bytes.extend([0x83, 1]);
                pair.0.append(bytes);
                pair.1.append(bytes);
            }
            Self::Labeled(label, tree) => {
                bytes.extend([0x83, 2]);
                append_bytes(bytes, label);
                tree.append(bytes);
            }
            Self::Leaf(contents) => {
                bytes.extend([0x82, 3]);
                append_bytes(bytes, contents);
            }
            Self::Pruned(digest) => {
                bytes.extend([0x82, 4]);
                append_bytes(bytes, digest);
            }
        }
    }
}

/// Appends a byte string of CBOR, its length in the shortest form.
fn append_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    const BYTE_STRING: u8 = 0x40;
    match content.len() {
        length @ 0..24 => bytes.push(BYTE_STRING | length as u8),
        length @ 24..0x100 => bytes.extend([BYTE_STRING | 24, length as u8]),
        length @ 0x100..0x1_0000 => {
            bytes.push(BYTE_STRING | 25);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(BYTE_STRING | 26);
            bytes.extend((length as u32).to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_certified_map::HashTree as Reference;

    /// Trees of every kind, with labels and contents of every form of a length.
    fn samples() -> Vec<(HashTree, Reference<'static>)> {
        let lengths = [0, 1, 23, 24, 255, 256, 65_535, 65_536];
        let texts = lengths.map(|length| &*Box::leak(vec![b'a'; length].into_boxed_slice()));
        let mut samples = vec![
            (HashTree::Empty, Reference::Empty),
            (HashTree::Pruned([7; 32]), Reference::Pruned([7; 32])),
        ];
        for text in texts {
            let leaf = (HashTree::Leaf(text.to_vec()), Reference::Leaf(text.into()));
            let labeled = ic_certified_map::labeled(text, leaf.1.clone());
            samples.push((HashTree::labeled(text, leaf.0.clone()), labeled));
            samples.push(leaf);
        }
        let (left, right) = (samples[2].clone(), samples[5].clone());
        samples.push((HashTree::fork(left.0, right.0), ic_certified_map::fork(left.1, right.1)));
        samples
    }

    #[test]
    fn digests_and_encodings_equal_those_of_the_reference() {
        for (tree, reference) in samples() {
            assert_eq!(tree.digest(), reference.reconstruct());
            let mut expected = Vec::new();
            let mut serializer = serde_cbor::Serializer::new(&mut expected);
            serializer.self_describe().unwrap();
            serde::Serialize::serialize(&reference, &mut serializer).unwrap();
            assert!(tree.to_cbor() == expected, "{:?}", tree.digest());
        }
    }

    #[test]
    fn merged_views_show_what_either_shows_and_have_the_same_digest() {
        let leaf = |text: &str| HashTree::labeled(text.as_bytes(), HashTree::Leaf(text.into()));
        let hidden = |tree: HashTree| HashTree::Pruned(tree.digest());
        let tree = |a: HashTree, b: HashTree, c: HashTree| HashTree::fork(HashTree::fork(a, b), c);
        let whole = tree(leaf("a"), leaf("b"), leaf("c"));
        let label_only = HashTree::labeled(b"b", hidden(HashTree::Leaf("b".into())));
        let one = tree(leaf("a"), hidden(leaf("b")), hidden(leaf("c")));
        let other = tree(hidden(leaf("a")), label_only.clone(), hidden(leaf("c")));
        let both = one.clone().merged(other.clone());
        assert_eq!(both, tree(leaf("a"), label_only, hidden(leaf("c"))));
        assert_eq!(other.merged(one), both);
        assert_eq!(both.digest(), whole.digest());
        assert_eq!(both.clone().merged(hidden(whole.clone())), both);
        assert_eq!(hidden(whole.clone()).merged(both.clone()), both);
        assert_eq!(both.merged(whole.clone()), whole);
    }

    #[test]
    fn joined_trees_show_no_more_than_they_must() {
        let leaf = HashTree::Leaf(vec![1]);
        assert_eq!(HashTree::fork(HashTree::Empty, leaf.clone()), leaf);
        assert_eq!(HashTree::fork(leaf.clone(), HashTree::Empty), leaf);
        let pruned = HashTree::fork(HashTree::Pruned([1; 32]), HashTree::Pruned([2; 32]));
        assert_eq!(pruned, HashTree::Pruned(fork(&[1; 32], &[2; 32])));
    }
}
