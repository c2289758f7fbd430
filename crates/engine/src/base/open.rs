//! Why a memory could not be opened.

/// Why [`Store::open`](crate::Store::open) refused a memory. The memory is untouched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The memory is not empty and does not start with our magic.
    #[error(
        "stable memory is not empty and was not written by this storage canister: it starts with {}, not with \
         \"IC-STORE\"; nothing has been changed", first.escape_ascii()
    )]
    Foreign {
        /// The first eight bytes of the memory.
        first: [u8; 8],
    },
    /// The memory is a store, of a layout that this version does not know.
    #[error(
        "stable memory has layout version {found}, and this version of the storage canister knows {known} only; nothing \
         has been changed"
    )]
    UnknownLayout {
        /// The version in the header.
        found: u32,
        /// The version that this code reads and writes.
        known: u32,
    },
    /// The memory starts as a store does, but does not hold what it must hold.
    #[error("stable memory is damaged: {what} (at byte {offset}); nothing has been changed")]
    Damaged {
        /// What is wrong.
        what: String,
        /// Where, in bytes from the start of stable memory.
        offset: u64,
    },
    /// The memory is empty and cannot grow by the two pages that an empty store takes.
    #[error("stable memory could not grow by {pages} pages for an empty store")]
    OutOfMemory {
        /// How many pages were refused.
        pages: u64,
    },
}

impl OpenError {
    pub(crate) fn damaged(what: impl Into<String>, offset: u64) -> Self {
        Self::Damaged { what: what.into(), offset }
    }
}
