//! Looking for damage in a store's folder, and repairing it.

use std::{cell::RefCell, collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, bail};
use embedded_ic::{EmbeddedIc, Finding};
use serde::Serialize;
use storage_engine::{Memory, Problem};
use storage_wasm::STORAGE_WASM;

use crate::{
    folder::config,
    notes::Notes,
    output::Output,
    settings::Place,
    store::no_settings,
    text::{self, counted},
};

/// Bytes of the pages in which changes are kept.
const PAGE: u64 = 4096;

/// What was found, as JSON.
#[derive(Serialize)]
struct Found {
    /// What is wrong with the files of the folder, and what a repair does about it.
    folder: Vec<Damage>,
    /// What is wrong with the store's memory and can be mended.
    mended: Vec<String>,
    /// What is wrong with it after that.
    problems: Vec<String>,
    /// Whether it was done, or only looked for.
    done: bool,
}

#[derive(Serialize)]
struct Damage {
    found: String,
    repair: &'static str,
}

/// Says what is damaged and what would be done about it; with `yes`, does it.
pub(crate) fn run(place: &Place, output: &Output, yes: bool) -> Result<()> {
    let folder = place.folder()?;
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
    // Its lock is in the way of the repair.
    drop(inspection);
    let is_sound = found.folder.is_empty() && found.mended.is_empty();
    if yes && !is_sound {
        repair(folder, output.notes()).with_context(failed)?;
        found.done = true;
    }
    output.print(&found, describe)?;
    if !is_sound && !yes {
        output.note("nothing was changed; to do this, add --yes");
    }
    match found.problems.len() as u64 {
        0 => Ok(()),
        problems => bail!(
            "{} of the store's memory cannot be repaired; restore it from a snapshot",
            counted(problems, "problem", "problems")
        ),
    }
}

fn repair(folder: &Path, notes: Notes) -> Result<()> {
    EmbeddedIc::repair_dir(folder, config(notes), STORAGE_WASM, &no_settings())?;
    let mut host = EmbeddedIc::open_dir(folder, config(notes))?;
    let patches = {
        let memory = Overlay::new(host.stable_pages(), |offset, dst| {
            host.read_stable(offset, dst).expect("the engine reads within the memory, and the disk is there");
        });
        mend(&memory)?;
        memory.patches()
    };
    if !patches.is_empty() {
        // The canister starts anew on what was mended, in the same step.
        host.upgrade_patched(&patches, STORAGE_WASM, &no_settings())?;
    }
    Ok(host.close()?)
}

fn look<R: Fn(u64, &mut [u8])>(findings: &[Finding], memory: &Overlay<R>) -> Result<Found> {
    // The engine is told of the memory as it would be after the repair.
    let damage = |finding: &Finding| Damage { found: finding.to_string(), repair: finding.remedy() };
    let shown = |problem: &Problem| format!("{} (at byte {})", problem.what, problem.offset);
    let mended = mend(memory)?;
    let store = storage_engine::Store::open(memory).context("the store's memory cannot be opened")?;
    Ok(Found {
        folder: findings.iter().map(damage).collect(),
        mended: mended.iter().map(shown).collect(),
        problems: store.check().problems.iter().map(shown).collect(),
        done: false,
    })
}

fn mend<R: Fn(u64, &mut [u8])>(memory: &Overlay<R>) -> Result<Vec<Problem>> {
    let store = storage_engine::Store::open(memory);
    Ok(store.context("the store's memory cannot be opened")?.repair()?)
}

fn describe(found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    for Damage { found, repair } in &found.folder {
        lines.push(format!("found    {found}"));
        lines.push(format!("repair   {repair}"));
    }
    for mended in &found.mended {
        lines.push(format!("found    {mended}"));
        lines.push("repair   it is written anew; nothing is lost".into());
    }
    lines.extend(found.problems.iter().map(|problem| format!("problem  {problem}")));
    if lines.is_empty() {
        lines.push("nothing to repair".into());
    } else if found.done {
        lines.push("done".into());
    }
    lines
}

/// A memory whose changes are kept beside it.
struct Overlay<R> {
    pages: u64,
    read: R,
    changed: RefCell<BTreeMap<u64, Vec<u8>>>,
}

impl<R: Fn(u64, &mut [u8])> Overlay<R> {
    fn new(pages: u64, read: R) -> Self {
        Self { pages, read, changed: RefCell::default() }
    }

    /// The changes: offsets, and the bytes there.
    fn patches(self) -> Vec<(u64, Vec<u8>)> {
        self.changed.into_inner().into_iter().map(|(page, bytes)| (page * PAGE, bytes)).collect()
    }
}

impl<R: Fn(u64, &mut [u8])> Memory for &Overlay<R> {
    fn size(&self) -> u64 {
        self.pages
    }

    /// Refused, as by a replica that has no room: mending takes none.
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

    /// Changes are read back over what is below them, and are told apart from it.
    #[test]
    fn changes_are_kept_beside_the_memory() {
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
