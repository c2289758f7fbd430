//! The client itself, and how a call is made: encode, send, decode, map the error.

use candid::{
    CandidType,
    utils::{ArgumentDecoder, ArgumentEncoder},
};
use serde::de::DeserializeOwned;
use stable_storage_api::{Method, MethodKind, Unanswered, check};

use crate::{ClientError, Result, RetryPolicy, Transport, retry::Attempts};

/// The declaration of a method of the contract. An unknown name is a compile error.
macro_rules! method {
    ($name:literal) => {
        const { stable_storage_api::Method::named($name).expect("the contract has the method") }
    };
}
pub(crate) use method;

/// Client of one storage canister. Clones share the transport's connection if the transport's clones do.
#[derive(Clone, Debug)]
pub struct Client<T> {
    transport: T,
    retry: RetryPolicy,
    /// Whether arguments are checked before they are sent.
    checks: bool,
}

impl<T: Transport> Client<T> {
    /// Creates a client that sends each call once.
    pub fn new(transport: T) -> Self {
        Self { transport, retry: RetryPolicy::NEVER, checks: true }
    }

    /// Sets the policy for calls without a reply. Only queries, and updates for which two calls have the same outcome as
    /// one, are sent again.
    #[must_use]
    pub fn with_retry(self, policy: RetryPolicy) -> Self {
        Self { retry: policy, ..self }
    }

    /// Disables the checks of arguments before a call, so that the canister makes them all. For tests of a canister, and
    /// for a canister of a later version with larger limits.
    #[must_use]
    pub fn without_checks(self) -> Self {
        Self { checks: false, ..self }
    }

    /// Rejects arguments that the canister would reject, before they are sent.
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

    /// Returns the policy for calls without a reply.
    pub(crate) fn retry_policy(&self) -> RetryPolicy {
        self.retry
    }

    /// Returns the transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Calls a method that returns `variant { Ok : R; Err : Error }`.
    pub(crate) async fn call<R>(&self, method: &'static Method, args: impl ArgumentEncoder) -> Result<R>
    where
        R: CandidType + DeserializeOwned,
    {
        let (result,) = self.call_plain::<(stable_storage_api::Result<R>,)>(method, args).await?;
        result.map_err(|error| ClientError::Storage { method: method.name, error })
    }

    /// Calls a query as an update, so that it sees every update that was answered before. A query is executed by one
    /// node, which may lag the others by some blocks.
    pub(crate) async fn call_replicated<R>(
        &self,
        method: &'static Method,
        args: impl ArgumentEncoder,
    ) -> Result<R>
    where
        R: CandidType + DeserializeOwned,
    {
        let (result,) =
            self.send_call::<(stable_storage_api::Result<R>,)>(MethodKind::Update, method, args).await?;
        result.map_err(|error| ClientError::Storage { method: method.name, error })
    }

    /// Calls a method whose reply is not a result, for example `log`.
    pub(crate) async fn call_plain<R>(&self, method: &'static Method, args: impl ArgumentEncoder) -> Result<R>
    where
        R: for<'a> ArgumentDecoder<'a>,
    {
        self.send_call(method.kind, method, args).await
    }

    /// Sends a call as an update or a query, again if the method allows that, and decodes the reply.
    async fn send_call<R>(
        &self,
        kind: MethodKind,
        method: &'static Method,
        args: impl ArgumentEncoder,
    ) -> Result<R>
    where
        R: for<'a> ArgumentDecoder<'a>,
    {
        let mut attempts = Attempts::new(match method.unanswered {
            Unanswered::Repeat => self.retry,
            _ => RetryPolicy::NEVER,
        });
        let reply = loop {
            match self.attempt(kind, method, &args).await {
                Err(error) if error.is_transient() && attempts.another().await => {}
                done => break done?,
            }
        };
        candid::decode_args(&reply).map_err(|error| ClientError::Decode { method: method.name, error })
    }

    async fn attempt(
        &self,
        kind: MethodKind,
        method: &'static Method,
        args: &impl ArgumentEncoder,
    ) -> Result<Vec<u8>> {
        // Encoded again for each attempt, so that a transfer does not keep a second copy of each chunk for a retry.
        let arg = candid::utils::encode_args_ref(args)
            .expect("arguments of the contract's own types can always be encoded");
        let reply = match kind {
            MethodKind::Update => {
                self.check(method.name, || check::argument(method.name, arg.len()))?;
                self.transport.update(method.name, arg).await
            }
            MethodKind::Query => self.transport.query(method.name, arg).await,
        };
        reply.map_err(|error| ClientError::transport(method.name, error))
    }
}
