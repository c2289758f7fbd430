//! Moving an object to another key.

use ic_stable_structures::Memory;
use storage_api::{Error, ObjectInfo, RenameArgs};

use super::entry::Entry;
use super::key::Key;
use super::{Extents, check_condition, present};
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
        let mut index = self.index.begin();
        let moved = index.get(&from)?.ok_or(Error::NotFound)?;
        let entry = moved.decode()?;
        let target = present(&mut index, &to)?;
        check_condition(args.condition.unwrap_or_default(), target)?;

        // Onto itself, an object replaces nothing.
        let replaced = if from == to { None } else { target };
        let ledger = self.ledger.after(1, 0, replaced.map_or(0, |replaced| replaced.size))?;
        let mut extents = Extents::of(&self.arena);
        extents.free(replaced)?;
        let entry = Entry { revision: ledger.revision, modified_ns: now_ns, ..entry };
        let info = entry.info(args.to.clone())?;
        index.remove(&from)?;
        index.insert(&to, &entry.encode())?;
        self.ensure(&index, &mut extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        self.write_ledger(ledger);
        Ok(info)
    }
}
