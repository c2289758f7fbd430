//! Reasons why a transfer failed.

use std::io;

use crate::ClientError;

/// Reason why a transfer failed. A failed upload stays open on the canister, with the chunks that it has received.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The source could not be read.
    #[error("cannot read the source at byte {offset}: {error}")]
    Read {
        /// Offset in bytes from the start of the source.
        offset: u64,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The sink could not be written.
    #[error("cannot write byte {offset}: {error}")]
    Write {
        /// Offset in bytes from the start of the object.
        offset: u64,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The source has fewer bytes than declared. It may have been truncated while it was read.
    #[error("the source ends after {length} bytes, and {size} were declared")]
    SourceEndsEarly {
        /// Number of bytes of the source.
        length: u64,
        /// Number of bytes declared.
        size: u64,
    },
    /// The source has more bytes than declared. It may have grown while it was read.
    #[error("the source has more than the {size} bytes that were declared")]
    SourceIsLonger {
        /// Number of bytes declared.
        size: u64,
    },
    /// The bytes that were sent do not have the declared SHA-256: the source changed after it was hashed. Nothing was
    /// committed.
    #[error("the source changed while it was sent: its SHA-256 is {computed}, declared was {declared}")]
    SourceChanged {
        /// Declared digest, in hexadecimal.
        declared: String,
        /// Computed digest, in hexadecimal.
        computed: String,
    },
    /// The upload to resume was opened with other arguments: another key, size, declared SHA-256, metadata or
    /// condition.
    #[error("upload {id} under {key:?} was opened with another key, size, SHA-256, metadata or condition")]
    OtherUpload {
        /// The upload.
        id: u64,
        /// Its key.
        key: String,
    },
    /// The canister returned a range of the wrong length.
    #[error("the canister returned {found} bytes at offset {offset}, expected {expected}")]
    WrongLength {
        /// Offset in bytes from the start of the object.
        offset: u64,
        /// Expected number of bytes.
        expected: u64,
        /// Returned number of bytes.
        found: u64,
    },
    /// The bytes that arrived do not have the declared SHA-256.
    #[error("the received bytes have the SHA-256 {computed}, declared was {declared}")]
    WrongDigest {
        /// Declared digest, in hexadecimal.
        declared: String,
        /// Computed digest, in hexadecimal.
        computed: String,
    },
}
