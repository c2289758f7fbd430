//! Moving an object to another key.

use ic_stable_structures::Memory;
use storage_api::{Error, ObjectInfo, RenameArgs};

use super::entry::Entry;
use super::key::Key;
use super::{Extents, check_condition};
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Moves an object to another key without touching its bytes. The object that is there already is replaced, if the
    /// condition on it holds. The object keeps its creation time and gets the next revision. `now_ns` is the time in
    /// nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where there is nothing under `from`, and otherwise as [`put`](Self::put).
    pub fn rename(&mut self, args: &RenameArgs, now_ns: u64) -> Result<ObjectInfo, Error> {
        let (from, to) = (Key::new(&args.from)?, Key::new(&args.to)?);
        let moved = self.index.get(&from).ok_or(Error::NotFound)?;
        let entry = moved.decode()?;
        let target = self.present(&to)?;
        check_condition(args.condition.unwrap_or_default(), target)?;

        // Onto itself, an object replaces nothing.
        let replaced = if from == to { None } else { target };
        let ledger = self.ledger.after(1, 0, replaced.map_or(0, |replaced| replaced.size))?;
        let mut extents = Extents::of(&self.arena);
        extents.free(replaced)?;
        let index_pages = self.index.pages_to_insert(1, to.len() + moved.len());
        self.ensure(index_pages + self.index.pages_to_remove(), &extents)?;

        // From here on nothing can fail.
        extents.commit();
        let entry = Entry { revision: ledger.revision, modified_ns: now_ns, ..entry };
        self.index.remove(&from);
        self.index.insert(to, entry.encode());
        self.write_ledger(ledger);
        Ok(entry.info(args.to.clone()))
    }
}
