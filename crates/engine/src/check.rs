//! Walking a whole image.

use ic_stable_structures::Memory;

use crate::problem::Problem;
use crate::store::Store;

/// What [`Store::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Objects that were walked.
    pub objects: u64,
    /// The sum of their sizes, in bytes.
    pub object_bytes: u64,
    /// Extents that were found in the arena.
    pub extents: u64,
    /// Entries that the log has.
    pub log_entries: u64,
    /// Regions that were walked.
    pub regions: u64,
    /// What is wrong; empty for a sound image.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

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
        self.check_roles(&mut report);
        self.check_regions(&mut report);
        report
    }
}
