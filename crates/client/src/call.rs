//! The client itself, and how a call is made: encode, carry, decode, map the error.

use candid::{
    CandidType,
    utils::{ArgumentDecoder, ArgumentEncoder},
};
use serde::de::DeserializeOwned;

use crate::{ClientError, Result, Transport};

/// Calls one storage canister. Clones share the transport's connection if the transport's clones do.
#[derive(Clone, Debug)]
pub struct Client<T> {
    transport: T,
}

/// Whether a method may change state. The contract knows it for each method, so a caller never has to.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Update,
    Query,
}

impl<T: Transport> Client<T> {
    /// A client that makes its calls through this transport.
    pub fn new(transport: T) -> Self {
        Self { transport }
    }

    /// What carries the calls.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Calls a method that answers `variant { Ok : R; Err : Error }`.
    pub(crate) async fn call<R>(
        &self,
        kind: Kind,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> Result<R>
    where
        R: CandidType + DeserializeOwned,
    {
        let (result,) = self.call_plain::<(storage_api::Result<R>,)>(kind, method, args).await?;
        result.map_err(|error| ClientError::Storage { method, error })
    }

    /// Calls a method whose reply is not a result: `log`, for example.
    pub(crate) async fn call_plain<R>(
        &self,
        kind: Kind,
        method: &'static str,
        args: impl ArgumentEncoder,
    ) -> Result<R>
    where
        R: for<'a> ArgumentDecoder<'a>,
    {
        let arg =
            candid::encode_args(args).expect("arguments of the contract's own types can always be encoded");
        let reply = match kind {
            Kind::Update => self.transport.update(method, arg).await,
            Kind::Query => self.transport.query(method, arg).await,
        };
        let reply = reply.map_err(|error| ClientError::transport(method, error))?;
        candid::decode_args(&reply).map_err(|error| ClientError::Decode { method, error })
    }
}
