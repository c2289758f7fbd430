//! Methods of a store for the log: see [`crate::Log`].

use ic_stable_structures::Memory;
use stable_storage_api::{Appended, Error, LogInfo, LogPage, ReadLogArgs};

use super::Store;
use crate::base::growth::Growth;
use crate::core::change::Change;
use crate::core::header::Header;
use crate::structures::log::Plan;
use crate::subjects::certified::CertifiedLog;

impl<M: Memory + Clone> Store<M> {
    /// Appends up to 1,000 entries of 0 to 2,031,616 bytes each: all of them or none.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] for more than 1,000 entries, [`Error::TooLarge`] for an entry that is too
    /// long, and [`Error::OutOfMemory`]. Nothing has changed in these cases.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Appended, Error> {
        let plan = self.log.plan(entries)?;
        if self.core.certified().is_some() && self.certified_log().is_certified()? {
            self.reserve_certified(entries, &plan)?;
        } else {
            self.reserve(&plan)?;
        }
        if self.core.header().sealed && plan.changes(&self.log) {
            // The clean-shutdown mark records the end of the log, which is about to change.
            self.core.set_header(Header { sealed: false, ..self.core.header() });
        }
        Ok(self.log.commit(entries, &plan))
    }

    /// Grows the memories of the log.
    fn reserve(&self, plan: &Plan) -> Result<(), Error> {
        let growths = self.log.growths(plan);
        if growths.iter().any(|growth| growth.pages > 0) {
            self.core.grow(&growths)?;
        }
        Ok(())
    }

    /// Grows the memories of the log, and certifies the entries, which are appended next.
    fn reserve_certified<E: AsRef<[u8]>>(&self, entries: &[E], plan: &Plan) -> Result<(), Error> {
        let growths = self.log.growths(plan);
        let mut change = Change::new(&self.core);
        CertifiedLog::stage(&mut change, entries)?;
        let reserved = change.reserve_with(&growths)?;
        for Growth { memory, pages } in growths.into_iter().filter(|growth| growth.pages > 0) {
            assert!(memory.grow(pages) >= 0, "the pages have been reserved");
        }
        reserved.commit();
        Ok(())
    }

    pub(crate) fn certified_log(&self) -> CertifiedLog<'_, M> {
        CertifiedLog { core: &self.core, log: &self.log }
    }

    /// Returns the number of entries and bytes in the log.
    #[must_use]
    pub fn log_info(&self) -> LogInfo {
        self.log.info()
    }

    /// Returns the last entries, newest first: up to `count`, as many as fit in one reply.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a trailer that points before the first entry.
    pub fn read_last(&self, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.log.read_last(count)
    }

    /// Passes the last entries to `take`, one by one, newest first.
    ///
    /// # Errors
    ///
    /// The same as for [`read_last`](Self::read_last).
    pub fn read_last_with(&self, count: u64, take: impl FnMut(&[u8])) -> Result<(), Error> {
        self.log.read_last_with(count, take)
    }

    /// Returns a page of entries, oldest first, starting at an index.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, [`Error::OutOfRange`] for an index after the end of the
    /// log, and [`Error::Corrupted`].
    pub fn read_log(&self, args: &ReadLogArgs) -> Result<LogPage, Error> {
        self.log.read_log(args)
    }

    /// Passes a page of entries to `take`, one by one. Returns the index after the page, and the length of
    /// the log.
    ///
    /// # Errors
    ///
    /// The same as for [`read_log`](Self::read_log).
    pub fn read_log_with(&self, args: &ReadLogArgs, take: impl FnMut(&[u8])) -> Result<(u64, u64), Error> {
        self.log.read_log_with(args, take)
    }
}
