//! Objects of any size, to and from the canister, with bounded memory.
//!
//! An upload reads a chunk from its source only when one of its slots is free, and a download holds as many ranges as it
//! has slots, so neither takes more memory for a larger object.
//!
//! A client that was made with [`with_retry`](crate::Client::with_retry) makes calls without an answer again, those for
//! which that is safe. An upload that failed all the same stays open on the canister;
//! [`find_upload`](crate::Client::find_upload) finds it, also from another process, and giving its identifier in
//! [`TransferOptions::resume`] goes on with the chunks that it lacks.

mod commit;
mod download;
mod error;
mod find;
mod hasher;
mod source;
mod stream;
mod upload;
mod verify;

use std::num::NonZeroUsize;

pub use download::Downloaded;
pub use error::TransferError;
pub use hasher::Hasher;

/// How many calls of a transfer are under way at once, unless told otherwise.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// How a transfer is done. The default has four calls under way at once and tells nobody of its progress.
#[derive(Clone, Copy)]
pub struct TransferOptions<'a> {
    /// How many calls are under way at once. Each takes about 4 MiB of memory: its bytes, and its bytes encoded. Over HTTP
    /// it takes about twice that, because they are signed and sent too.
    pub concurrency: NonZeroUsize,
    /// The upload to resume. Without one, `upload` opens a new one. A download ignores this.
    pub resume: Option<u64>,
    /// Who is told how far the transfer is.
    pub progress: &'a dyn Progress,
}

impl Default for TransferOptions<'_> {
    fn default() -> Self {
        Self { concurrency: CONCURRENCY, resume: None, progress: &Unobserved }
    }
}

/// Is told how far a transfer is.
pub trait Progress: Send + Sync {
    /// So many bytes of so many are safe: the canister has answered that it has received them, the sink has taken them, or
    /// the canister has hashed them.
    fn safe(&self, bytes: u64, size: u64);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Progress for Unobserved {
    fn safe(&self, _bytes: u64, _size: u64) {}
}
