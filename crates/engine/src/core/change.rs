//! The write path: a change is planned first, and then written in one step.
//!
//! A [`Change`] collects the new states of the arena, the index, the records of uploads and the ledger.
//! [`Change::reserve`] reserves the memory, which is the last step that can fail; [`Reserved::commit`] has no
//! result. So an error means that nothing has changed.

use std::borrow::Cow;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::base::growth::Growth;
use crate::core::Core;
use crate::core::certified::{CertifiedChange, begun};
use crate::core::extents::Extents;
use crate::core::key::Key;
use crate::core::ledger::Ledger;
use crate::memory::space::{Reservations, StoreMemory};
use crate::structures::arena::{Arena, Extent};
use crate::structures::btree::{Raw, Transaction};

/// A planned change. Dropping it without a commit changes nothing.
#[must_use = "a change that is not committed changes nothing"]
pub(crate) struct Change<'a, M: Memory> {
    core: &'a Core<M>,
    /// Changes of the entries of objects.
    pub(crate) index: Transaction<'a, Key, Raw, StoreMemory<M>>,
    /// Allocations and frees in the arena.
    pub(crate) extents: Extents<'a, StoreMemory<M>>,
    /// The ledger after the change.
    pub(crate) ledger: Ledger,
    /// Changes of the records of uploads; `None` until the first one.
    uploads: Option<Transaction<'a, u64, Raw, StoreMemory<M>>>,
    /// The part that concerns certification; `None` until the first change of it.
    certified: Option<Box<CertifiedChange<'a, M>>>,
    /// Bytes to write to extents, in order.
    writes: Vec<Write<'a>>,
    /// Bytes to copy between extents, after the writes.
    copies: Vec<Copy>,
}

/// Bytes for an offset of an extent.
struct Write<'a> {
    extent: Extent,
    offset: u64,
    bytes: Cow<'a, [u8]>,
}

/// A range of an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) extent: Extent,
    /// Offset from the start of the extent, in bytes.
    pub(crate) offset: u64,
    /// Length in bytes.
    pub(crate) length: u64,
}

/// Bytes that the commit copies within the arena.
struct Copy {
    from: Span,
    to: Span,
}

/// Number of bytes that the commit copies at a time. The buffer is on the heap, where each changed page costs instructions.
const COPY_BUFFER_BYTES: u64 = 65_536;

impl<'a, M: Memory + Clone> Change<'a, M> {
    pub(crate) fn new(core: &'a Core<M>) -> Self {
        Self {
            core,
            index: core.index.begin(),
            extents: Extents::of(&core.arena),
            ledger: core.ledger(),
            uploads: None,
            certified: None,
            writes: Vec::new(),
            copies: Vec::new(),
        }
    }

