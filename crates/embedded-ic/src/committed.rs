//! Committed state of the canister, except its module and the pages of its heap and stable memory.

use crate::log::Log;
use crate::module::ModuleHash;
use crate::system_api::CanisterEnv;

/// Value of a mutable global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobalValue {
    I32(i32),
    I64(i64),
    /// The bits of an f32.
    F32(u32),
    /// The bits of an f64.
    F64(u64),
    V128(u128),
}

/// All small state that a message can change. It is written with every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) env: CanisterEnv,
    pub(crate) log: Log,
    /// The installed module.
    pub(crate) module: Option<ModuleHash>,
    /// Values of the mutable globals, in the order of their indices.
    pub(crate) globals: Vec<GlobalValue>,
    /// Size of the heap in wasm pages.
    pub(crate) heap_pages: u64,
    /// Size of stable memory in wasm pages.
    pub(crate) stable_pages: u64,
}
