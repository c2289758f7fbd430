//! Why a body was refused while `s3s` read it.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use s3s::S3Error;

/// Why a body was refused. `s3s` does not pass the reasons of bodies on, so it is kept beside the request.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<S3Error>>>);

impl Refusal {
    /// Takes the reason, if the body was refused.
    pub(crate) fn take(&self) -> Option<S3Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the reason of an error of a body, and returns an error that ends the body.
    pub(crate) fn keep(&self, error: io::Error) -> io::Error {
        match error.downcast::<S3Error>() {
            Ok(reason) => {
                let text = format!("{}: {}", reason.code().as_str(), reason.message().unwrap_or_default());
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                io::Error::other(text)
            }
            Err(error) => error,
        }
    }
}
