//! Removing.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use storage_api::limits::MAX_PAGE_ITEMS;
use storage_api::{DeletePrefixArgs, Deleted, Entry as KeyValue, Error};

use super::Extents;
use super::entry::Present;
use super::key::Key;
use super::read::check_fits_reply;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Removes an object, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key that cannot exist, and [`Error::Corrupted`].
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        let key = Key::new(key)?;
        let Some(raw) = self.index.get(&key)? else { return Ok(false) };
        self.remove_all(&[(key, raw.decode()?.present())])?;
        Ok(true)
    }

    /// Removes the first objects under a prefix, up to a limit of at most 1,000.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, and [`Error::Corrupted`].
    pub fn delete_prefix(&mut self, args: &DeletePrefixArgs) -> Result<Deleted, Error> {
        if args.limit == 0 {
            return Err(Error::invalid(format!(
                "the limit is 0; one call removes 1 to {MAX_PAGE_ITEMS} objects"
            )));
        }
        let limit = args.limit.min(MAX_PAGE_ITEMS) as usize;
        let under = self.under(&args.prefix, None).take(limit + 1);
        let mut doomed = under
            .map(|object| object.and_then(|(key, raw)| Ok((key, raw.decode()?.present()))))
            .collect::<Result<Vec<_>, Error>>()?;
        let more = doomed.len() > limit;
        doomed.truncate(limit);
        self.remove_all(&doomed)?;
        Ok(Deleted { deleted: doomed.len() as u64, more })
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
        self.remove_all(&[(key, entry.present())])?;
        Ok(Some(taken))
    }

    /// Removes objects, all of them or none.
    fn remove_all(&mut self, objects: &[(Key, Present)]) -> Result<(), Error> {
        if objects.is_empty() {
            return Ok(());
        }
        let removed = objects.iter().map(|(_, present)| present.size).sum();
        let ledger = self.ledger.after(objects.len() as u64, 0, removed)?;
        let (mut index, mut extents) = (self.index.begin(), Extents::of(&self.arena));
        for (key, present) in objects {
            index.remove(key)?;
            extents.free(Some(*present))?;
        }
        self.ensure(&index, &extents)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        self.write_ledger(ledger);
        Ok(())
    }
}
