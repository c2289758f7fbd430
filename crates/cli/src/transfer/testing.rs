//! Canister that records the calls of a transfer.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};
use stable_storage_api::{
    Checksum, ChecksumState, Condition, Error, ObjectInfo, PutArgs, Result, Role, Written,
};
use storage_client::{Transport, TransportError};
use tokio::task::yield_now;

/// Turns of the other calls while a call is in flight.
const TURNS: usize = 100;

/// Stores nothing, and takes a while for each call. Clones are the same canister.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake(Arc<Mutex<Calls>>);

/// What was called so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// Methods, and the keys of each call for several objects that succeeded.
    pub(crate) log: Vec<Call>,
    pub(crate) in_flight: usize,
    /// The most calls in flight.
    pub(crate) most_in_flight: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Other(String),
    PutMany(Vec<String>),
    GetMany(Vec<String>),
}

impl Fake {
    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap()
    }

    async fn call(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        {
            let mut calls = self.calls();
            calls.in_flight += 1;
            calls.most_in_flight = calls.most_in_flight.max(calls.in_flight);
        }
        for _ in 0..TURNS {
            yield_now().await;
        }
        let mut calls = self.calls();
        calls.in_flight -= 1;
        match method {
            "put_many" => {
                let puts: Vec<PutArgs> = candid::decode_one(&arg).unwrap();
                let keys: Vec<_> = puts.into_iter().map(|put| put.key).collect();
                let denied = keys.iter().any(|key| key.contains("denied"));
                let checked = match denied {
                    true => Err(Error::Unauthorized { needed: Role::Writer }),
                    false => check(&keys)?,
                };
                let reply = checked.map(|()| vec![Written { revision: 1 }; keys.len()]);
                if reply.is_ok() {
                    calls.log.push(Call::PutMany(keys));
                }
                Ok(candid::encode_one(reply).unwrap())
            }
            "get_many" => {
                let keys: Vec<String> = candid::decode_one(&arg).unwrap();
                let reply = check(&keys)?.map(|()| keys.iter().map(|key| value(key)).collect::<Vec<_>>());
                if reply.is_ok() {
                    calls.log.push(Call::GetMany(keys));
                }
                Ok(candid::encode_one(reply).unwrap())
            }
            "delete" => {
                let (key, condition): (String, Option<Condition>) = candid::decode_args(&arg).unwrap();
                let current =
                    if key.contains("gone") { None } else { Some(1 + u64::from(key.contains("changed"))) };
                let is_met =
                    condition.is_none_or(|condition| Some(condition) == current.map(Condition::Revision));
                let reply: Result<_> =
                    if is_met { Ok(true) } else { Err(Error::RevisionMismatch { current }) };
                calls.log.push(Call::Other(method.to_owned()));
                Ok(candid::encode_one(reply).unwrap())
            }
            "put_with" => {
                calls.log.push(Call::Other(method.to_owned()));
                let reply: Result<_> = Ok(Written { revision: 1 });
                Ok(candid::encode_one(reply).unwrap())
            }
            _ => {
                calls.log.push(Call::Other(method.to_owned()));
                Err(TransportError::Rejected { code: 5, error_code: None, message: "trapped".into() })
            }
        }
    }
}

/// Returns the reply to these keys: none if one of them is lost, and an error if one of them is bad. Late ones are lost in a call
/// without bad ones.
fn check(keys: &[String]) -> Result<Result<()>, TransportError> {
    let has = |text| keys.iter().any(|key| key.contains(text));
    match (has("lost") || has("late") && !has("bad"), has("bad")) {
        (true, _) => Err(TransportError::Unavailable { message: "the network is down".into() }),
        (_, true) => Ok(Err(Error::AlreadyExists)),
        _ => Ok(Ok(())),
    }
}

/// Bytes of each object.
const OBJECT_BYTES: usize = 500_000;

/// Returns the size of the object under a key. Many small ones fit one call.
fn size(key: &str) -> usize {
    if key.contains("small") { 9 } else { OBJECT_BYTES }
}

/// Returns the value under a key: one that has changed since [`info`] is of another object.
fn value(key: &str) -> Option<ByteBuf> {
    let mut value = key.replace("changed", "other").into_bytes();
    value.resize(size(key), 0);
    (!key.contains("gone")).then(|| value.into())
}

/// Returns the metadata of the object under a key.
pub(crate) fn info(key: &str) -> ObjectInfo {
    let mut value = key.as_bytes().to_vec();
    value.resize(size(key), 0);
    let digest = Sha256::digest(&value).to_vec().into();
    ObjectInfo {
        key: key.to_owned(),
        size: size(key) as u64,
        revision: 1,
        content_type: None,
        content_encoding: None,
        metadata: None,
        owner: None,
        created_ns: 1,
        modified_ns: 1,
        sha256: Some(Checksum { digest, state: ChecksumState::Declared }),
    }
}

impl Transport for Fake {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.call(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.call(method, arg).await
    }
}
