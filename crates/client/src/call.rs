//! The client itself, and how a call is made: encode, carry, decode, map the error.

use candid::{
    CandidType,
    utils::{ArgumentDecoder, ArgumentEncoder},
};
use serde::de::DeserializeOwned;
use stable_storage_api::check;

use crate::{ClientError, Result, RetryPolicy, Transport, repeat::may_repeat, retry::Attempts};

/// Calls one storage canister. Clones share the transport's connection if the transport's clones do.
#[derive(Clone, Debug)]
pub struct Client<T> {
    transport: T,
    retry: RetryPolicy,
    /// Whether arguments are checked before they are sent.
    checks: bool,
}

/// Whether a method may change state. The contract knows it for each method, so a caller never has to.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Update,
    Query,
    /// A query that is called as an update: it takes the way of one, and so sees every update that was answered before.
    /// One node answers a query, and may be some blocks behind the others.
    ReplicatedQuery,
}

impl<T: Transport> Client<T> {
    /// A client that makes its calls through this transport, each of them once.
    pub fn new(transport: T) -> Self {
        Self { transport, retry: RetryPolicy::NEVER, checks: true }
    }

    /// The same client, which calls again where there was no answer: queries, and the updates that may be made twice with
    /// the same outcome.
    #[must_use]
    pub fn with_retry(self, policy: RetryPolicy) -> Self {
        Self { retry: policy, ..self }
    }

    /// The same client without the checks of arguments that it makes before a call, so that the canister makes them all:
    /// for tests of a canister, and for one of a later version with larger limits.
    #[must_use]
    pub fn without_checks(self) -> Self {
        Self { checks: false, ..self }
    }

    /// Refuses arguments that the canister would refuse, before they are sent.
    pub(crate) fn check(
        &self,
        method: &'static str,
        check: impl FnOnce() -> stable_storage_api::Result<()>,
    ) -> Result<()> {
        match self.checks {
            true => check().map_err(|error| ClientError::Storage { method, error }),
            false => Ok(()),
        }
    }

    /// How often its calls are made.
    pub(crate) fn retry_policy(&self) -> RetryPolicy {
        self.retry
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
        let (result,) = self.call_plain::<(stable_storage_api::Result<R>,)>(kind, method, args).await?;
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
        let reply = if may_repeat(kind, method) {
            self.attempt_until_answered(kind, method, &args).await?
        } else {
            self.attempt(kind, method, &args).await?
        };
        candid::decode_args(&reply).map_err(|error| ClientError::Decode { method, error })
    }

    /// Calls what may be called again, until there is an answer or no attempt is left.
    async fn attempt_until_answered(
        &self,
        kind: Kind,
        method: &'static str,
        args: &impl ArgumentEncoder,
    ) -> Result<Vec<u8>> {
        let mut attempts = Attempts::new(self.retry);
        loop {
            match self.attempt(kind, method, args).await {
                Err(error) if error.is_passing() && attempts.another().await => {}
                done => return done,
            }
        }
    }

    async fn attempt(
        &self,
        kind: Kind,
        method: &'static str,
        args: &impl ArgumentEncoder,
    ) -> Result<Vec<u8>> {
        // Encoded anew for each attempt, so that a transfer keeps no chunk twice because it might be sent again.
        let arg = candid::utils::encode_args_ref(args)
            .expect("arguments of the contract's own types can always be encoded");
        if !matches!(kind, Kind::Query) {
            self.check(method, || check::argument(method, arg.len()))?;
        }
        let reply = match kind {
            Kind::Update | Kind::ReplicatedQuery => self.transport.update(method, arg).await,
            Kind::Query => self.transport.query(method, arg).await,
        };
        reply.map_err(|error| ClientError::transport(method, error))
    }
}
