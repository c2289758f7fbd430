//! The structures of certification: the hash tree, and what says what is in it.
//!
//! A store that certifies nothing has none of them, and its operations pay nothing for them. All but the tree are opened when they are
//! first needed, so that an upgrade pays for the tree alone, which has the digest to certify.

use std::cell::OnceCell;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::base::growth::Growth;
use crate::base::layout::{HASH_TREE, LOG_RANGE, PENDING, PIECES, SCOPES, tree_header_at};
use crate::base::open::OpenError;
use crate::core::open_map::open_map;
use crate::memory::space::{Space, StoreMemory};
use crate::structures::btree::{Map, Raw, Transaction};
use crate::structures::hash_tree::{self, HEADER_BYTES, Tree};
use crate::structures::mountain_range::{self, MountainRange};

const _: () = assert!(HEADER_BYTES as u64 <= crate::base::layout::TREE_HEADER_STEP);

/// A map of the structures of certification.
pub(crate) type RawMap<M> = Map<Raw, Raw, StoreMemory<M>>;

/// The structures of certification.
pub(crate) struct Certified<M: Memory> {
    space: Space<M>,
    /// The tree whose digest is certified.
    pub(crate) tree: Tree<StoreMemory<M>>,
    log: Late<MountainRange<StoreMemory<M>>>,
    scopes: Late<RawMap<M>>,
    pieces: Late<RawMap<M>>,
    pending: Late<RawMap<M>>,
}

/// A structure that is opened when it is first needed. In a box, because moving room for one costs more than opening the tree.
type Late<T> = OnceCell<Box<T>>;

impl<M: Memory + Clone> Certified<M> {
    /// Opens the structures if anything has ever been certified.
    pub(crate) fn open_if_used(space: &Space<M>) -> Result<Option<Self>, OpenError> {
        let is_used = [HASH_TREE, LOG_RANGE, SCOPES].into_iter().any(|id| space.memory(id).size() > 0);
        if is_used { Self::open(space).map(Some) } else { Ok(None) }
    }

    /// Opens the structures.
    pub(crate) fn open(space: &Space<M>) -> Result<Self, OpenError> {
        let home = (space.first_page(), tree_header_at(HASH_TREE));
        Ok(Self {
            tree: Tree::open(space.memory(HASH_TREE), home, space.bucket_size().pages())?,
            log: OnceCell::new(),
            scopes: OnceCell::new(),
            pieces: OnceCell::new(),
            pending: OnceCell::new(),
            space: space.clone(),
        })
    }

    /// Returns the digests of the entries of the log.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a corrupt header. The same holds for the functions below.
    pub(crate) fn log(&self) -> Result<&MountainRange<StoreMemory<M>>, Error> {
        opened(&self.log, || {
            let home = (self.space.first_page(), tree_header_at(LOG_RANGE));
            MountainRange::open(self.space.memory(LOG_RANGE), home, self.space.bucket_size().pages())
        })
    }

    /// Returns the certified prefixes and the sites.
    pub(crate) fn scopes(&self) -> Result<&RawMap<M>, Error> {
        opened(&self.scopes, || open_map(&self.space, SCOPES, "scopes"))
    }

    /// Returns the digests of the pieces of large objects.
    pub(crate) fn pieces(&self) -> Result<&RawMap<M>, Error> {
        opened(&self.pieces, || open_map(&self.space, PIECES, "pieces"))
    }

    /// Returns the keys of objects that wait to be certified.
    pub(crate) fn pending(&self) -> Result<&RawMap<M>, Error> {
        opened(&self.pending, || open_map(&self.space, PENDING, "pending objects"))
    }

    /// Returns the unused pages of the hash tree and of the keys that wait.
    pub(super) fn unused_pages(&self) -> Result<(u64, u64), Error> {
        Ok((self.tree.unused_pages(), self.pending()?.unused_pages()))
    }
}

/// Returns a structure, and opens it the first time.
fn opened<T>(cell: &Late<T>, open: impl FnOnce() -> Result<T, OpenError>) -> Result<&T, Error> {
    if let Some(structure) = cell.get() {
        return Ok(structure);
    }
    let structure = open().map_err(|error| Error::corrupted(error.to_string(), 0))?;
    Ok(cell.get_or_init(|| Box::new(structure)))
}

/// A change of one of the maps; `None` until the first one.
type MapChange<'a, M> = Option<Transaction<'a, Raw, Raw, StoreMemory<M>>>;