    /// Returns the changes of the records of uploads, to add to them.
    pub(crate) fn uploads(&mut self) -> &mut Transaction<'a, u64, Raw, StoreMemory<M>> {
        self.uploads.get_or_insert_with(|| self.core.uploads.begin())
    }

    /// Returns the part that concerns certification, to add to it.
    pub(crate) fn certified(&mut self) -> Result<&mut CertifiedChange<'a, M>, Error> {
        let begin = || Ok(Box::new(CertifiedChange::new(self.core.certified_from_now_on()?)));
        begun(&mut self.certified, begin).map(|change| &mut **change)
    }

    /// Adds bytes that the commit writes to an extent, an existing one or one allocated by this change.
    pub(crate) fn write(&mut self, extent: Extent, offset: u64, bytes: impl Into<Cow<'a, [u8]>>) {
        self.writes.push(Write { extent, offset, bytes: bytes.into() });
    }

    /// Returns the unused pages of the hash tree and of the keys that wait, after the change.
    fn unused_certified_pages(&self) -> Result<(u64, u64), Error> {
        match (&self.certified, self.core.certified()) {
            (Some(change), _) => change.unused_pages(),
            (None, Some(certified)) => certified.unused_pages(),
            (None, None) => Ok((0, 0)),
        }
    }

    /// Adds bytes that the commit copies from an extent to another one, without a copy of all of them on the heap. The first
    /// must be an extent of an object that this change keeps: one that it frees is overwritten by the commit.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if there is no extent that contains the first range.
    pub(crate) fn copy(&mut self, from: Span, to: Span) -> Result<(), Error> {
        assert_eq!(from.length, to.length, "both ranges have the same length");
        self.core.arena.require(from.extent, from.offset + from.length)?;
        self.copies.push(Copy { from, to });
        Ok(())
    }

    /// Reserves the memory that the change needs.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] and [`Error::Corrupted`].
    pub(crate) fn reserve(&mut self) -> Result<Reserved<'_, 'a, M>, Error> {
        self.reserve_with(&[])
    }

    /// Reserves the memory that the change needs, and growth of the caller's.
    ///
    /// # Errors
    ///
    /// The same as for [`reserve`](Self::reserve).
    pub(crate) fn reserve_with(
        &mut self,
        others: &[Growth<'_, StoreMemory<M>>],
    ) -> Result<Reserved<'_, 'a, M>, Error> {
        let uploads = self.uploads.as_ref();
        let mut after = Reservations {
            slots: self.ledger.reserved_slots,
            uploads: uploads.map_or(self.core.uploads.len(), Transaction::len),
            index_pages: self.index.unused_pages(),
            ..Reservations::default()
        };
        if after.uploads > 0 {
            (after.hash_tree_pages, after.pending_pages) = self.unused_certified_pages()?;
        }
        match (uploads, &mut self.certified) {
            // The usual changes need no list on the heap.
            (None, None) if others.is_empty() => {
                self.core.reserve(&[self.index.growth()], &mut self.extents, after)?;
            }
            (Some(uploads), None) if others.is_empty() => {
                let growths = [self.index.growth(), uploads.growth()];
                self.core.reserve(&growths, &mut self.extents, after)?;
            }
            (uploads, certified) => {
                let mut growths = certified.as_mut().map_or_else(Vec::new, |certified| certified.growths());
                growths.push(self.index.growth());
                growths.extend(uploads.map(Transaction::growth));
                growths.extend_from_slice(others);
                self.core.reserve(&growths, &mut self.extents, after)?;
            }
        }
        Ok(Reserved(self))
    }
}

/// A change whose memory is reserved, so that its commit cannot fail.
#[must_use = "a change that is not committed changes nothing"]
pub(crate) struct Reserved<'c, 'a, M: Memory>(&'c mut Change<'a, M>);

impl<M: Memory + Clone> Reserved<'_, '_, M> {
    /// Writes the change.
    pub(crate) fn commit(self) {
        let Change { core, index, extents, ledger, uploads, certified, writes, copies } = self.0;
        // The arena commits first, because the others may grow into the buckets that it frees.
        extents.commit();
        for Write { extent, offset, bytes } in writes.iter() {
            core.arena.write(*extent, *offset, bytes);
        }
        copy_all(&core.arena, copies);
        let changes_index_header = index.commit_pages();
        if let Some(uploads) = uploads {
            uploads.commit();
        }
        if let Some(certified) = certified.take() {
            certified.commit();
        }
        core.write_totals(*ledger, changes_index_header);
    }
}

/// Copies bytes within the arena, a piece at a time.
fn copy_all<M: Memory>(arena: &Arena<M>, copies: &[Copy]) {
    let longest = copies.iter().map(|copy| copy.from.length).max().unwrap_or(0);
    let mut buffer = vec![0; longest.min(COPY_BUFFER_BYTES) as usize];
    for Copy { from, to } in copies {
        for start in (0..from.length).step_by(COPY_BUFFER_BYTES as usize) {
            let bytes = &mut buffer[..COPY_BUFFER_BYTES.min(from.length - start) as usize];
            arena.read(from.extent, from.offset + start, bytes).expect("the plan has checked the extent");
            arena.write(to.extent, to.offset + start, bytes);
        }
    }
}
