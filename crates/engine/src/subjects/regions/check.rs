//! The check of all regions.

use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::limits::{FIRST_REGION, MAX_REGIONS};

use super::Regions;
use crate::base::problem::{CheckReport, Problem};

impl<M: Memory + Clone> Regions<'_, M> {
    /// Checks the records, which have the numbers from 16 on, and the memories, which have no pages if there
    /// is no record.
    pub(crate) fn check(&self, report: &mut CheckReport) {
        if !self.records.check(&mut report.problems) {
            return;
        }
        let mut expected = FIRST_REGION;
        for region in self.records.from(Bound::Unbounded, |_| true) {
            let (id, raw) = match region {
                Ok(region) => region,
                Err(error) => return report.problems.push(error.into()),
            };
            if id != expected {
                let what = format!("there is a region {id}, but the next identifier is {expected}");
                report.problems.push(Problem { what, offset: 0 });
            }
            if super::record_of(id, &raw).is_err() {
                let what = format!("the record of region {id} is corrupt");
                report.problems.push(Problem { what, offset: 0 });
            }
            expected = id.saturating_add(1);
            report.regions += 1;
        }
        for id in FIRST_REGION + self.records.len().min(MAX_REGIONS)..FIRST_REGION + MAX_REGIONS {
            if self.region_memory(id).size() > 0 {
                let what = format!("memory {id} has pages, but there is no region {id}");
                report.problems.push(Problem { what, offset: 0 });
            }
        }
    }
}
