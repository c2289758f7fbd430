//! Removing objects.

use std::collections::BTreeSet;
use std::ops::Bound;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::{Condition, DeleteArgs, DeletePrefixArgs, Deleted, Entry as KeyValue, Error, check};

use super::Objects;
use super::entry::{EntryHeader, ExistingObject};
use super::read::{ValueView, check_fits_reply};
use super::{check_condition, existing_at, free};
use crate::core::change::Change;
use crate::core::key::key_text;
use crate::structures::btree::{Direction, Located};

impl<M: Memory + Clone> Objects<'_, M> {
    /// Removes an object, and returns whether there was one.
    pub(crate) fn delete(&self, key: &str) -> Result<bool, Error> {
        self.delete_when(key, &Condition::Any)
    }

    /// Removes an object if the condition holds, and returns whether there was one.
    pub(crate) fn delete_when(&self, key: &str, condition: &Condition) -> Result<bool, Error> {
        check::key(key)?;
        check::condition(Some(condition))?;
        let mut change = Change::new(self.core);
        let was_there = self.stage_removal(&mut change, key, condition)?;
        if was_there {
            change.reserve()?.commit();
        }
        Ok(was_there)
    }

    /// Removes up to 1,000 objects under different keys: all of them or none. Returns for each key whether
    /// there was an object.
    pub(crate) fn delete_many(&self, deletes: &[DeleteArgs]) -> Result<Vec<bool>, Error> {
        check::batch(deletes.len(), "objects in one delete_many")?;
        let mut keys = BTreeSet::new();
        let (mut change, mut were_there) = (Change::new(self.core), Vec::with_capacity(deletes.len()));
        for delete in deletes {
            delete.check()?;
            let DeleteArgs { key, condition } = delete;
            if !keys.insert(key) {
                return Err(Error::invalid(format!("the key {key:?} occurs twice in the batch")));
            }
            were_there.push(self.stage_removal(
                &mut change,
                key,
                condition.as_ref().unwrap_or(&Condition::Any),
            )?);
        }
        change.reserve()?.commit();
        Ok(were_there)
    }

    /// Removes the first objects under a prefix, up to a limit of at most 1,000.
    pub(crate) fn delete_prefix(&self, args: &DeletePrefixArgs) -> Result<Deleted, Error> {
        args.check()?;
        let limit = args.most() as usize;
        let (mut doomed, mut more) = (Vec::new(), false);
        let mut cursor =
            self.core.index.cursor(Bound::Included(args.prefix.as_bytes()), Direction::Forward)?;
        while cursor.advance()? && cursor.key()?.starts_with(args.prefix.as_bytes()) {
            more = doomed.len() == limit;
            if more {
                break;
            }
            doomed.push(cursor.key()?.to_vec());
        }
        let mut change = Change::new(self.core);
        for key in &doomed {
            let located = change.index.locate(key)?;
            let existing = existing_at(&mut change, located)?;
            let gone = || Error::corrupted("a key that the object index lists is not found", 0);
            self.remove_located(&mut change, located, key, existing.ok_or_else(gone)?)?;
        }
        change.reserve()?.commit();
        Ok(Deleted { deleted: doomed.len() as u64, more })
    }

    /// Removes the first object under a prefix and returns it.
    pub(crate) fn take_first(&self, prefix: &str) -> Result<Option<KeyValue>, Error> {
        let mut change = Change::new(self.core);
        let Some(located) = change.index.locate_from(prefix.as_bytes())? else { return Ok(None) };
        let first = change.index.look_entry(located, |key, entry| self.first_under(prefix, key, entry))??;
        let Some((taken, existing)) = first else { return Ok(None) };
        self.remove_located(&mut change, located, taken.key.as_bytes(), existing)?;
        change.reserve()?.commit();
        Ok(Some(taken))
    }

    /// Returns the object with this key, entry and value, if it is under a prefix.
    fn first_under(
        &self,
        prefix: &str,
        key: &[u8],
        entry: &[u8],
    ) -> Result<Option<(KeyValue, ExistingObject)>, Error> {
        if !key.starts_with(prefix.as_bytes()) {
            return Ok(None);
        }
        let header = EntryHeader::decode(entry)?;
        check_fits_reply(header.size)?;
        let value = ByteBuf::from(ValueView::of(self.core, &header).to_vec()?);
        let taken = KeyValue { key: key_text(key)?, value };
        Ok(Some((taken, header.existing())))
    }

    /// Adds the removal of the object under a key to a change, if there is one and the condition holds.
    /// Returns whether there was one.
    fn stage_removal(
        &self,
        change: &mut Change<'_, M>,
        key: &str,
        condition: &Condition,
    ) -> Result<bool, Error> {
        let located = change.index.locate(key.as_bytes())?;
        let existing = existing_at(change, located)?;
        check_condition(change, located, existing, condition)?;
        let Some(existing) = existing else { return Ok(false) };
        self.remove_located(change, located, key.as_bytes(), existing)?;
        Ok(true)
    }

    /// Adds the removal of a located object to a change.
    fn remove_located(
        &self,
        change: &mut Change<'_, M>,
        located: Located,
        key: &[u8],
        existing: ExistingObject,
    ) -> Result<(), Error> {
        self.erase(change, located, key)?;
        free(&mut change.extents, Some(existing))?;
        change.ledger = change.ledger.after(1, 0, existing.size)?;
        Ok(())
    }
}
