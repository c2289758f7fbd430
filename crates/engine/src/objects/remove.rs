//! Removing.

use std::collections::BTreeSet;

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use storage_api::{Condition, DeleteArgs, DeletePrefixArgs, Deleted, Entry as KeyValue, Error, check};

use super::key::Key;
use super::read::check_fits_reply;
use super::{Extents, check_condition, present_at};
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Removes an object, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key that cannot exist, and [`Error::Corrupted`].
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        self.delete_when(key, Condition::Any)
    }

    /// Removes an object if the condition holds of what is there, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// As [`delete`](Self::delete); [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not
    /// hold.
    pub fn delete_when(&mut self, key: &str, condition: Condition) -> Result<bool, Error> {
        Ok(self.remove_all(&[(Key::new(key)?, condition)])? == [true])
    }

    /// Removes up to 1,000 objects under different keys, all of them or none, and tells which there were.
    ///
    /// # Errors
    ///
    /// As [`delete_when`](Self::delete_when) for the first that cannot be removed, [`Error::LimitExceeded`] for more than
    /// 1,000, and [`Error::InvalidArgument`] for a key that occurs twice.
    pub fn delete_many(&mut self, deletes: &[DeleteArgs]) -> Result<Vec<bool>, Error> {
        check::batch(deletes.len(), "objects in one delete_many")?;
        let mut keys = BTreeSet::new();
        let doomed = deletes.iter().map(|delete| {
            let key = Key::new(&delete.key)?;
            if !keys.insert(&delete.key) {
                return Err(Error::invalid(format!("the key {:?} occurs twice in the batch", delete.key)));
            }
            Ok((key, delete.condition.unwrap_or_default()))
        });
        self.remove_all(&doomed.collect::<Result<Vec<_>, Error>>()?)
    }

    /// Removes the first objects under a prefix, up to a limit of at most 1,000.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, and [`Error::Corrupted`].
    pub fn delete_prefix(&mut self, args: &DeletePrefixArgs) -> Result<Deleted, Error> {
        args.check()?;
        let limit = args.most() as usize;
        let under = self.under(&args.prefix, None).take(limit + 1);
        let mut doomed =
            under.map(|object| Ok((object?.0, Condition::Any))).collect::<Result<Vec<_>, Error>>()?;
        let more = doomed.len() > limit;
        doomed.truncate(limit);
        Ok(Deleted { deleted: self.remove_all(&doomed)?.len() as u64, more })
    }

    /// Removes the first object under a prefix and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for an object that does not fit one reply, which stays; and [`Error::Corrupted`].
    pub fn take_first(&mut self, prefix: &str) -> Result<Option<KeyValue>, Error> {
        let Some((key, raw)) = self.under(prefix, None).next().transpose()? else { return Ok(None) };
        let entry = raw.head()?;
        check_fits_reply(entry.size)?;
        let taken = KeyValue { key: key.text()?, value: ByteBuf::from(self.value(&entry)?) };
        self.remove_all(&[(key, Condition::Any)])?;
        Ok(Some(taken))
    }

    /// Removes the objects that there are under these keys if all conditions hold, and tells which there were.
    fn remove_all(&mut self, keys: &[(Key, Condition)]) -> Result<Vec<bool>, Error> {
        let (mut index, mut extents) = (self.index.begin(), Extents::of(&self.arena));
        let (mut removed, mut count, mut bytes) = (Vec::with_capacity(keys.len()), 0, 0);
        for (key, condition) in keys {
            let located = index.locate(key.as_bytes())?;
            let present = present_at(&mut index, located)?;
            check_condition(*condition, present)?;
            removed.push(present.is_some());
            let Some(present) = present else { continue };
            index.remove_at(located, key.as_bytes())?;
            extents.free(Some(present))?;
            count += 1;
            bytes += present.size;
        }
        if count == 0 {
            return Ok(removed);
        }
        let ledger = self.ledger.after(count, 0, bytes)?;
        self.ensure(&index, &mut extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        self.write_ledger(ledger);
        Ok(removed)
    }
}
