//! What a job has done so far.

use anyhow::Result;

use super::{
    job::Job,
    plan::Copy,
    report::{Report, Verb, item, shown},
};
use crate::{
    failures::{Failures, ends_all},
    progress::{Bar, Part},
    text::pluralize,
};

/// What became of copies that were made together.
#[derive(Default)]
pub(super) struct Outcome<'a> {
    pub(super) done: Vec<(&'a Copy, Result<u64>)>,
    /// Error that ends the job, and the copies that it prevented.
    pub(super) ended: Option<(Vec<&'a Copy>, anyhow::Error)>,
}

impl<'a> Outcome<'a> {
    /// Adds the failure of a call for these copies: for several, only an error that ends the job.
    pub(super) fn fail(&mut self, copies: &[&'a Copy], error: anyhow::Error) {
        match copies {
            [copy] if !ends_all(&error) => self.done.push((copy, Err(error))),
            copies => self.ended = Some((copies.to_vec(), error)),
        }
    }
}

/// Counts what is done, and reports what fails.
pub(super) struct Tally<'a> {
    job: &'a Job<'a>,
    bar: Bar,
    size: u64,
    report: Report,
    failures: &'a mut Failures,
}

impl<'a> Tally<'a> {
    pub(super) fn new(job: &'a Job<'a>, bar: Bar, size: u64, failures: &'a mut Failures) -> Self {
        Self { job, bar, size, report: Report::default(), failures }
    }

    /// Counts a copy that is complete, or reports its failure. Returns the error if the job cannot continue after it.
    pub(super) fn add(&mut self, copy: &Copy, copied: Result<u64>) -> Result<()> {
        let bytes = match copied {
            Ok(bytes) => bytes,
            Err(error) => return self.failed(item(self.job, copy), error),
        };
        self.report.copied.push(shown(self.job, copy));
        self.report.bytes += bytes;
        storage_client::Progress::safe(&self.bar, self.report.bytes, self.size);
        Ok(())
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

    /// Adds the outcome of copies that were made together. Returns the error if the job cannot continue after it. It is
    /// printed once, at the end, and recorded for each copy that it prevented.
    pub(super) fn add_all(&mut self, outcome: Outcome<'_>) -> Result<()> {
        for (copy, made) in outcome.done {
            self.add(copy, made)?;
        }
        let Some((copies, error)) = outcome.ended else { return Ok(()) };
        for copy in &copies {
            self.failures.record(item(self.job, copy), &error);
        }
        let (one, many) = self.job.source.nouns();
        let what = match copies.as_slice() {
            [copy] => item(self.job, copy),
            copies => pluralize(copies.len() as u64, one, many),
        };
        Err(error.context(format!("cannot {} {what}", Verb::of(self.job).infinitive())))
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
        self.report.removed.sort_unstable();
        self.report
    }
}
