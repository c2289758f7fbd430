//! Walking all objects.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::entry::{Head, Holding};
use crate::arena::{Arena, Extent};
use crate::btree::Raw;
use crate::check::CheckReport;
use crate::key::Key;
use crate::ledger::LEDGER_AT;
use crate::problem::Problem;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Walks the arena and the index, and holds them against each other and against the ledger: every extent belongs to
    /// exactly one object, every object to an extent that can hold it, and the sums are what the ledger says.
    pub(crate) fn check_objects(&self, report: &mut CheckReport) {
        let mut unclaimed = BTreeMap::new();
        let mut collect = |extent: Extent, capacity: u64| {
            unclaimed.insert(extent, capacity);
        };
        self.core.arena.check(&mut collect, &mut report.problems);
        report.extents = unclaimed.len() as u64;

        let mut walk = Walk { revision: self.core.ledger().revision, unclaimed, revisions: BTreeSet::new() };
        let index_is_sound = self.core.index.check(&mut report.problems);
        if index_is_sound {
            self.walk_index(&mut walk, report);
        }
        let uploads_are_sound = self.core.uploads.check(&mut report.problems);
        if uploads_are_sound {
            self.walk_uploads(&mut walk, report);
        }
        // Who would own an extent is not known where a map cannot be read.
        if index_is_sound && uploads_are_sound {
            let leaked = walk.unclaimed.into_keys();
            report.problems.extend(leaked.map(|extent| Problem {
                what: "an extent of the arena belongs to nothing".into(),
                offset: extent.offset(),
            }));
        }
    }

    fn walk_index(&self, walk: &mut Walk, report: &mut CheckReport) {
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
                    "the index holds objects of {} bytes, and {} are counted",
                    report.object_bytes,
                    self.core.ledger().object_bytes
                ),
                offset: LEDGER_AT,
            });
        }
    }

    fn walk_uploads(&self, walk: &mut Walk, report: &mut CheckReport) {
        let claim = |extent, bytes| {
            let claimed = walk.claim("an upload", extent, bytes);
            report.problems.extend(claimed.err().map(Problem::from));
        };
        match self.check_uploads(claim) {
            Ok(reserved) if reserved == self.core.ledger().reserved_slots => {}
            Ok(reserved) => report.problems.push(Problem {
                what: format!(
                    "uploads are promised {reserved} slots, and {} are counted",
                    self.core.ledger().reserved_slots
                ),
                offset: LEDGER_AT,
            }),
            Err(error) => report.problems.push(error.into()),
        }
    }
}

/// What the walk over the index knows so far.
struct Walk {
    /// The last revision that was given.
    revision: u64,
    /// Extents that no object has claimed yet, with their capacities in bytes.
    unclaimed: BTreeMap<Extent, u64>,
    revisions: BTreeSet<u64>,
}

impl Walk {
    /// Checks one object and returns its size.
    fn object<M: Memory>(&mut self, arena: &Arena<M>, key: &Key, raw: &Raw) -> Result<u64, Error> {
        let text = key.text()?;
        let head = Head::decode(&raw.0)?;
        let entry = head.entry()?;
        // Nothing but a reply needs the user metadata, and a reply must not fail.
        entry.metadata.pairs.decode()?;
        if entry.revision == 0 || entry.revision > self.revision || !self.revisions.insert(entry.revision) {
            let what = format!("the object {text:?} has revision {}, which it cannot have", entry.revision);
            return Err(Error::corrupted(what, LEDGER_AT));
        }
        match head.present().holding {
            Holding::Nothing => {}
            Holding::Extent(extent) => self.claim(&text, extent, entry.size)?,
            Holding::Table(table) => {
                self.claim(&text, table.extent(), table.bytes())?;
                for number in 0..table.extents() {
                    self.claim(&text, table.require(arena, number)?, table.extent_bytes(number))?;
                }
            }
        }
        Ok(entry.size)
    }

    /// Notes that an extent is held by something that needs so many bytes of it.
    fn claim(&mut self, holder: &str, extent: Extent, bytes: u64) -> Result<(), Error> {
        if self.unclaimed.remove(&extent).is_some_and(|capacity| capacity >= bytes) {
            return Ok(());
        }
        Err(Error::corrupted(format!("{holder:?} has an extent that cannot be its own"), extent.offset()))
    }
}
