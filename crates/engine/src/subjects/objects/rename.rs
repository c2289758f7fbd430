//! Moving an object to another key.

use ic_stable_structures::Memory;
use stable_storage_api::{Condition, Error, RenameArgs, Written, check};

use super::Objects;
use super::entry::Entry;
use super::{check_condition, existing_at, free};
use crate::core::change::Change;

impl<M: Memory + Clone> Objects<'_, M> {
    /// Moves an object to another key without copying its bytes. Replaces the object under that key, if the
    /// condition on it holds. The object keeps its creation time and gets the next revision. `now_ns` is the
    /// time in nanoseconds since 1970.
    pub(crate) fn rename(&self, args: &RenameArgs, now_ns: u64) -> Result<Written, Error> {
        self.rename_when(&args.from, &args.to, args.condition.as_ref().unwrap_or(&Condition::Any), now_ns)
    }

    /// Moves an object to another key, both given as borrowed text.
    pub(crate) fn rename_when(
        &self,
        from: &str,
        to: &str,
        condition: &Condition,
        now_ns: u64,
    ) -> Result<Written, Error> {
        check::key(from)?;
        check::key(to)?;
        check::condition(Some(condition))?;
        let (from, to) = (from.as_bytes(), to.as_bytes());
        let mut change = Change::new(self.core);
        let source = change.index.locate(from)?;
        let moved = change.index.look(source, <[u8]>::to_vec)?.ok_or(Error::NotFound)?;
        let entry = Entry::decode(&moved)?;
        let target = change.index.locate(to)?;
        let existing = existing_at(&mut change, target)?;
        check_condition(&mut change, target, existing, condition)?;

        // A rename to the same key replaces no other object.
        let is_same = from.len() == to.len() && from == to;
        let replaced = if is_same { None } else { existing };
        free(&mut change.extents, replaced)?;
        change.ledger = change.ledger.after(1, 0, replaced.map_or(0, |replaced| replaced.size))?;
        let revision = change.ledger.revision;
        let metadata = self.metadata_under(to, &entry)?;
        let renamed = Entry { revision, modified_ns: now_ns, metadata, ..entry }.encode();
        self.keep_pieces(&mut change, entry.revision, revision)?;
        if !is_same {
            self.erase(&mut change, source, from)?;
        }
        self.write(&mut change, target, to, (&renamed.0, &[]))?;
        change.reserve()?.commit();
        Ok(Written { revision })
    }
}
