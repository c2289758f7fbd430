//! Checks that a module is a canister, and extracts what the host must know about it.

use std::collections::HashSet;
use std::ops::Range;

use wasmtime::wasmparser::{
    BinaryReaderError, CompositeInnerType, Encoding, Export, ExternalKind, FuncType, FunctionBody, Global,
    Import, Operator, Parser, Payload, SectionLimited, TypeRef, ValType,
};

use super::scratch::Declaration;
use crate::fault::Fault;
use crate::limits::{Limits, MAX_GLOBALS};

/// Prefix of the reserved export names. A module that uses it is rejected.
pub(super) const RESERVED: &str = "embedded-ic:";

/// Limits on modules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModuleLimits {
    pub(crate) module_bytes: u64,
    pub(crate) code_section_bytes: u64,
    pub(crate) functions: u64,
}

impl From<&Limits> for ModuleLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            module_bytes: limits.module_bytes,
            code_section_bytes: limits.code_section_bytes,
            functions: limits.module_functions,
        }
    }
}

/// Prefix of the export of an update method.
pub(crate) const UPDATE: &str = "canister_update ";
/// Prefix of the export of a query method.
pub(crate) const QUERY: &str = "canister_query ";
/// Prefix of the export of a composite query method.
pub(crate) const COMPOSITE_QUERY: &str = "canister_composite_query ";

/// Prefix reserved for the Internet Computer.
const CANISTER: &str = "canister_";
/// Exported functions that are not methods.
const SYSTEM_METHODS: [&str; 7] = [
    "canister_init",
    "canister_pre_upgrade",
    "canister_post_upgrade",
    "canister_inspect_message",
    "canister_heartbeat",
    "canister_global_timer",
    "canister_on_low_wasm_memory",
];
/// Most exported functions of a module.
const MAX_EXPORTED_METHODS: usize = 1_000;
/// Most bytes of the names of all exported methods.
const MAX_METHOD_NAME_BYTES: usize = 20_000;

/// Properties of a module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) has_memory: bool,
    /// Indices of the mutable globals.
    pub(crate) mutable_globals: Vec<u32>,
    pub(crate) start: Option<u32>,
    /// Names of the exported functions.
    pub(crate) functions: HashSet<String>,
    /// Whether the module changes state that a replica recreates for each message: its tables, or dropped segments.
    pub(crate) needs_fresh_instances: bool,
    /// Heap addresses whose content no message depends on at its start; empty if the module declares none.
    pub(crate) scratch: Range<u32>,
    module_bytes: u64,
    code_section_bytes: u64,
    defined_functions: u64,
}

impl Shape {
    pub(super) fn check_limits(&self, limits: &ModuleLimits) -> Result<(), Fault> {
        at_most("Wasm module", "bytes", self.module_bytes, limits.module_bytes)?;
        at_most("Wasm module code section", "bytes", self.code_section_bytes, limits.code_section_bytes)?;
        at_most("Wasm module", "defined functions", self.defined_functions, limits.functions)
    }
}

fn at_most(what: &str, unit: &str, found: u64, limit: u64) -> Result<(), Fault> {
    if found > limit {
        return Err(Fault::InvalidWasm(format!(
            "{what} has {found} {unit}, which exceeds the maximum of {limit}."
        )));
    }
    Ok(())
}

/// Walks the module once. The compiler validates the wasm; this checks what wasm leaves open.
pub(super) fn check(wasm: &[u8], limits: &ModuleLimits) -> Result<Shape, Fault> {
    let mut walk = Walk::default();
    walk.shape.module_bytes = wasm.len() as u64;
    // First of all: a module may be too large on purpose.
    walk.shape.check_limits(limits)?;
    for payload in Parser::new(0).parse_all(wasm) {
        walk.payload(payload.map_err(not_wasm)?)?;
    }
    let shape = walk.finish()?;
    shape.check_limits(limits)?;
    Ok(shape)
}

fn not_wasm(error: BinaryReaderError) -> Fault {
    Fault::InvalidWasm(format!("Wasmtime failed to validate wasm module {error}"))
}

#[derive(Default)]
struct Walk<'a> {
    shape: Shape,
    /// Function types; `None` for other types.
    types: Vec<Option<FuncType>>,
    /// Type index of each function, imported ones first.
    functions: Vec<u32>,
    exports: Vec<(&'a str, u32)>,
    /// Number of imported functions.
    imported: u32,
    /// Number of bodies seen.
    bodies: u32,
    scratch: Declaration,
}

