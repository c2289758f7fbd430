//! The check of all objects.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::Objects;
use super::entry::{ArenaUse, EntryHeader};
use crate::base::problem::{CheckReport, Problem};
use crate::core::key::Key;
use crate::core::ledger::LEDGER_AT;
use crate::structures::arena::{Arena, Extent};
use crate::structures::btree::Raw;

impl<M: Memory + Clone> Objects<'_, M> {
    /// Checks the index, and claims the extents of every object.
    pub(crate) fn check(&self, walk: &mut Walk, report: &mut CheckReport) {
        for object in self.core.index.from(Bound::Unbounded, |_| true) {
            match object.and_then(|(key, raw)| walk.object(&self.core.arena, &key, &raw)) {
                Ok(size) => report.object_bytes += size,
                Err(error) => report.problems.push(error.into()),
            }
            report.objects += 1;
        }
        if report.object_bytes != self.core.ledger().object_bytes {
            report.problems.push(Problem {
                what: format!(
                    "the index has objects of {} bytes, and the ledger counts {}",
                    report.object_bytes,
                    self.core.ledger().object_bytes
                ),
                offset: LEDGER_AT,
            });
        }
    }
}

/// State of the check of the index.
pub(crate) struct Walk {
    /// The last revision that was assigned.
    revision: u64,
    /// Extents that no object has claimed yet, with their capacities in bytes.
    unclaimed: BTreeMap<Extent, u64>,
    revisions: BTreeSet<u64>,
}

impl Walk {
    /// Starts a check of a store with this last revision, whose arena has these extents with these capacities
    /// in bytes.
    pub(crate) fn new(revision: u64, unclaimed: BTreeMap<Extent, u64>) -> Self {
        Self { revision, unclaimed, revisions: BTreeSet::new() }
    }

    /// Returns the extents that were not claimed.
    pub(crate) fn unclaimed(self) -> impl Iterator<Item = Extent> {
        self.unclaimed.into_keys()
    }

    /// Checks one object and returns its size.
    fn object<M: Memory>(&mut self, arena: &Arena<M>, key: &Key, raw: &Raw) -> Result<u64, Error> {
        let text = key.text()?;
        let header = EntryHeader::decode(&raw.0)?;
        let entry = header.entry()?;
        // Only a reply decodes the user metadata, and a reply must not fail.
        entry.metadata.pairs.decode()?;
        if entry.revision == 0 || entry.revision > self.revision || !self.revisions.insert(entry.revision) {
            let what =
                format!("the object {text:?} has revision {}, which was never assigned", entry.revision);
            return Err(Error::corrupted(what, LEDGER_AT));
        }
        match header.existing().arena_use {
            ArenaUse::Nothing => {}
            ArenaUse::Extent(extent) => self.claim(&text, extent, entry.size)?,
            ArenaUse::Table(table) => {
                self.claim(&text, table.extent(), table.bytes())?;
                for number in 0..table.extents() {
                    self.claim(&text, table.require(arena, number)?, table.extent_bytes(number))?;
                }
            }
        }
        Ok(entry.size)
    }

    /// Claims an extent for a holder that needs `bytes` bytes of it.
    pub(crate) fn claim(&mut self, holder: &str, extent: Extent, bytes: u64) -> Result<(), Error> {
        if self.unclaimed.remove(&extent).is_some_and(|capacity| capacity >= bytes) {
            return Ok(());
        }
        Err(Error::corrupted(
            format!("{holder:?} has an extent that does not exist, is too small or has another owner"),
            extent.offset(),
        ))
    }
}
