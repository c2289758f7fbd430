//! Checks a whole image.

use std::collections::BTreeMap;

use ic_stable_structures::Memory;

use super::Store;
use crate::base::problem::{CheckReport, Problem};
use crate::core::ledger::LEDGER_AT;
use crate::structures::arena::Extent;
use crate::subjects::objects::Walk;

impl<M: Memory + Clone> Store<M> {
    /// Checks the whole store: each block and free list of the arena, each page of the maps, each object,
    /// each entry of the log, and each role and region. Also checks that these agree with each other. The
    /// check terminates on any image that can be opened, and does not panic. It skips the contents of a map
    /// with a corrupt page.
    ///
    /// Its time and heap use grow with what is stored. Use it in tests and on downloaded images, not in a
    /// canister's message.
    #[must_use]
    pub fn check(&self) -> CheckReport {
        let mut report = CheckReport { log_entries: self.log.info().length, ..CheckReport::default() };
        report.problems.extend(self.core.space.check());
        self.check_objects(&mut report);
        self.log.check(&mut report.problems);
        self.roles.check(&mut report);
        self.certified_objects().check(&mut report.problems);
        self.certified_log().check(&mut report.problems);
        self.regions().check(&mut report);
        report
    }

    /// Checks the arena, the index and the ledger against each other: every extent belongs to exactly one
    /// object, every object has an extent that is large enough, and the sums equal those of the ledger.
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
        // The owner of an extent is unknown if a map cannot be read.
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
                    "uploads reserve {reserved} slots, and the ledger counts {}",
                    self.core.ledger().reserved_slots
                ),
                offset: LEDGER_AT,
            }),
            Err(error) => report.problems.push(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;
    use crate::base::layout::OBJECTS;
    use crate::core::ledger::Ledger;
    use crate::subjects::objects::Put;

    fn problems(store: &Store<VectorMemory>) -> Vec<String> {
        store.check().problems.into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn extents_are_not_called_leaked_if_the_index_cannot_be_read() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("large", &[1; 100_000]), 0).unwrap();
        assert_eq!(problems(&store), [""; 0]);
        // The number of entries of the only leaf of the index.
        store.core.space.memory(OBJECTS).write(4_096 + 2, &[0]);
        let problems = problems(&store);
        assert!(problems.len() == 1 && !problems[0].contains("belongs to nothing"), "{problems:?}");
    }

    #[test]
    fn an_extent_without_an_owner_is_reported() {
        let store = Store::open(VectorMemory::default()).unwrap();
        let mut transaction = store.core.arena.begin().unwrap();
        transaction.allocate(1_000).unwrap();
        transaction.commit();
        assert_eq!(problems(&store), ["an extent of the arena belongs to nothing"]);
    }

    #[test]
    fn slots_that_the_ledger_counts_and_no_upload_reserves_are_reported() {
        let store = Store::open(VectorMemory::default()).unwrap();
        store.core.write_totals(Ledger { reserved_slots: 3, ..store.core.ledger() }, false);
        assert_eq!(problems(&store), ["uploads reserve 0 slots, and the ledger counts 3"]);
    }
}
