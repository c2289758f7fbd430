//! What is dropped before it costs cycles: ingress messages that their method would refuse.
//!
//! It runs on one node and is no more than a courtesy to the canister's balance. The methods check again.

use ic_cdk::api::{accept_message, msg_method_name};
use ic_cdk::{inspect_message, trap};
use serde_bytes::Bytes;
use storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES};
use storage_api::{Error, METHODS, Method};
use storage_engine::{Put, check_entries};

use crate::access;
use crate::objects::BorrowedPut;
use crate::wire::{Arguments, Text, decode, with_argument};

/// Accepts the message, or traps with what its method would have answered, so that the sender is told.
#[inspect_message]
fn inspect_message() {
    match inspect(&msg_method_name()) {
        Ok(()) => accept_message(),
        Err(reason) => trap(reason),
    }
}

fn inspect(name: &str) -> Result<(), String> {
    let at = Method::find(name).ok_or_else(|| format!("there is no method {name:?}"))?;
    if METHODS[at].role.is_none() {
        return Err(format!("{name} is a query, and nobody needs it as an update"));
    }
    access::guard(at)?;
    with_argument(|bytes| hot(&METHODS[at], bytes))
}

/// Checks the methods whose arguments can be large, so that refusing them in the method would cost something.
fn hot(method: &Method, bytes: &[u8]) -> Result<(), String> {
    match method.name {
        "put" => check::<(&str, &Bytes)>(bytes, |(key, value)| Put::new(key, value).check()),
        "put_many" => check::<(Vec<BorrowedPut<'_>>,)>(bytes, |(puts,)| {
            puts.into_iter().try_for_each(|put| Put::from(put).check())
        }),
        "write_chunk" => check::<(u64, u64, &Bytes)>(bytes, |(_, _, chunk)| at_most(chunk, CHUNK_BYTES)),
        "region_store_blob" => {
            check::<(u64, u64, &Bytes)>(bytes, |(_, _, bytes)| at_most(bytes, MAX_PAYLOAD_BYTES))
        }
        "log" => check::<(Text<'_>,)>(bytes, |(text,)| check_entries(&[text])),
        "append" => check::<(Vec<&Bytes>,)>(bytes, |(entries,)| check_entries(&entries)),
        _ => Ok(()),
    }
}

/// Decodes the arguments as the method does, and checks what can be checked of them at once.
fn check<'a, A: Arguments<'a>>(
    bytes: &'a [u8],
    allow: impl FnOnce(A) -> Result<(), Error>,
) -> Result<(), String> {
    allow(decode(bytes)?).map_err(|error| error.to_string())
}

fn at_most(bytes: &[u8], limit: u64) -> Result<(), Error> {
    match bytes.len() as u64 {
        size if size > limit => Err(Error::TooLarge { size, limit }),
        _ => Ok(()),
    }
}
