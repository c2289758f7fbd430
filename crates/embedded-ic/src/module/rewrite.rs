//! Rewrites the export section, so that the host can reach what a canister does not export: its memory, its mutable globals
//! and its start function. Code is unchanged, so its cost is unchanged.
//!
//! The start function is exported instead of declared, because a replica runs it as a separate message, and because a new
//! instance of a running canister must not run it.

use std::ops::Range;

use wasm_encoder::{ExportKind, ExportSection, Module, RawSection, SectionId};
use wasmtime::wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload};

use super::check::{RESERVED, Shape};
use crate::fault::Fault;

/// The reserved name of the memory.
pub(crate) const MEMORY_EXPORT: &str = "embedded-ic:memory";
/// The reserved name of the start function.
pub(crate) const START_EXPORT: &str = "embedded-ic:start";

/// Returns the reserved name of the global with this index.
pub(crate) fn global_export(index: u32) -> String {
    format!("{RESERVED}global:{index}")
}

/// Returns the module with the reserved exports, without its start section and custom sections.
pub(super) fn rewrite(wasm: &[u8], shape: &Shape) -> Result<Vec<u8>, Fault> {
    let invalid = |error: BinaryReaderError| Fault::InvalidWasm(error.to_string());
    let mut exports = ExportSection::new();
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(invalid)?;
        if let Payload::ExportSection(reader) = &payload {
            for export in reader.clone() {
                let export = export.map_err(invalid)?;
                exports.export(export.name, kind(export.kind)?, export.index);
            }
        }
        if let Some((id, range)) = payload.as_section()
            && id != SectionId::Custom as u8
            && id != SectionId::Start as u8
            && id != SectionId::Export as u8
        {
            sections.push((id, range));
        }
    }
    add_reserved(&mut exports, shape);
    Ok(assemble(wasm, &exports, &sections))
}

fn add_reserved(exports: &mut ExportSection, shape: &Shape) {
    if shape.has_memory {
        exports.export(MEMORY_EXPORT, ExportKind::Memory, 0);
    }
    for &index in &shape.mutable_globals {
        exports.export(&global_export(index), ExportKind::Global, index);
    }
    if let Some(start) = shape.start {
        exports.export(START_EXPORT, ExportKind::Func, start);
    }
}

/// Reassembles the sections, with the exports before the first section that must follow them.
fn assemble(wasm: &[u8], exports: &ExportSection, sections: &[(u8, Range<usize>)]) -> Vec<u8> {
    let mut module = Module::new();
    let mut exports = Some(exports);
    for (id, range) in sections {
        if comes_after_exports(*id)
            && let Some(exports) = exports.take()
        {
            module.section(exports);
        }
        module.section(&RawSection { id: *id, data: &wasm[range.clone()] });
    }
    if let Some(exports) = exports.take() {
        module.section(exports);
    }
    module.finish()
}

fn comes_after_exports(id: u8) -> bool {
    const AFTER: [SectionId; 4] =
        [SectionId::Element, SectionId::DataCount, SectionId::Code, SectionId::Data];
    AFTER.iter().any(|section| *section as u8 == id)
}

fn kind(kind: ExternalKind) -> Result<ExportKind, Fault> {
    match kind {
        ExternalKind::Func => Ok(ExportKind::Func),
        ExternalKind::Table => Ok(ExportKind::Table),
        ExternalKind::Memory => Ok(ExportKind::Memory),
        ExternalKind::Global => Ok(ExportKind::Global),
        other => Err(Fault::InvalidWasm(format!("an export of kind {other:?} is not supported"))),
    }
}
