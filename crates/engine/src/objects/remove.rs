//! Removing.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use storage_api::limits::MAX_PAGE_ITEMS;
use storage_api::{DeletePrefixArgs, Deleted, Entry as KeyValue, Error};

use super::key::Key;
use super::read::check_fits_reply;
use super::{Extents, present};
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Removes an object, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key that cannot exist, and [`Error::Corrupted`].
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        Ok(self.remove_all(&[Key::new(key)?])? == 1)
    }

    /// Removes the first objects under a prefix, up to a limit of at most 1,000.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, and [`Error::Corrupted`].
    pub fn delete_prefix(&mut self, args: &DeletePrefixArgs) -> Result<Deleted, Error> {
        args.check()?;
        let limit = args.limit.min(MAX_PAGE_ITEMS) as usize;
        let under = self.under(&args.prefix, None).take(limit + 1);
        let mut doomed = under.map(|object| Ok(object?.0)).collect::<Result<Vec<_>, Error>>()?;
        let more = doomed.len() > limit;
        doomed.truncate(limit);
        Ok(Deleted { deleted: self.remove_all(&doomed)?, more })
    }

    /// Removes the first object under a prefix and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for an object that does not fit one reply, which stays; and [`Error::Corrupted`].
    pub fn take_first(&mut self, prefix: &str) -> Result<Option<KeyValue>, Error> {
        let Some((key, raw)) = self.under(prefix, None).next().transpose()? else { return Ok(None) };
        let entry = raw.decode()?;
        check_fits_reply(entry.size)?;
        let taken = KeyValue { key: key.text()?, value: ByteBuf::from(self.value(&entry)?) };
        self.remove_all(&[key])?;
        Ok(Some(taken))
    }

    /// Removes the objects that there are under these keys, all of them or none, and tells how many there were.
    fn remove_all(&mut self, keys: &[Key]) -> Result<u64, Error> {
        let (mut index, mut extents) = (self.index.begin(), Extents::of(&self.arena));
        let (mut count, mut bytes) = (0, 0);
        for key in keys {
            let Some(present) = present(&mut index, key)? else { continue };
            index.remove(key)?;
            extents.free(Some(present))?;
            count += 1;
            bytes += present.size;
        }
        if count == 0 {
            return Ok(0);
        }
        let ledger = self.ledger.after(count, 0, bytes)?;
        self.ensure(&index, &mut extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        self.write_ledger(ledger);
        Ok(count)
    }
}
