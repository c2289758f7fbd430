//! Transfers of objects of any size, with bounded memory.
//!
//! An upload reads a chunk from its source only when a call can send it, and a download holds as many ranges as it has
//! concurrent calls. So memory does not grow with the size of the object.
//!
//! A client with a [retry policy](crate::Client::with_retry) repeats calls without a reply where that is safe. An upload
//! that fails nevertheless stays open on the canister. [`find_upload`](crate::Client::find_upload) finds it, also from
//! another process. With its identifier in [`TransferOptions::resume`], the upload resumes with the missing chunks.

mod commit;
mod copy;
mod download;
mod error;
mod find;
mod hasher;
mod range;
mod source;
mod stream;
mod upload;
mod verify;

use std::num::NonZeroUsize;

pub use copy::Piece;
pub use download::Downloaded;
pub use error::TransferError;
pub use hasher::Hasher;
pub use range::read_stream;

/// Default number of concurrent calls of a transfer.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// Options of a transfer. The default has four concurrent calls and reports no progress.
#[derive(Clone, Copy)]
pub struct TransferOptions<'a> {
    /// Number of concurrent calls. Each takes about 4 MiB of memory: its bytes, and its bytes encoded. Over HTTP it takes
    /// about twice that, because they are also signed and sent.
    pub concurrency: NonZeroUsize,
    /// Upload to resume. If `None`, `upload` opens a new one. Ignored by a download.
    pub resume: Option<u64>,
    /// Receiver of progress reports.
    pub progress: &'a dyn Progress,
}

impl Default for TransferOptions<'_> {
    fn default() -> Self {
        Self { concurrency: CONCURRENCY, resume: None, progress: &Unobserved }
    }
}

/// Receiver of progress reports.
pub trait Progress: Send + Sync {
    /// Reports that `bytes` of `size` bytes are safe: the canister has confirmed them, the sink has accepted them, or the
    /// canister has hashed them.
    fn safe(&self, bytes: u64, size: u64);
}

/// Ignores all reports.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Progress for Unobserved {
    fn safe(&self, _bytes: u64, _size: u64) {}
}
