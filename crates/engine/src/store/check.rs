//! Walking a whole image.

use std::collections::BTreeMap;

use ic_stable_structures::Memory;

use super::Store;
use crate::base::problem::{CheckReport, Problem};
use crate::core::ledger::LEDGER_AT;
use crate::structures::arena::Extent;
use crate::subjects::objects::Walk;

impl<M: Memory + Clone> Store<M> {
    /// Walks everything: each block and free list of the arena, each node of the maps, each object, each entry of the log, each
    /// role and region, and holds them against each other. It ends on any image that can be opened, and does not panic; what is
    /// in a map with a damaged node is not walked.
    ///
    /// Its time and heap grow with what is stored, so it is for tests and for images that were downloaded, not for a
    /// message of a canister.
    #[must_use]
    pub fn check(&self) -> CheckReport {
        let mut report = CheckReport { log_entries: self.log.info().length, ..CheckReport::default() };
        report.problems.extend(self.core.space.check());
        self.check_objects(&mut report);
        self.log.check(&mut report.problems);
        self.roles.check(&mut report);
        self.regions().check(&mut report);
        report
    }

    /// Walks the arena and the index, and holds them against each other and against the ledger: every extent belongs to
    /// exactly one object, every object to an extent that can hold it, and the sums are what the ledger says.
    fn check_objects(&self, report: &mut CheckReport) {
        let mut unclaimed = BTreeMap::new();
        let mut collect = |extent: Extent, capacity: u64| {
            unclaimed.insert(extent, capacity);
        };
        self.core.arena.check(&mut collect, &mut report.problems);
        report.extents = unclaimed.len() as u64;

        let mut walk = Walk::new(self.core.ledger().revision, unclaimed);
        let index_is_sound = self.core.index.check(&mut report.problems);
        if index_is_sound {
            self.objects().check(&mut walk, report);
        }
        let uploads_are_sound = self.core.uploads.check(&mut report.problems);
        if uploads_are_sound {
            self.walk_uploads(&mut walk, report);
        }
        // Who would own an extent is not known where a map cannot be read.
        if index_is_sound && uploads_are_sound {
            let leaked = walk.unclaimed();
            report.problems.extend(leaked.map(|extent| Problem {
                what: "an extent of the arena belongs to nothing".into(),
                offset: extent.offset(),
            }));
        }
    }

    fn walk_uploads(&self, walk: &mut Walk, report: &mut CheckReport) {
        let claim = |extent, bytes| {
            let claimed = walk.claim("an upload", extent, bytes);
            report.problems.extend(claimed.err().map(Problem::from));
        };
        match self.uploads().check(claim) {
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
