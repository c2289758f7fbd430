//! Hash trees, as the interface specification of the Internet Computer defines them (“Certification”).

use sha2::{Digest as _, Sha256};

use crate::cbor::Reader;
use crate::error::{Digest, Part, VerifyError};
use crate::limits::MAX_TREE_DEPTH;

/// A hash tree, which borrows from its encoding.
pub(crate) enum Tree<'a> {
    Empty,
    Fork(Box<[Tree<'a>; 2]>),
    Labeled(&'a [u8], Box<Tree<'a>>),
    Leaf(&'a [u8]),
    Pruned(&'a [u8; 32]),
}

/// What a tree proves about a path.
pub(crate) enum Lookup<'t, 'a> {
    Found(&'t Tree<'a>),
    Absent,
    /// The place of the path is pruned.
    Unknown,
}

impl<'a> Tree<'a> {
    /// Decodes a tree that takes all of the bytes.
    pub(crate) fn decode(part: Part, bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(part, bytes);
        let tree = Self::read(&mut reader)?;
        reader.end()?;
        Ok(tree)
    }

    /// Reads a tree.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        Self::read_within(reader, MAX_TREE_DEPTH)
    }

    fn read_within(reader: &mut Reader<'a>, depth: u32) -> Result<Self, VerifyError> {
        let below = depth.checked_sub(1).ok_or_else(|| reader.error("the tree is too deep"))?;
        let items = reader.array()?;
        let tree = match (reader.unsigned()?, items) {
            (0, 1) => Self::Empty,
            (1, 3) => {
                let left = Self::read_within(reader, below)?;
                Self::Fork(Box::new([left, Self::read_within(reader, below)?]))
            }
            (2, 3) => Self::Labeled(reader.bytes()?, Box::new(Self::read_within(reader, below)?)),
            (3, 2) => Self::Leaf(reader.bytes()?),
            (4, 2) => {
                let digest = reader.bytes()?;
                Self::Pruned(digest.try_into().map_err(|_| reader.error("a digest has 32 bytes"))?)
            }
            _ => return Err(reader.error("the node of a hash tree is expected")),
        };
        Ok(tree)
    }

    /// Returns the digest of the tree.
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Empty => hash(b"\x11ic-hashtree-empty", &[]),
            Self::Fork(pair) => hash(b"\x10ic-hashtree-fork", &[&pair[0].digest().0, &pair[1].digest().0]),
            Self::Labeled(label, tree) => hash(b"\x13ic-hashtree-labeled", &[label, &tree.digest().0]),
            Self::Leaf(contents) => hash(b"\x10ic-hashtree-leaf", &[contents]),
            Self::Pruned(digest) => Digest(**digest),
        }
    }

    /// Returns the trees that the forks at the top join, from left to right: trees under labels, and pruned ones.
    ///
    /// # Errors
    /// If the labels are not in ascending order, or there are contents instead of labels.
    pub(crate) fn children(&self, part: Part) -> Result<Vec<&Self>, VerifyError> {
        let mut children = Vec::new();
        self.append_children(&mut children);
        let mut last = None;
        for child in &children {
            match child {
                Self::Labeled(label, _) if last.is_some_and(|last| last >= *label) => {
                    return Err(VerifyError::LabelOrder { part, label: label.to_vec() });
                }
                Self::Labeled(label, _) => last = Some(*label),
                Self::Leaf(_) => return Err(VerifyError::NotLabels { part }),
                _ => {}
            }
        }
        Ok(children)
    }

    fn append_children<'t>(&'t self, children: &mut Vec<&'t Self>) {
        match self {
            Self::Empty => {}
            Self::Fork(pair) => pair.iter().for_each(|tree| tree.append_children(children)),
            tree => children.push(tree),
        }
    }

    /// Returns the label at the top.
    pub(crate) fn label(&self) -> Option<&'a [u8]> {
        if let Self::Labeled(label, _) = self { Some(label) } else { None }
    }

    /// Follows a path of labels.
    pub(crate) fn lookup(&self, part: Part, path: &[&[u8]]) -> Result<Lookup<'_, 'a>, VerifyError> {
        let mut tree = self;
        for label in path {
            let mut is_hidden = false;
            let mut found = None;
            for child in tree.children(part)? {
                match child {
                    Self::Labeled(name, below) if name == label => found = Some(below),
                    Self::Labeled(name, _) if name > label => break,
                    Self::Labeled(..) => is_hidden = false,
                    // Nothing is known about the labels between those on both sides.
                    _ => is_hidden = true,
                }
            }
            match found {
                Some(below) => tree = below,
                None if is_hidden => return Ok(Lookup::Unknown),
                None => return Ok(Lookup::Absent),
            }
        }
        Ok(Lookup::Found(tree))
    }

    /// Returns the contents at a path.
    ///
    /// # Errors
    /// `NotInTree` if the tree does not show contents there.
    pub(crate) fn contents(&self, part: Part, path: &[&[u8]]) -> Result<&'a [u8], VerifyError> {
        match self.lookup(part, path)? {
            Lookup::Found(Self::Leaf(contents)) => Ok(contents),
            _ => {
                let path = path.iter().map(|label| label.to_vec()).collect();
                Err(VerifyError::NotInTree { part, path })
            }
        }
    }
}

/// Returns the SHA-256 of a separator and some bytes.
fn hash(separator: &[u8], parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new_with_prefix(separator);
    parts.iter().for_each(|part| hasher.update(part));
    Digest(hasher.finalize().into())
}
