//! The reasons why a memory cannot be opened.

/// Reason why [`Store::open`](crate::Store::open) refused a memory. The memory is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The memory is not empty and does not start with the magic of a store.
    #[error(
        "stable memory is not empty and was not written by this storage canister: it starts with {}, not with \
         \"IC-STORE\"; nothing has been changed", first.escape_ascii()
    )]
    Foreign {
        /// The first eight bytes of the memory.
        first: [u8; 8],
    },
    /// The memory is a store with a layout that this version does not know.
    #[error(
        "stable memory has layout version {found}, and this version of the storage canister knows {known} only; nothing \
         has been changed"
    )]
    UnknownLayout {
        /// Version in the header.
        found: u32,
        /// Version that this code reads and writes.
        known: u32,
    },
    /// The memory starts like a store, but its contents are corrupt.
    #[error("stable memory is damaged: {what} (at byte {offset}); nothing has been changed")]
    Damaged {
        /// Description of the corruption.
        what: String,
        /// Offset from the start of stable memory, in bytes.
        offset: u64,
    },
    /// The memory is empty and cannot grow by the two pages of an empty store.
    #[error("stable memory could not grow by {pages} pages for an empty store")]
    OutOfMemory {
        /// Number of pages that were refused.
        pages: u64,
    },
}

impl OpenError {
    pub(crate) fn damaged(what: impl Into<String>, offset: u64) -> Self {
        Self::Damaged { what: what.into(), offset }
    }
}
