//! Drops ingress messages that their method would refuse, before they cost cycles.
//!
//! This runs on one node only and protects the canister's balance. The methods check again.

use ic_cdk::api::{accept_message, msg_method_name};
use ic_cdk::trap;
use serde_bytes::Bytes;
use stable_storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES};
use stable_storage_api::{Error, METHODS, Method, MethodKind};
use storage_engine::{Put, check_entries};
use storage_wire::{Batch, Text, argument_headers};

use crate::message::BATCH;
use crate::message::{not_those, with_argument};
use crate::objects::BorrowedPut;
use crate::{access, state};

/// Accepts the message, or traps with the error of its method, so that the sender receives it.
// SAFETY: only this hook uses a name of this form, and the linker refuses duplicates.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_inspect_message"))]
extern "C" fn inspect_message() {
    match inspect(&msg_method_name()) {
        Ok(()) => accept_message(),
        Err(reason) => trap(reason),
    }
}

/// Uses the hook on targets where it is not exported.
#[cfg(not(target_family = "wasm"))]
const _: extern "C" fn() = inspect_message;

fn inspect(name: &str) -> Result<(), String> {
    let at = Method::find(name).ok_or_else(|| format!("there is no method {name:?}"))?;
    let method = &METHODS[at];
    if method.role.is_none() {
        return inspect_open(method);
    }
    // A caller with only public read access can use a query, which costs the canister nothing.
    let is_allowed = state::read(|store| access::check_given(store, at));
    is_allowed
        .and_then(|()| at_most(ic0::msg_arg_data_size(), method.max_argument_bytes))
        .map_err(|error| error.to_string())?;
    with_argument(|bytes| hot(name, bytes))
}

/// Accepts HTTP requests for which a gateway needs an update, while there are sites.
fn inspect_open(method: &Method) -> Result<(), String> {
    let Method { name, kind, max_argument_bytes, .. } = method;
    if *kind == MethodKind::Query {
        return Err(format!("{name} is a query; call it as a query"));
    }
    if !state::read(|store| store.has_sites()).map_err(|error| error.to_string())? {
        return Err("there is no site".into());
    }
    at_most(ic0::msg_arg_data_size(), *max_argument_bytes).map_err(|error| error.to_string())
}

/// Decodes the arguments like the method does, and runs the checks that need no store.
macro_rules! check {
    ($bytes:expr, |$($name:ident: $ty:ty),+| $check:expr) => {{
        let mut space = Vec::new();
        match storage_wire::decode::<($($ty,)+)>($bytes, argument_headers!($($ty),+), &mut space) {
            Ok(($($name,)+)) => $check.map_err(|error: Error| error.to_string()),
            Err(error) => Err(not_those(&error)),
        }
    }};
}

/// Checks the methods with large arguments, whose refusal in the method would be expensive.
fn hot(name: &str, bytes: &[u8]) -> Result<(), String> {
    match name {
        "put" => check!(bytes, |key: &str, value: &Bytes| Put::new(key, value).check()),
        "put_with" => check!(bytes, |put: BorrowedPut| put.by(None).check()),
        "put_many" => check!(bytes, |puts: Batch<BorrowedPut, BATCH>| {
            puts.0.iter().try_for_each(|put| put.by(None).check())
        }),
        "write_chunk" => {
            check!(bytes, |_upload: u64, _index: u64, chunk: &Bytes| { at_most(chunk.len(), CHUNK_BYTES) })
        }
        "region_store_blob" => check!(bytes, |_region: u64, _offset: u64, bytes: &Bytes| {
            at_most(bytes.len(), MAX_PAYLOAD_BYTES)
        }),
        "log" => check!(bytes, |text: Text| check_entries(&[text])),
        "append" => check!(bytes, |entries: Batch<&Bytes, BATCH>| check_entries(&entries.0)),
        _ => Ok(()),
    }
}

fn at_most(size: usize, limit: u64) -> Result<(), Error> {
    match size as u64 {
        size if size > limit => Err(Error::TooLarge { size, limit }),
        _ => Ok(()),
    }
}
