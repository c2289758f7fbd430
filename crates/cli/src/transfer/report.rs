//! Reports of jobs.

use std::time::Duration;

use anyhow::Result;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    copy::Copy,
    job::{Compare, Job},
};
use crate::{
    context::Context,
    failures::Failures,
    size::bytes_per_second,
    text::{self, grouped, pluralize},
    tree::{Content, Entry, Root},
};

/// What a job does, in output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Store,
    Fetch,
    Copy,
}

impl Verb {
    pub(super) fn of(job: &Job<'_>) -> Self {
        match (&job.source, &job.target) {
            (Root::Folder(_), Root::Prefix { .. }) => Self::Store,
            (Root::Prefix { .. }, Root::Folder(_)) => Self::Fetch,
            _ => Self::Copy,
        }
    }

    pub(super) fn infinitive(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Fetch => "fetch",
            Self::Copy => "copy",
        }
    }

    fn participle(self) -> &'static str {
        match self {
            Self::Store => "stored",
            Self::Fetch => "fetched",
            Self::Copy => "copied",
        }
    }

    pub(super) fn gerund(self) -> &'static str {
        match self {
            Self::Store => "storing",
            Self::Fetch => "fetching",
            Self::Copy => "copying",
        }
    }
}

/// What a job has done or would do.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Keys that were stored, fetched or copied.
    pub(super) copied: Vec<String>,
    pub(super) bytes: u64,
    pub(super) unchanged: u64,
    /// Keys or files.
    pub(super) removed: Vec<String>,
    pub(super) elapsed: Duration,
}

impl Report {
    /// Adds another report.
    pub(crate) fn add(&mut self, other: Self) {
        self.copied.extend(other.copied);
        self.bytes += other.bytes;
        self.unchanged += other.unchanged;
        self.removed.extend(other.removed);
        self.elapsed += other.elapsed;
    }

    /// Prints the report as JSON, or its lines on standard output and a summary on standard error.
    pub(super) fn print(&self, context: &Context, job: &Job<'_>, failures: &Failures) -> Result<()> {
        let output = &context.output;
        let view = self.view(job, failures);
        let printed = match output.json || view.is_listed(context, job) {
            true => output.print(&view, View::lines),
            false => Ok(()),
        };
        output.note(&view.summary(context, job));
        printed
    }

    /// Returns the report with what is needed to print it.
    pub(crate) fn view<'a>(&'a self, job: &Job<'_>, failures: &'a Failures) -> View<'a> {
        View { report: self, verb: Verb::of(job), dry_run: job.options.dry_run, failures }
    }
}

/// Returns the key that a copy is listed under: that in the target, or for a file, that of its object. A copy on this
/// machine is listed under its path.
pub(super) fn shown(job: &Job<'_>, copy: &Copy) -> String {
    let label = |root: &Root<'_>| match root {
        Root::Prefix { label, .. } => label.clone(),
        Root::Folder(_) => String::new(),
    };
    match copy {
        Copy::Upload { spec, .. } | Copy::Across { spec, .. } => {
            format!("{}{}", label(&job.target), spec.key)
        }
        Copy::Fetch { info, .. } => format!("{}{}", label(&job.source), info.key),
        Copy::Local { to, .. } => text::path(to),
    }
}

/// Returns the file or the quoted key that a failure of a copy is reported for: the source, or between stores, the target.
pub(super) fn item(job: &Job<'_>, copy: &Copy) -> String {
    match copy {
        Copy::Upload { file, .. } | Copy::Local { from: file, .. } => text::path(file),
        Copy::Fetch { .. } | Copy::Across { .. } => format!("{:?}", shown(job, copy)),
    }
}

/// Returns the key or the file that a removal is listed under.
pub(super) fn shown_removal(job: &Job<'_>, entry: &Entry) -> String {
    match (&entry.content, &job.target) {
        (Content::Object(info), Root::Prefix { label, .. }) => format!("{label}{}", info.key),
        (Content::Object(info), Root::Folder(_)) => info.key.clone(),
        (Content::File(path), _) => text::path(path),
    }
}

/// Report with what is needed to print it.
pub(crate) struct View<'a> {
    report: &'a Report,
    verb: Verb,
    dry_run: bool,
    failures: &'a Failures,
}

impl View<'_> {
    /// Returns whether the lines are printed as text. A dry run is asked for its list; otherwise the list shows what was different.
    pub(crate) fn is_listed(&self, context: &Context, job: &Job<'_>) -> bool {
        self.dry_run || job.options.compare != Compare::Nothing && !context.output.notes().quiet
    }

    /// Returns a line for each key that was copied or removed.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (copy, remove) = match self.dry_run {
            true => (self.verb.infinitive(), "remove"),
            false => (self.verb.participle(), "removed"),
        };
        let copied = self.report.copied.iter().map(|key| format!("{copy:7}  {key}"));
        copied.chain(self.report.removed.iter().map(|item| format!("{remove:7}  {item}"))).collect()
    }

    /// Returns a sentence with the numbers.
    pub(crate) fn summary(&self, context: &Context, job: &Job<'_>) -> String {
        let (one, many) = job.source.nouns();
        let Self { report, verb, dry_run, failures } = self;
        let size = |bytes| context.output.sizes.short(bytes);
        let (would, rate) = match dry_run {
            true => ("would have ", String::new()),
            false if report.copied.is_empty() => ("", String::new()),
            false => ("", format!(" at {}", context.output.sizes.rate(report.bytes, report.elapsed))),
        };
        let undone = match failures.undone() {
            0 => String::new(),
            undone => format!(", {} not done", grouped(undone)),
        };
        format!(
            "{would}{} {} ({}){rate}, left {} unchanged, removed {}, {} failed{undone}",
            verb.participle(),
            pluralize(report.copied.len() as u64, one, many),
            size(report.bytes),
            grouped(report.unchanged),
            grouped(report.removed.len() as u64),
            grouped(failures.count() - failures.undone())
        )
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { report, verb, dry_run, failures } = self;
        let copied = verb.participle();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("dry_run", dry_run)?;
        map.serialize_entry(copied, &report.copied)?;
        map.serialize_entry(&format!("{copied}_bytes"), &report.bytes)?;
        map.serialize_entry("unchanged", &report.unchanged)?;
        map.serialize_entry("removed", &report.removed)?;
        map.serialize_entry("failed", failures.items())?;
        if !dry_run {
            map.serialize_entry("seconds", &report.elapsed.as_secs_f64())?;
            map.serialize_entry("bytes_per_second", &bytes_per_second(report.bytes, report.elapsed))?;
        }
        map.end()
    }
}
