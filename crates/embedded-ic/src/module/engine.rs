//! The wasm engine of the process. Its settings determine what a module may contain and what it costs.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasmtime::Engine;

use crate::cost;
use crate::error::HostError;

/// Stack of wasm, in bytes. Host functions run on the same stack, above it.
const MAX_WASM_STACK_BYTES: usize = 1 << 20;

/// Most callers that the performance counter examines. Deeper ones count as if they had no remaining charges.
const MAX_FRAMES: usize = 256;

/// Decision of the first host of the process.
static COMPILED: OnceLock<Compiled> = OnceLock::new();

/// Handling of compiled modules.
struct Compiled {
    /// Folder of the cache, if any.
    folder: Option<PathBuf>,
    /// Function that is called before a module is compiled.
    notice: Option<fn()>,
}

/// Sets the cache folder, or none. Only the first call of a process has an effect.
pub(crate) fn keep_compiled_modules(folder: Option<&Path>, notice: Option<fn()>) {
    COMPILED.get_or_init(|| Compiled { folder: folder.map(Path::to_owned), notice });
}

/// Returns the cache folder, if any.
pub(super) fn folder_of_compiled_modules() -> Option<&'static Path> {
    COMPILED.get().and_then(|compiled| compiled.folder.as_deref())
}

/// Calls the notice before a module is compiled.
pub(super) fn before_compiling() {
    if let Some(notice) = COMPILED.get().and_then(|compiled| compiled.notice) {
        notice();
    }
}

/// Returns the engine of the process.
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
        // The heap mapping needs a memory that never moves: all 4 GiB are reserved.
        .memory_reservation(1 << 32)
        .memory_may_move(false)
        // The data segments must be written to ordinary memory, because the heap image replaces them.
        .memory_init_cow(false)
        // Features that a replica does not support.
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_extended_const(false)
        .wasm_wide_arithmetic(false)
        // The performance counter examines the callers of a host function.
        .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_FRAMES));
    config
}
