//! Reads whose replies are checked against the root key of the network.

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_bytes::ByteBuf;
use stable_storage_api::{Error, ListArgs, Object, ObjectInfo, ReadLogArgs};
use storage_verify::{Verifier, VerifyError};

use crate::{Client, ClientError, Downloaded, TransferError, TransferOptions, Transport};

/// Reads of a client whose replies are checked with [`storage_verify`]. The time is that of this machine.
///
/// A reply is either what the canister has certified within the [greatest age](Verifier::max_age), or an error.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a, T> {
    client: &'a Client<T>,
    verifier: &'a Verifier,
}

/// Reason why a verified read failed.
#[derive(Debug, thiserror::Error)]
pub enum VerifiedError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The transfer of the bytes failed, or they do not have the certified SHA-256.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A reply is not proven.
    #[error("{method}: the reply is not proven: {error}")]
    Unproven {
        /// The method that was called.
        method: &'static str,
        /// What was compared, and did not match.
        #[source]
        error: VerifyError,
    },
}

impl VerifiedError {
    /// Returns what to do about the error, if there is more to say than the error itself: a sentence or two.
    pub fn hint(&self) -> Option<String> {
        let error = match self {
            Self::Client(error) => return error.hint(),
            Self::Transfer(error) => return error.hint(),
            Self::Unproven { error, .. } => error,
        };
        let hint = match error {
            VerifyError::Expired { .. } | VerifyError::Future { .. } => {
                "Check the clock of this machine. If it is right, the node that answered lags: try again."
            }
            VerifyError::NoDigest { .. } => "Have the canister compute its SHA-256, and read it again.",
            VerifyError::NotCertified { .. } => "Certify the prefix, and read it again.",
            _ => "Do not use the reply. Try again, so that another node answers.",
        };
        Some(hint.to_owned())
    }
}

/// Result of a verified read.
type Result<R> = std::result::Result<R, VerifiedError>;

impl<T: Transport> Client<T> {
    /// Returns the reads of this client that are checked with a verifier.
    pub fn verified<'a>(&'a self, verifier: &'a Verifier) -> Verified<'a, T> {
        Verified { client: self, verifier }
    }
}

impl<T: Transport> Verified<'_, T> {
    /// Returns an object that fits one reply, or `None` if it is proven that there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Object>> {
        let reply = self.client.get_certified(key).await?;
        self.verifier.object(key, &reply, now_ns()).map_err(unproven("get_certified"))?;
        Ok(reply.object)
    }

    /// Returns the metadata of an object, or `None` if it is proven that there is none.
    pub async fn stat(&self, key: &str) -> Result<Option<ObjectInfo>> {
        let reply = self.client.stat_certified(key).await?;
        self.verifier.info(key, &reply, now_ns()).map_err(unproven("stat_certified"))?;
        Ok(reply.info)
    }

    /// Returns all objects under a prefix, page by page. Of each page it is proven that no object is missing.
    ///
    /// Each page reflects the moment of its call. An object that is put or deleted in between may be in the result or not, but
    /// never twice.
    pub async fn list_all(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let mut args = ListArgs::prefix(prefix);
        let mut objects = Vec::new();
        loop {
            let page = self.client.list_certified(&args).await?;
            self.verifier.page(&args, &page, now_ns()).map_err(unproven("list_certified"))?;
            objects.extend(page.objects);
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => return Ok(objects),
            }
        }
    }

    /// Returns entries of the log from an index on, oldest first: at most `limit`, or as many as fit one reply. Returns the
    /// number of entries of the whole log as well.
    pub async fn log(&self, from: u64, limit: Option<u32>) -> Result<(Vec<ByteBuf>, u64)> {
        let args = ReadLogArgs { from, limit };
        let page = self.client.log_certified(from, limit).await?;
        self.verifier.log(&args, &page, now_ns()).map_err(unproven("log_certified"))?;
        Ok((page.entries, page.length))
    }

    /// Downloads an object of any size to a sink, in order, and compares it with the certified size and SHA-256. See
    /// [`Client::download`].
    ///
    /// # Errors
    ///
    /// `NotFound` of the contract if it is proven that there is no object; [`VerifyError::NoDigest`] before the first byte if
    /// the canister has no SHA-256; and the errors of a [download](Client::download_object). After an error, discard what the
    /// sink has received.
    pub async fn download<W: Write>(
        &self,
        key: &str,
        sink: &mut W,
        options: TransferOptions<'_>,
    ) -> Result<Downloaded> {
        let method = "stat_certified";
        let info = self.stat(key).await?;
        let info = info.ok_or(ClientError::Storage { method, error: Error::NotFound })?;
        if info.sha256.is_none() {
            return Err(unproven(method)(VerifyError::NoDigest { key: key.to_owned() }));
        }
        Ok(self.client.download_object(info, sink, options).await?)
    }
}

fn unproven(method: &'static str) -> impl Fn(VerifyError) -> VerifiedError {
    move |error| VerifiedError::Unproven { method, error }
}

/// Returns the time of this machine, in nanoseconds since 1970.
fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
