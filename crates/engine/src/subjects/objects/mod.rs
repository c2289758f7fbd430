//! Objects: values of any size under keys, in one index.
//!
//! A value of at most [`INLINE_LIMIT`] bytes is stored in its index entry. A larger value is one extent of
//! the arena. A value that was uploaded and is larger than an extent has several extents, listed in a table.
//! The entry contains the offset of the extent or of the table. Every change gets the next revision and uses
//! [`Change`].

mod certify;
mod check;
mod condition;
mod copy;
mod entry;
mod limits;
mod metadata;
mod page;
mod put;
mod read;
mod remove;
mod rename;
mod site_pages;
#[cfg(test)]
mod tests;
mod verify;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::core::Core;
use crate::core::change::Change;
use crate::core::extents::Extents;
use crate::memory::space::StoreMemory;
use crate::structures::btree::Located;
use crate::subjects::scopes::Scopes;
pub(crate) use certify::{OBJECTS_LABEL, record};
pub(crate) use check::Walk;
pub(crate) use condition::{check_condition, check_kept_condition};
pub(crate) use copy::{SourceBytes, parts_of};
pub(crate) use entry::{ArenaUse, Entry, EntryHeader, ExistingObject, ValueLocation};
pub use limits::INLINE_LIMIT;
pub(crate) use limits::MAX_INLINE_LIMIT;
pub(crate) use metadata::{Digest, MAX_PAIRS_BYTES, Metadata, Pairs};
pub use page::{ObjectView, PageEnd};
pub use put::Put;
pub use read::ValueView;
pub(crate) use read::{check_fits_reply, read_range};
pub(crate) use site_pages::{StoredObjects, is_hashed, page_digest, piece_key, set_fallback};
pub(crate) use verify::HASHED_READ_BYTES;

/// The objects of a store.
pub(crate) struct Objects<'a, M: Memory> {
    pub(crate) core: &'a Core<M>,
    pub(crate) scopes: &'a Scopes,
}

impl<M: Memory + Clone> Objects<'_, M> {
    /// Calls `f` with the entry of the object under a key, borrowed from the index.
    fn with_entry<R>(
        &self,
        key: &str,
        f: impl FnOnce(EntryHeader<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        stable_storage_api::check::key(key)?;
        let found = self.core.index.get_with(key.as_bytes(), |bytes| f(EntryHeader::decode(bytes)?))?;
        found.unwrap_or(Err(Error::NotFound))
    }
}

/// Returns the facts about the object at a located key that a change needs.
pub(crate) fn existing_at<M: Memory + Clone>(
    change: &mut Change<'_, M>,
    located: Located,
) -> Result<Option<ExistingObject>, Error> {
    change.index.look(located, |bytes| Ok(EntryHeader::decode(bytes)?.existing()))?.transpose()
}

/// Frees the space of the existing object in the arena, if there is one.
pub(crate) fn free<M: Memory>(
    extents: &mut Extents<'_, StoreMemory<M>>,
    existing: Option<ExistingObject>,
) -> Result<(), Error> {
    let Some(ExistingObject { size, arena_use, .. }) = existing else { return Ok(()) };
    match arena_use {
        ArenaUse::Nothing => Ok(()),
        ArenaUse::Extent(extent) => extents.free_extent(extent, size),
        ArenaUse::Table(table) => extents.free_table(table),
    }
}
