//! What a job has done so far.

use anyhow::Result;

use super::report::Report;
use crate::{
    failures::{Failures, ends_all},
    progress::{Bar, Part},
};

/// Counts what is done, and reports what fails.
pub(super) struct Tally<'a> {
    bar: Bar,
    size: u64,
    report: Report,
    failures: &'a mut Failures,
}

impl<'a> Tally<'a> {
    pub(super) fn new(bar: Bar, size: u64, failures: &'a mut Failures) -> Self {
        Self { bar, size, report: Report::default(), failures }
    }

    /// Counts a copy that is complete.
    pub(super) fn copied(&mut self, name: String, bytes: u64) {
        self.report.copied.push(name);
        self.report.bytes += bytes;
        storage_client::Progress::safe(&self.bar, self.report.bytes, self.size);
    }

    pub(super) fn removed(&mut self, name: String) {
        self.report.removed.push(name);
    }

    /// Reports a failure. Returns the error if the job cannot continue after it.
    pub(super) fn failed(&mut self, item: String, error: anyhow::Error) -> Result<()> {
        if ends_all(&error) {
            return Err(error);
        }
        self.failures.add(item, &error);
        Ok(())
    }

    /// Reports a failure, whatever it means for the job.
    pub(super) fn note_failure(&mut self, item: String, error: &anyhow::Error) {
        self.failures.add(item, error);
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Returns the progress of the next copy.
    pub(super) fn part(&self) -> Part<'_> {
        self.bar.part(self.report.bytes)
    }

    /// Removes the bar, and returns what was done, in byte order rather than in the order of completion.
    pub(super) fn finish(mut self) -> Report {
        self.report.copied.sort_unstable();
        self.report
    }
}
