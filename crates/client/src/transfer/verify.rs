//! Verifying an object to its end.

use stable_storage_api::ChecksumState;

use super::Progress;
use crate::{Client, Result, Transport};

impl<T: Transport> Client<T> {
    /// Has the canister hash an object, step by step, until there is a verdict. Progress is reported in bytes hashed.
    ///
    /// # Errors
    ///
    /// The errors of [`verify`](Self::verify). A mismatch is a verdict, not an error.
    pub async fn verify_all(&self, key: &str, progress: &dyn Progress) -> Result<ChecksumState> {
        loop {
            let step = self.verify(key).await?;
            progress.safe(step.hashed, step.size);
            if let Some(verdict) = step.verdict {
                return Ok(verdict);
            }
        }
    }
}
