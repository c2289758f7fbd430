//! The storage canister: endpoints over `storage-engine`.
//!
//! An endpoint checks the caller's role, calls the engine, and hands back what it says. What is stored, and how, is the
//! engine's business; `storage.did` at the top of the repository is the contract.

mod access;
mod http;
mod inspect;
mod interface;
mod lifecycle;
mod log;
mod metrics;
mod objects;
mod operator;
mod regions;
mod roles;
mod state;
mod uploads;
mod wire;

/// The contract as the endpoints of the modules above say it, so this has to come after them.
#[cfg(test)]
mod exported {
    use candid::{Nat, Principal};
    use serde_bytes::{ByteBuf, Bytes};
    use storage_api::*;

    use crate::objects::BorrowedPut;
    use crate::wire::{Blob, Text};

    candid::export_service!();

    pub(crate) fn did() -> String {
        __export_service()
    }
}