/// The part of a change that concerns certification.
pub(crate) struct CertifiedChange<'a, M: Memory> {
    certified: &'a Certified<M>,
    /// Changes of the hash tree.
    pub(crate) tree: hash_tree::Change<'a, StoreMemory<M>>,
    log: Option<mountain_range::Change<'a, StoreMemory<M>>>,
    scopes: MapChange<'a, M>,
    pieces: MapChange<'a, M>,
    pending: MapChange<'a, M>,
}

impl<'a, M: Memory + Clone> CertifiedChange<'a, M> {
    pub(crate) fn new(certified: &'a Certified<M>) -> Self {
        Self { certified, tree: certified.tree.begin(), log: None, scopes: None, pieces: None, pending: None }
    }

    /// Returns the changes of the digests of the log, to add to them.
    pub(crate) fn log(&mut self) -> Result<&mut mountain_range::Change<'a, StoreMemory<M>>, Error> {
        begun(&mut self.log, || Ok(self.certified.log()?.begin()))
    }

    /// Returns the changes of the scopes, to add to them.
    pub(crate) fn scopes(&mut self) -> Result<&mut Transaction<'a, Raw, Raw, StoreMemory<M>>, Error> {
        begun(&mut self.scopes, || Ok(self.certified.scopes()?.begin()))
    }

    /// Returns the changes of the pieces, to add to them.
    pub(crate) fn pieces(&mut self) -> Result<&mut Transaction<'a, Raw, Raw, StoreMemory<M>>, Error> {
        begun(&mut self.pieces, || Ok(self.certified.pieces()?.begin()))
    }

    /// Returns the changes of the keys that wait, to add to them.
    pub(crate) fn pending(&mut self) -> Result<&mut Transaction<'a, Raw, Raw, StoreMemory<M>>, Error> {
        begun(&mut self.pending, || Ok(self.certified.pending()?.begin()))
    }

    /// Returns the unused pages of the hash tree and of the keys that wait, after the change.
    pub(super) fn unused_pages(&self) -> Result<(u64, u64), Error> {
        let (_, pending) = self.certified.unused_pages()?;
        Ok((self.tree.unused_pages(), self.pending.as_ref().map_or(pending, Transaction::unused_pages)))
    }

    /// Computes the digests of the tree, and returns the growth of the memories.
    pub(super) fn growths(&mut self) -> Vec<Growth<'_, StoreMemory<M>>> {
        self.tree.compute();
        let maps = [&self.scopes, &self.pieces, &self.pending];
        let maps = maps.into_iter().flatten().map(Transaction::growth);
        maps.chain([self.tree.growth()])
            .chain(self.log.as_ref().map(mountain_range::Change::growth))
            .collect()
    }

    /// Writes the change.
    pub(super) fn commit(self) {
        self.tree.commit();
        if let Some(log) = self.log {
            log.commit();
        }
        for map in [self.scopes, self.pieces, self.pending].iter_mut().flatten() {
            map.commit();
        }
    }
}

/// Returns a change, and begins it the first time.
pub(super) fn begun<C>(
    change: &mut Option<C>,
    begin: impl FnOnce() -> Result<C, Error>,
) -> Result<&mut C, Error> {
    if change.is_none() {
        *change = Some(begin()?);
    }
    Ok(change.as_mut().expect("it has just been set"))
}

/// Returns an error about a record of certification.
#[cold]
pub(crate) fn damaged(what: &str) -> Error {
    Error::corrupted(format!("certification: {what}"), 0)
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;
    use crate::Store;
    use crate::base::layout::HASH_TREE;

    #[test]
    fn a_change_and_what_it_leaves_have_the_same_unused_pages() {
        let store = Store::open(VectorMemory::default()).unwrap();
        let certified = store.core.certified_from_now_on().unwrap();
        let mut change = CertifiedChange::new(certified);
        for number in 0..1_000u64 {
            change.tree.set(&[&number.to_be_bytes()], [1; 32]).unwrap();
            change.pending().unwrap().insert(&Raw(number.to_be_bytes().to_vec()), &Raw(Vec::new())).unwrap();
        }
        let planned = change.unused_pages().unwrap();
        change.growths();
        change.commit();
        assert_eq!(certified.unused_pages().unwrap(), planned);
        // 1,001 slots of 256 bytes are in four pages, and all keys in the first one.
        let pages = |id| store.core.space.memory(id).size();
        assert_eq!(planned, (pages(HASH_TREE) - 4, pages(PENDING) - 1));
        assert!(planned.0 > 1 && planned.1 > 1, "{planned:?}");
    }
}
