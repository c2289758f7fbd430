//! Canister that records the calls of a transfer.

use std::sync::{Arc, Mutex, MutexGuard};

use stable_storage_api::{Error, PutArgs, Result, Written};
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
    /// Other methods than `put_many`, and the keys of each `put_many` that succeeded.
    pub(crate) log: Vec<Call>,
    pub(crate) in_flight: usize,
    /// The most calls in flight.
    pub(crate) most_in_flight: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Other(String),
    PutMany(Vec<String>),
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
        let puts: Vec<PutArgs> = match method {
            "put_many" => candid::decode_one(&arg).unwrap(),
            "put_with" => {
                calls.log.push(Call::Other(method.to_owned()));
                let reply: Result<_> = Ok(Written { revision: 1 });
                return Ok(candid::encode_one(reply).unwrap());
            }
            _ => {
                calls.log.push(Call::Other(method.to_owned()));
                return Err(TransportError::Rejected {
                    code: 5,
                    error_code: None,
                    message: "trapped".into(),
                });
            }
        };
        let keys: Vec<_> = puts.into_iter().map(|put| put.key).collect();
        if keys.iter().any(|key| key.contains("lost")) {
            return Err(TransportError::Unavailable { message: "the network is down".into() });
        }
        let reply: Result<Vec<Written>> = match keys.iter().any(|key| key.contains("bad")) {
            true => Err(Error::AlreadyExists),
            false => Ok(vec![Written { revision: 1 }; keys.len()]),
        };
        if reply.is_ok() {
            calls.log.push(Call::PutMany(keys));
        }
        Ok(candid::encode_one(reply).unwrap())
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
