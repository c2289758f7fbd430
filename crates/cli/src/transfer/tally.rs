//! What a job has done so far.

use std::{collections::HashSet, ptr};

use anyhow::{Error, Result};

use super::{
    blocked::not_cleared,
    copy::Copy,
    job::Job,
    plan::Plan,
    report::{Report, Verb, item, shown, shown_removal},
};
use crate::{
    failure::{self, Interrupted},
    failures::{Failures, ends_all},
    progress::{Bar, Part},
    text::pluralize,
    tree::Entry,
};

/// What became of copies that were made together.
#[derive(Default)]
pub(super) struct Outcome<'a> {
    pub(super) done: Vec<(&'a Copy, Result<u64>)>,
    /// Errors that end the job, and the copies that they are of.
    pub(super) ended: Vec<(Vec<&'a Copy>, Error)>,
}

impl<'a> Outcome<'a> {
    /// Returns the outcome of one copy.
    pub(super) fn of(copy: &'a Copy, made: Result<u64>) -> Self {
        Self { done: vec![(copy, made)], ended: Vec::new() }
    }

    /// Adds the failure of a call for these copies: for several, only an error that ends the job.
    pub(super) fn fail(&mut self, copies: &[&'a Copy], error: Error) {
        match copies {
            [copy] if !ends_all(&error) => self.done.push((copy, Err(error))),
            copies => self.ended.push((copies.to_vec(), error)),
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
    /// Text of the error that has ended the job.
    ended: Option<String>,
    /// Copies and removals that are complete or have failed. Each is identified by its address in the plan.
    settled: HashSet<usize>,
    /// Whether removals have begun.
    removes: bool,
}

impl<'a> Tally<'a> {
    pub(super) fn new(job: &'a Job<'a>, bar: Bar, size: u64, failures: &'a mut Failures) -> Self {
        Self {
            job,
            bar,
            size,
            report: Report::default(),
            failures,
            ended: None,
            settled: HashSet::new(),
            removes: false,
        }
    }

    /// Counts a copy that is complete, or reports its failure. Returns the error if the job cannot continue after it.
    pub(super) fn add(&mut self, copy: &Copy, copied: Result<u64>) -> Result<()> {
        // It has not failed, and is reported with what was not tried.
        if copied.as_ref().is_err_and(|error| error.is::<Interrupted>()) {
            return copied.map(drop);
        }
        self.settle(copy);
        let bytes = match copied {
            Ok(bytes) => bytes,
            Err(error) => return self.failed(item(self.job, copy), error),
        };
        self.report.copied.push(shown(self.job, copy));
        self.report.bytes += bytes;
        storage_client::Progress::safe(&self.bar, self.report.bytes, self.size);
        Ok(())
    }

    /// Reports copies in whose place something has remained.
    pub(super) fn refuse(&mut self, copies: &[Copy]) -> Result<()> {
        copies.iter().try_for_each(|copy| self.add(copy, Err(not_cleared(copy))))
    }

    /// Marks the copies as complete, and counts removals from now on.
    pub(super) fn begin_removals(&mut self) {
        self.removes = true;
    }

    /// Counts a removal that is complete, or reports its failure. Returns the error if the job cannot continue after it.
    pub(super) fn add_removal(&mut self, entry: &Entry, removed: Result<()>) -> Result<()> {
        self.settle(entry);
        match removed {
            Ok(()) => self.report.removed.push(shown_removal(self.job, entry)),
            Err(error) => self.failed(entry.shown(), error)?,
        }
        Ok(())
    }

    fn settle<T>(&mut self, item: &T) {
        self.settled.insert(ptr::from_ref(item).addr());
    }

    fn is_settled<T>(&self, item: &T) -> bool {
        self.settled.contains(&ptr::from_ref(item).addr())
    }

    /// Reports what has no result because an error has ended the job.
    pub(super) fn report_rest(&mut self, plan: &Plan, error: &Error) {
        let copies = plan.copies.iter().chain(plan.blocked()).filter(|copy| !self.is_settled(*copy));
        let mut rest: Vec<_> = copies.map(|copy| item(self.job, copy)).collect();
        if self.removes {
            let removals = plan.removals.iter().filter(|entry| !self.is_settled(*entry));
            rest.extend(removals.map(Entry::shown));
        }
        self.failures.not_tried(rest, self.job.source.nouns(), error);
    }

    /// Reports a failure. Returns the error if the job cannot continue after it.
    fn failed(&mut self, item: String, error: Error) -> Result<()> {
        if ends_all(&error) {
            self.failures.record(item, &error);
            let text = failure::text(&error);
            return Err(self.end(text, error));
        }
        self.failures.add(item, &error);
        Ok(())
    }

    /// Adds the outcome of copies that were made together. Returns the first error after which the job cannot continue. It is
    /// printed once, at the end, and recorded for each copy that it is of.
    pub(super) fn add_all(&mut self, outcome: Outcome<'_>) -> Result<()> {
        let mut result = Ok(());
        for (copy, made) in outcome.done {
            result = result.and(self.add(copy, made));
        }
        for (copies, error) in outcome.ended {
            result = result.and(Err(self.prevented(&copies, error)));
        }
        result
    }

    /// Records an error that ends the job for each copy that it is of, and returns it with their number.
    fn prevented(&mut self, copies: &[&Copy], error: Error) -> Error {
        for copy in copies {
            self.settle(*copy);
            self.failures.record(item(self.job, copy), &error);
        }
        let (one, many) = self.job.source.nouns();
        let what = match copies {
            [copy] => item(self.job, copy),
            copies => pluralize(copies.len() as u64, one, many),
        };
        let text = failure::text(&error);
        self.end(text, error.context(format!("cannot {} {what}", Verb::of(self.job).infinitive())))
    }

    /// Passes on an error that ends the job. The first one is printed at the end, so another one is printed here, unless it
    /// has the same text without its copies.
    fn end(&mut self, text: String, error: Error) -> Error {
        match &self.ended {
            None => self.ended = Some(text),
            Some(first) if *first != text => self.failures.print_alone(&error),
            Some(_) => {}
        }
        error
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
