//! What is to be copied, and how.

use crate::{
    args::CompareArgs,
    tree::{Filter, Root},
};

/// Copy of a tree.
pub(crate) struct Job<'a> {
    pub(crate) source: Root<'a>,
    pub(crate) target: Root<'a>,
    pub(crate) options: Options,
}

/// Options of a job.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) filter: Filter,
    pub(crate) compare: Compare,
    /// Whether to copy only what the target has not at all.
    pub(crate) if_absent: bool,
    /// Whether to remove from the target what the source has not.
    pub(crate) delete: bool,
    /// Whether to remove without asking, even if nothing would remain.
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
    /// Content type of all objects; empty for none. By default, they keep theirs, and that of a new one is guessed.
    pub(crate) content_type: Option<String>,
}

/// What is compared, after the sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Compare {
    /// SHA-256, if the stores know it. Two objects of unknown digests are equal if the copy is not older.
    #[default]
    Known,
    /// SHA-256. The canister computes one that is unknown.
    Content,
    /// Only the sizes.
    Sizes,
    /// Not even the sizes: everything is different.
    Nothing,
}

impl Compare {
    /// Returns the comparison given by the arguments.
    pub(crate) fn new(args: &CompareArgs) -> Self {
        match args {
            CompareArgs { size_only: true, .. } => Self::Sizes,
            CompareArgs { checksum: true, .. } => Self::Content,
            CompareArgs { .. } => Self::Known,
        }
    }
}