impl<'a> Walk<'a> {
    fn payload(&mut self, payload: Payload<'a>) -> Result<(), Fault> {
        match payload {
            // A component contains modules, whose sections are not those of this one.
            Payload::Version { encoding: Encoding::Component, .. } => {
                let refusal = "Wasmtime failed to validate wasm module: it is a component, not a module";
                return Err(Fault::InvalidWasm(refusal.into()));
            }
            Payload::TypeSection(reader) => {
                for group in reader {
                    for ty in group.map_err(not_wasm)?.into_types() {
                        self.types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    self.import(import.map_err(not_wasm)?)?;
                }
            }
            Payload::FunctionSection(reader) => {
                self.shape.defined_functions = u64::from(reader.count());
                for ty in reader {
                    self.functions.push(ty.map_err(not_wasm)?);
                }
            }
            Payload::MemorySection(reader) => self.shape.has_memory = reader.count() > 0,
            Payload::GlobalSection(reader) => self.globals(reader)?,
            Payload::ExportSection(reader) => {
                for export in reader {
                    let export = export.map_err(not_wasm)?;
                    self.export(export)?;
                }
            }
            Payload::StartSection { func, .. } => self.shape.start = Some(func),
            Payload::CodeSectionStart { range, .. } => {
                self.shape.code_section_bytes = (range.end - range.start) as u64;
            }
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: Import<'_>) -> Result<(), Fault> {
        match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                self.imported += 1;
            }
            _ => {
                return Err(Fault::InvalidWasm(format!(
                    "Wasm module has an invalid import section. Module imports '{}' from '{}', which is not a \
                     function.",
                    import.name, import.module
                )));
            }
        }
        Ok(())
    }

    fn globals(&mut self, reader: SectionLimited<'_, Global<'_>>) -> Result<(), Fault> {
        at_most("Wasm module", "globals", u64::from(reader.count()), MAX_GLOBALS)?;
        for (index, global) in (0..).zip(reader) {
            let ty = global.map_err(not_wasm)?.ty;
            if ty.mutable && matches!(ty.content_type, ValType::Ref(_)) {
                return Err(Fault::InvalidWasm(format!(
                    "global {index} is mutable and holds a reference, which cannot be kept between messages"
                )));
            }
            if ty.mutable {
                self.shape.mutable_globals.push(index);
            }
        }
        Ok(())
    }

    fn export(&mut self, export: Export<'a>) -> Result<(), Fault> {
        if export.name.starts_with(RESERVED) {
            return Err(bad_export(format!("Exporting reserved name '{}'.", export.name)));
        }
        if export.kind == ExternalKind::Func {
            self.exports.push((export.name, export.index));
            self.scratch.export(export.name, export.index);
            self.shape.functions.insert(export.name.to_owned());
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Fault> {
        self.scratch.body(self.imported + self.bodies, body);
        self.bodies += 1;
        if self.shape.needs_fresh_instances {
            return Ok(());
        }
        let mut reader = body.get_operators_reader().map_err(not_wasm)?;
        while !reader.eof() {
            match reader.read().map_err(not_wasm)? {
                Operator::TableSet { .. }
                | Operator::TableGrow { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. }
                | Operator::ElemDrop { .. }
                | Operator::DataDrop { .. } => {
                    self.shape.needs_fresh_instances = true;
                    break;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Shape, Fault> {
        for &(name, index) in &self.exports {
            self.check_export(name, index)?;
        }
        self.check_method_names()?;
        self.shape.scratch = self.scratch.range();
        Ok(std::mem::take(&mut self.shape))
    }

    fn check_export(&self, name: &str, index: u32) -> Result<(), Fault> {
        let is_method = [UPDATE, QUERY, COMPOSITE_QUERY].iter().any(|kind| name.starts_with(kind));
        if !is_method && !SYSTEM_METHODS.contains(&name) {
            if name.starts_with(CANISTER) {
                return Err(bad_export(format!(
                    "Exporting reserved function '{name}' with \"{CANISTER}\" prefix."
                )));
            }
            return Ok(());
        }
        let ty = self.functions.get(index as usize).and_then(|ty| self.types.get(*ty as usize));
        match ty {
            Some(Some(ty)) if ty.params().is_empty() && ty.results().is_empty() => Ok(()),
            _ => Err(bad_export(format!(
                "Expected no parameters and no results for exported function '{name}'."
            ))),
        }
    }

    fn check_method_names(&self) -> Result<(), Fault> {
        let mut seen = HashSet::new();
        let mut bytes = 0;
        for (name, _) in &self.exports {
            let Some(method) =
                [UPDATE, QUERY, COMPOSITE_QUERY].iter().find_map(|kind| name.strip_prefix(kind))
            else {
                continue;
            };
            if !seen.insert(method) {
                return Err(bad_export(format!(
                    "Duplicate function '{method}' exported multiple times with different call types."
                )));
            }
            bytes += method.len();
        }
        if seen.len() > MAX_EXPORTED_METHODS || bytes > MAX_METHOD_NAME_BYTES {
            return Err(bad_export(format!(
                "The number of exported functions ({} with {bytes} bytes of names) exceeds {MAX_EXPORTED_METHODS} or \
                 {MAX_METHOD_NAME_BYTES}.",
                seen.len()
            )));
        }
        Ok(())
    }
}

fn bad_export(what: String) -> Fault {
    Fault::InvalidWasm(format!("Wasm module has an invalid export section. {what}"))
}
