//! Committed pages of stable memory, together with the old ones that running queries still see.

use std::io;
use std::ops::{Deref, RangeInclusive};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use super::backing::PageStore;
use super::pages::{PAGE, Page, PageMap};
use super::runs::Runs;

/// Number of old pages above which entries that no query needs are looked for.
const PRUNED_FROM: usize = 256;

/// Number of a committed state. Each commit increments it.
pub(crate) type Snapshot = u64;

/// Snapshots that queries see while a commit changes pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshots {
    /// From the oldest to the newest; `None` if no query is running.
    pub(crate) in_use: Option<RangeInclusive<Snapshot>>,
    /// The state that is being committed.
    pub(crate) next: Snapshot,
}

/// Old content of a page.
struct Old {
    /// The first snapshot that does not have this content. It is that of all earlier ones since the entry before.
    until: Snapshot,
    /// `None` if it was zeros.
    page: Option<Box<Page>>,
}

/// A store that can be read as of an earlier snapshot.
///
/// Queries read it while the host commits. A commit keeps the old content of a page that it changes if a running query may
/// still read it.
pub(crate) struct Versions {
    inner: RwLock<Inner>,
}

struct Inner {
    store: Box<dyn PageStore>,
    /// Old contents by page, oldest first.
    old: PageMap<Vec<Old>>,
    /// Number of contents in `old`.
    kept: usize,
    /// Number of contents at which those that are not needed are removed.
    prune_at: usize,
}

/// The current pages, which do not change while this exists.
pub(crate) struct Current<'a>(RwLockReadGuard<'a, Inner>);

impl Deref for Current<'_> {
    type Target = dyn PageStore;

    fn deref(&self) -> &Self::Target {
        &*self.0.store
    }
}

impl Versions {
    pub(crate) fn new(store: Box<dyn PageStore>) -> Self {
        let inner = Inner { store, old: PageMap::default(), kept: 0, prune_at: PRUNED_FROM };
        Self { inner: RwLock::new(inner) }
    }

    /// Returns the current pages.
    pub(crate) fn current(&self) -> Current<'_> {
        Current(self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads bytes of the current pages, or of an earlier snapshot.
    pub(crate) fn read(&self, at: Option<Snapshot>, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.store.read(offset, dst)?;
        if let Some(at) = at {
            inner.restore(at, offset, dst);
        }
        Ok(())
    }

    /// Makes pages part of the store, and keeps the contents that they replace for running queries.
    pub(crate) fn write(&self, pages: &mut PageMap, ahead: &Runs, snapshots: &Snapshots) -> io::Result<()> {
        let mut inner = self.write_lock();
        match &snapshots.in_use {
            None => inner.forget_all(),
            Some(in_use) => {
                inner.prune(*in_use.start());
                for &number in pages.keys() {
                    inner.keep(number, *in_use.end(), snapshots.next)?;
                }
            }
        }
        inner.store.write(pages, ahead)
    }

    /// Returns the number of old pages that are kept.
    pub(crate) fn kept(&self) -> usize {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).kept
    }

