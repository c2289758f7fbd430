//! The structures of certification: the hash tree, and what says what is in it.
//!
//! A store that certifies nothing has none of them, and its operations pay nothing for them.

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
    /// The tree whose digest is certified.
    pub(crate) tree: Tree<StoreMemory<M>>,
    /// The digests of the entries of the log.
    pub(crate) log: MountainRange<StoreMemory<M>>,
    /// The certified prefixes and the sites.
    pub(crate) scopes: RawMap<M>,
    /// The digests of the pieces of large objects.
    pub(crate) pieces: RawMap<M>,
    /// The keys of objects that wait to be certified.
    pub(crate) pending: RawMap<M>,
}

impl<M: Memory + Clone> Certified<M> {
    /// Opens the structures if anything has ever been certified.
    pub(crate) fn open_if_used(space: &Space<M>) -> Result<Option<Self>, OpenError> {
        let is_used = [HASH_TREE, LOG_RANGE, SCOPES].into_iter().any(|id| space.memory(id).size() > 0);
        if is_used { Self::open(space).map(Some) } else { Ok(None) }
    }

    /// Opens the structures.
    pub(crate) fn open(space: &Space<M>) -> Result<Self, OpenError> {
        let home = |id| (space.first_page(), tree_header_at(id));
        let pages = space.bucket_size().pages();
        Ok(Self {
            tree: Tree::open(space.memory(HASH_TREE), home(HASH_TREE), pages)?,
            log: MountainRange::open(space.memory(LOG_RANGE), home(LOG_RANGE), pages)?,
            scopes: open_map(space, SCOPES, "scopes")?,
            pieces: open_map(space, PIECES, "pieces")?,
            pending: open_map(space, PENDING, "pending objects")?,
        })
    }
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
    pub(crate) fn log(&mut self) -> &mut mountain_range::Change<'a, StoreMemory<M>> {
        self.log.get_or_insert_with(|| self.certified.log.begin())
    }

    /// Returns the changes of the scopes, to add to them.
    pub(crate) fn scopes(&mut self) -> &mut Transaction<'a, Raw, Raw, StoreMemory<M>> {
        self.scopes.get_or_insert_with(|| self.certified.scopes.begin())
    }

    /// Returns the changes of the pieces, to add to them.
    pub(crate) fn pieces(&mut self) -> &mut Transaction<'a, Raw, Raw, StoreMemory<M>> {
        self.pieces.get_or_insert_with(|| self.certified.pieces.begin())
    }

    /// Returns the changes of the keys that wait, to add to them.
    pub(crate) fn pending(&mut self) -> &mut Transaction<'a, Raw, Raw, StoreMemory<M>> {
        self.pending.get_or_insert_with(|| self.certified.pending.begin())
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

/// Returns an error about a record of certification.
#[cold]
pub(crate) fn damaged(what: &str) -> Error {
    Error::corrupted(format!("certification: {what}"), 0)
}
