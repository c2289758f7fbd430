//! Why a transfer failed.

use std::io;

use crate::ClientError;

/// Why a transfer failed. An upload that failed stays open on the canister, with the chunks that it has received.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The source could not be read.
    #[error("cannot read the source at byte {offset}: {error}")]
    Read {
        /// Where, in bytes from its start.
        offset: u64,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The sink could not be written.
    #[error("cannot write byte {offset}: {error}")]
    Write {
        /// Where, in bytes from the start of the object.
        offset: u64,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// The source has fewer bytes than were declared; it may have been cut while it was read.
    #[error("the source ends after {length} bytes, and {size} were declared")]
    SourceEndsEarly {
        /// The bytes that it has.
        length: u64,
        /// The bytes that were declared.
        size: u64,
    },
    /// The source has more bytes than were declared; it may have grown while it was read.
    #[error("the source has more than the {size} bytes that were declared")]
    SourceIsLonger {
        /// The bytes that were declared.
        size: u64,
    },
    /// The bytes that were read to be sent are not those whose SHA-256 was declared: the source changed after it was
    /// hashed. Nothing was committed.
    #[error("the source changed while it was sent: its SHA-256 is {computed}, and {declared} was declared")]
    SourceChanged {
        /// What was declared, in hexadecimal.
        declared: String,
        /// What was computed, in hexadecimal.
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
    /// The canister answered other than so many bytes of an object that has them.
    #[error("the canister answered {found} bytes at byte {offset}, where {expected} were expected")]
    WrongLength {
        /// Where, in bytes from the start of the object.
        offset: u64,
        /// How many bytes there should have been.
        expected: u64,
        /// How many there were.
        found: u64,
    },
    /// The bytes that arrived are not those whose SHA-256 was declared.
    #[error("the SHA-256 of what arrived is {computed}, and {declared} was declared")]
    WrongDigest {
        /// What was declared, in hexadecimal.
        declared: String,
        /// What was computed, in hexadecimal.
        computed: String,
    },
}
