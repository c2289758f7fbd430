//! Checking a store's memory without its canister.

use std::path::Path;

use anyhow::{Context, Result};
use embedded_ic::EmbeddedIc;
use serde::Serialize;
use storage_engine::{CheckReport, Memory};

use crate::{
    failure::with_help,
    image::Image,
    output::Output,
    size::Sizes,
    store::Store,
    text::{grouped, pluralize},
};

/// Result of a check, as JSON.
#[derive(Serialize)]
struct Found {
    sound: bool,
    objects: u64,
    object_bytes: u64,
    extents: u64,
    log_entries: u64,
    problems: Vec<String>,
}

/// Checks the store in a folder.
pub(crate) fn store(store: &Store, output: &Output) -> Result<()> {
    let report = store.with_host(|host| walk(Committed(host)))??;
    print(&report, output)
}

/// Checks an image of stable memory in a file, which is only read.
pub(crate) fn image(path: &Path, output: &Output) -> Result<()> {
    print(&walk(Image::open(path)?)?, output)
}

fn walk(memory: impl Memory + Clone) -> Result<CheckReport> {
    let store = storage_engine::Store::open(memory);
    Ok(store.context("cannot open the store's memory")?.check())
}

fn print(report: &CheckReport, output: &Output) -> Result<()> {
    let problems = report.problems.iter().map(|found| format!("{} (at byte {})", found.what, found.offset));
    let found = Found {
        sound: report.is_sound(),
        objects: report.objects,
        object_bytes: report.object_bytes,
        extents: report.extents,
        log_entries: report.log_entries,
        problems: problems.collect(),
    };
    let printed = output.print(&found, |found| describe(found, output.sizes));
    if found.sound {
        return printed;
    }
    let problems = pluralize(found.problems.len() as u64, "problem", "problems");
    Err(with_help(format!("the store is corrupt: {problems}"), "restore it from a snapshot"))
}

fn describe(found: &Found, sizes: Sizes) -> Vec<String> {
    let mut lines = vec![
        format!("objects      {} with {}", grouped(found.objects), sizes.full(found.object_bytes)),
        format!("extents      {}", grouped(found.extents)),
        format!("log entries  {}", grouped(found.log_entries)),
        format!("sound        {}", if found.sound { "yes" } else { "no" }),
    ];
    lines.extend(found.problems.iter().map(|problem| format!("problem      {problem}")));
    lines
}

/// Committed stable memory of a host, for reading.
#[derive(Clone, Copy)]
struct Committed<'a>(&'a EmbeddedIc);

impl Memory for Committed<'_> {
    fn size(&self) -> u64 {
        self.0.stable_pages()
    }

    /// Fails, as on a replica that is out of memory.
    fn grow(&self, _pages: u64) -> i64 {
        -1
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.0
            .read_stable(offset, dst)
            .expect("the engine reads within the memory, and the disk is readable");
    }

    fn write(&self, offset: u64, _src: &[u8]) {
        panic!("opening and checking a store must not write, and this wrote at byte {offset}");
    }
}
