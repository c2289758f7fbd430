//! The wasm engine, one for the process: its settings decide what a module may contain and what it costs.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasmtime::Engine;

use crate::cost;
use crate::error::HostError;

/// Bytes of stack that wasm may use. Host functions run on the same stack, above it.
const MAX_WASM_STACK_BYTES: usize = 1 << 20;

/// Callers that the performance counter looks at. Those of a deeper stack count as if they had nothing left to charge.
const MAX_FRAMES: usize = 256;

/// What the first host of the process has decided.
static COMPILED: OnceLock<Compiled> = OnceLock::new();

/// What is done about compiled modules.
struct Compiled {
    /// Where they are kept, if they are.
    folder: Option<PathBuf>,
    /// Who is told before one is compiled.
    notice: Option<fn()>,
}

/// Decides where compiled modules are kept, or that they are not. Only the first decision of a process counts.
pub(crate) fn keep_compiled_modules(folder: Option<&Path>, notice: Option<fn()>) {
    COMPILED.get_or_init(|| Compiled { folder: folder.map(Path::to_owned), notice });
}

/// Where compiled modules are kept, if they are.
pub(super) fn folder_of_compiled_modules() -> Option<&'static Path> {
    COMPILED.get().and_then(|compiled| compiled.folder.as_deref())
}

/// Tells who wants to know that a module is going to be compiled.
pub(super) fn before_compiling() {
    if let Some(notice) = COMPILED.get().and_then(|compiled| compiled.notice) {
        notice();
    }
}

/// The engine of the process.
pub(crate) fn engine() -> Result<&'static Engine, HostError> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    ENGINE
        .get_or_init(|| Engine::new(&settings()).map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| HostError::Engine(error.clone()))
}

fn settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        .consume_fuel(true)
        .operator_cost(cost::operators())
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(MAX_WASM_STACK_BYTES)
        // A memory that never moves is what the heap mapping relies on: all of the 4 GiB are reserved at once.
        .memory_reservation(1 << 32)
        .memory_may_move(false)
        // The data segments have to be written to ordinary memory, because the heap image takes their place.
        .memory_init_cow(false)
        // What a replica does not run.
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_extended_const(false)
        .wasm_wide_arithmetic(false)
        // The performance counter looks at the callers of a host function.
        .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_FRAMES));
    config
}