    /// Frees the old pages. No query may be running. It does not wait for other threads: the next commit frees them as well.
    pub(crate) fn forget_old(&self) {
        match self.inner.try_write() {
            Ok(mut inner) => inner.forget_all(),
            Err(TryLockError::Poisoned(inner)) => inner.into_inner().forget_all(),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Forces everything to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.write_lock().store.settle()?;
        // Waiting for the disk must not block queries.
        self.current().sync()
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Replaces pages in `dst`, the bytes from `offset` on, that were different at a snapshot.
    fn restore(&self, at: Snapshot, offset: u64, dst: &mut [u8]) {
        if self.old.is_empty() {
            return;
        }
        let (page_bytes, end) = (PAGE as u64, offset + dst.len() as u64);
        for number in offset / page_bytes..end.div_ceil(page_bytes) {
            let contents = self.old.get(&number).map_or(&[][..], Vec::as_slice);
            let Some(old) = contents.iter().find(|old| at < old.until) else { continue };
            let (from, to) = ((number * page_bytes).max(offset), ((number + 1) * page_bytes).min(end));
            let part = &mut dst[(from - offset) as usize..(to - offset) as usize];
            let start = (from % page_bytes) as usize;
            match &old.page {
                Some(page) => part.copy_from_slice(&page[start..start + part.len()]),
                None => part.fill(0),
            }
        }
    }

    /// Keeps the content of a page that is about to change, if a snapshot up to `newest` has it.
    fn keep(&mut self, number: u64, newest: Snapshot, until: Snapshot) -> io::Result<()> {
        let contents = self.old.entry(number).or_default();
        if contents.last().is_some_and(|last| newest < last.until) {
            return Ok(());
        }
        let mut page = Box::new([0; PAGE]);
        self.store.read(number * PAGE as u64, &mut page[..])?;
        let page = (*page != [0; PAGE]).then_some(page);
        contents.push(Old { until, page });
        self.kept += 1;
        Ok(())
    }

    /// Removes the contents that only snapshots before `oldest` have. Most calls do nothing, so that the cost of all of them is
    /// proportional to the number of contents.
    fn prune(&mut self, oldest: Snapshot) {
        if self.kept < self.prune_at {
            return;
        }
        self.old.retain(|_, contents| {
            contents.retain(|old| oldest < old.until);
            !contents.is_empty()
        });
        self.kept = self.old.values().map(Vec::len).sum();
        self.prune_at = (2 * self.kept).max(PRUNED_FROM);
    }

    fn forget_all(&mut self) {
        if !self.old.is_empty() {
            self.old = PageMap::default();
        }
        (self.kept, self.prune_at) = (0, PRUNED_FROM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stable::{FileStore, MemoryStore};

    fn both() -> [Versions; 2] {
        let file = FileStore::new(tempfile::tempfile().unwrap(), 0, Runs::default());
        [Versions::new(Box::new(MemoryStore::default())), Versions::new(Box::new(file))]
    }

    /// Commits one byte in each of these pages as state `next`, while queries see the snapshots `in_use`.
    fn commit(
        versions: &Versions,
        next: Snapshot,
        in_use: Option<RangeInclusive<Snapshot>>,
        numbers: &[u64],
        byte: u8,
    ) {
        let mut pages: PageMap = numbers.iter().map(|&number| (number, Box::new([byte; PAGE]))).collect();
        versions.write(&mut pages, &Runs::default(), &Snapshots { in_use, next }).unwrap();
    }

    fn read(versions: &Versions, at: impl Into<Option<Snapshot>>, number: u64) -> u8 {
        let mut byte = [99];
        versions.read(at.into(), number * PAGE as u64 + 5, &mut byte).unwrap();
        byte[0]
    }

    #[test]
    fn each_snapshot_keeps_its_pages() {
        for versions in both() {
            commit(&versions, 1, None, &[3], 1);
            commit(&versions, 2, Some(1..=1), &[3, 4], 2);
            commit(&versions, 3, Some(1..=2), &[3], 3);
            commit(&versions, 4, Some(1..=2), &[3], 4);
            let seen = |number| [1, 2].map(|at| read(&versions, at, number));
            assert_eq!((seen(3), read(&versions, 4, 3), read(&versions, None, 3)), ([1, 2], 4, 4));
            assert_eq!((seen(4), read(&versions, None, 4)), ([0, 2], 2));
            // State 3 was in use nowhere.
            assert_eq!(versions.kept(), 3);
        }
    }

    #[test]
    fn a_read_joins_old_and_current_pages() {
        for versions in both() {
            commit(&versions, 1, None, &[0, 1, 2], 1);
            commit(&versions, 2, Some(1..=1), &[1, 3], 2);
            let mut bytes = vec![99; 3 * PAGE + 10];
            versions.read(Some(1), PAGE as u64 - 5, &mut bytes).unwrap();
            assert_eq!(bytes[..2 * PAGE + 5], vec![1; 2 * PAGE + 5]);
            assert_eq!(bytes[2 * PAGE + 5..], vec![0; PAGE + 5]);
        }
    }

    #[test]
    fn pages_that_no_query_needs_are_freed() {
        for versions in both() {
            let many: Vec<u64> = (0..PRUNED_FROM as u64).collect();
            commit(&versions, 1, None, &many, 1);
            commit(&versions, 2, Some(1..=1), &many, 2);
            assert_eq!(versions.kept(), many.len());
            commit(&versions, 3, Some(2..=2), &[7], 3);
            assert_eq!(versions.kept(), 1);
            assert_eq!((read(&versions, 2, 7), read(&versions, None, 7)), (2, 3));
            commit(&versions, 4, None, &[8], 4);
            assert_eq!(versions.kept(), 0);
            commit(&versions, 5, Some(4..=4), &[8], 5);
            versions.forget_old();
            assert_eq!(versions.kept(), 0);
        }
    }
}
