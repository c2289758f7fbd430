//! The command `repair`, which finds and repairs corruption in a store's folder.

use std::{cell::RefCell, collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};
use embedded_ic::{EmbeddedIc, Finding};
use serde::Serialize;
use storage_engine::{Memory, Problem};
use storage_wasm::STORAGE_WASM;

use crate::{
    failure::with_help,
    folder::config,
    notes::Notes,
    output::Output,
    settings::StoreLocation,
    store::no_settings,
    text::{self, pluralize},
};

/// Size of the pages that hold changes.
const PAGE: u64 = 4096;

/// Result, as JSON.
#[derive(Serialize)]
struct Found {
    /// Corrupt files of the folder, and their repair.
    folder: Vec<Damage>,
    /// Corruption of the store's memory that can be repaired.
    memory: Vec<String>,
    /// Corruption that remains.
    problems: Vec<String>,
    /// Whether the repairs were made.
    done: bool,
}

#[derive(Serialize)]
struct Damage {
    found: String,
    repair: &'static str,
}

/// Reports what is corrupt and how it would be repaired; with `yes`, repairs it.
pub(crate) fn run(location: &StoreLocation, output: &Output, yes: bool) -> Result<()> {
    let folder = location.folder()?;
    let failed = || format!("cannot repair {}", text::path(folder));
    let inspection = EmbeddedIc::inspect_dir(folder, &config(output.notes())).with_context(failed)?;
    let findings = inspection.findings().to_vec();
    let pages = inspection.stable_pages();
    let memory = Overlay::new(pages, |offset, dst| {
        inspection
            .read_stable(offset, dst)
            .expect("the engine reads within the memory, and the disk is there");
    });
    let mut found = look(&findings, &memory)?;
    drop(memory);
    // The lock of the open host would block the repair.
    drop(inspection);
    let is_sound = found.folder.is_empty() && found.memory.is_empty();
    if yes && !is_sound {
        repair(folder, output.notes()).with_context(failed)?;
        found.done = true;
    }
    let printed = output.print(&found, describe);
    if !is_sound && !yes {
        output.note("nothing was changed; make the repairs with --yes");
    }
    match found.problems.len() as u64 {
        0 => printed,
        problems => {
            let problems = pluralize(problems, "problem", "problems");
            Err(with_help(
                format!("{problems} of the store's memory cannot be repaired"),
                "restore it from a snapshot",
            ))
        }
    }
}

fn repair(folder: &Path, notes: Notes) -> Result<()> {
    EmbeddedIc::repair_dir(folder, config(notes), STORAGE_WASM, &no_settings())?;
    let mut host = EmbeddedIc::open_dir(folder, config(notes))?;
    let patches = {
        let memory = Overlay::new(host.stable_pages(), |offset, dst| {
            host.read_stable(offset, dst).expect("the engine reads within the memory, and the disk is there");
        });
        repair_memory(&memory)?;
        memory.patches()
    };
    if !patches.is_empty() {
        // The canister restarts on the repaired memory, in the same step.
        host.upgrade_patched(&patches, STORAGE_WASM, &no_settings())?;
    }
    Ok(host.close()?)
}

fn look<R: Fn(u64, &mut [u8])>(findings: &[Finding], memory: &Overlay<R>) -> Result<Found> {
    // The engine reads the memory as it would be after the repair of the files.
    let damage = |finding: &Finding| Damage { found: finding.to_string(), repair: finding.remedy() };
    let shown = |problem: &Problem| format!("{} (at byte {})", problem.what, problem.offset);
    let repaired = repair_memory(memory)?;
    let store = storage_engine::Store::open(memory).context("cannot open the store's memory")?;
    Ok(Found {
        folder: findings.iter().map(damage).collect(),
        memory: repaired.iter().map(shown).collect(),
        problems: store.check().problems.iter().map(shown).collect(),
        done: false,
    })
}

fn repair_memory<R: Fn(u64, &mut [u8])>(memory: &Overlay<R>) -> Result<Vec<Problem>> {
    let store = storage_engine::Store::open(memory);
    Ok(store.context("cannot open the store's memory")?.repair()?)
}

fn describe(found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    for Damage { found, repair } in &found.folder {
        lines.push(format!("found    {found}"));
        lines.push(format!("repair   {repair}"));
    }
    for repaired in &found.memory {
        lines.push(format!("found    {repaired}"));
        lines.push("repair   rewritten; no data is lost".into());
    }
    lines.extend(found.problems.iter().map(|problem| format!("problem  {problem}")));
    if lines.is_empty() {
        lines.push("nothing to repair".into());
    } else if found.done {
        lines.push("done".into());
    }
    lines
}

/// Memory with changes in an overlay.
struct Overlay<R> {
    pages: u64,
    read: R,
    changed: RefCell<BTreeMap<u64, Vec<u8>>>,
}

impl<R: Fn(u64, &mut [u8])> Overlay<R> {
    fn new(pages: u64, read: R) -> Self {
        Self { pages, read, changed: RefCell::default() }
    }

    /// Returns the changes: offsets and bytes.
    fn patches(self) -> Vec<(u64, Vec<u8>)> {
        self.changed.into_inner().into_iter().map(|(page, bytes)| (page * PAGE, bytes)).collect()
    }
}

impl<R: Fn(u64, &mut [u8])> Memory for &Overlay<R> {
    fn size(&self) -> u64 {
        self.pages
    }

    /// Fails, as on a replica that is out of memory. A repair does not grow memory.
    fn grow(&self, _pages: u64) -> i64 {
        -1
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        (self.read)(offset, dst);
        let end = offset + dst.len() as u64;
        for (page, bytes) in self.changed.borrow().range(offset / PAGE..end.div_ceil(PAGE)) {
            let start = page * PAGE;
            let (from, to) = (start.max(offset), (start + PAGE).min(end));
            dst[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&bytes[(from - start) as usize..(to - start) as usize]);
        }
    }

    fn write(&self, offset: u64, src: &[u8]) {
        let end = offset + src.len() as u64;
        let mut changed = self.changed.borrow_mut();
        for page in offset / PAGE..end.div_ceil(PAGE) {
            let start = page * PAGE;
            let bytes = changed.entry(page).or_insert_with(|| {
                let mut bytes = vec![0; PAGE as usize];
                (self.read)(start, &mut bytes);
                bytes
            });
            let (from, to) = (start.max(offset), (start + PAGE).min(end));
            bytes[(from - start) as usize..(to - start) as usize]
                .copy_from_slice(&src[(from - offset) as usize..(to - offset) as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes are read back over the memory below, which stays unchanged.
    #[test]
    fn changes_are_kept_in_the_overlay() {
        let below: Vec<u8> = (0..65_536_u32).map(|at| at as u8).collect();
        let overlay = Overlay::new(1, |offset, dst: &mut [u8]| {
            dst.copy_from_slice(&below[offset as usize..offset as usize + dst.len()]);
        });
        (&overlay).write(4_090, &[9; 12]);
        let mut bytes = [0; 20];
        (&overlay).read(4_086, &mut bytes);
        assert_eq!(bytes[..4], below[4_086..4_090]);
        assert_eq!((&bytes[4..16], &bytes[16..]), (&[9; 12][..], &below[4_102..4_106]));
        let patches = overlay.patches();
        assert_eq!(
            patches.iter().map(|(at, bytes)| (*at, bytes.len())).collect::<Vec<_>>(),
            [(0, 4_096), (4_096, 4_096)]
        );
        assert_eq!(patches[1].1[6..], below[4_102..8_192]);
    }
}
