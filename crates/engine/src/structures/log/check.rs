//! The check of the whole log.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::{INDEX_INTERVAL, LOG_START, Log};
use crate::base::problem::Problem;

impl<M: Memory> Log<M> {
    /// Checks every entry from the last to the first, and compares every end offset of the index. Stops at
    /// the first problem, because the entries before an invalid trailer cannot be found.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(Error::Corrupted { what, offset }) = self.walk() {
            problems.push(Problem { what, offset });
        }
    }

    fn walk(&self) -> Result<(), Error> {
        let mut end = self.state.end;
        for entry in (0..self.state.length).rev() {
            if (entry + 1).is_multiple_of(INDEX_INTERVAL) && self.indexed_end(entry / INDEX_INTERVAL)? != end
            {
                return Err(Error::corrupted(
                    format!("the log's index and the log differ in the end of entry {entry}"),
                    end,
                ));
            }
            end = self.entry_before(end, LOG_START)?.start;
        }
        if end == LOG_START {
            Ok(())
        } else {
            Err(Error::corrupted("the log has bytes before its first entry", end))
        }
    }
}
