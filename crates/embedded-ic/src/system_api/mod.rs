//! The System API, `ic0`: the functions are implemented in [`message`] and its neighbours, as plain Rust over byte slices,
//! and bound to wasm in [`linker`].

mod cycles;
mod heap_bytes;
mod identity;
mod kind;
mod linker;
mod message;
mod response;
mod stable;
mod state;

pub(crate) use kind::Kind;
pub(crate) use linker::link;
pub(crate) use message::{CanisterEnv, Message};
pub(crate) use response::Response;
pub(crate) use state::HostState;
