//! Reading the chunks of an upload.

use std::{
    future::poll_fn,
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
    task::Poll,
};

use super::{Hasher, TransferError};

/// The most bytes hashed in one step, if they are not sent.
const HASH_BYTES: u64 = 1 << 20;

/// Source of a declared size, read chunk by chunk. If its SHA-256 was declared as well, what is read is hashed: a file can
/// change during an upload without a change of its length or modification time.
pub(super) struct Source<'a, S> {
    source: &'a mut S,
    size: u64,
    declared: Option<&'a [u8]>,
    hasher: Hasher,
    /// All bytes before this offset are hashed.
    hashed: u64,
}

impl<'a, S: Read + Seek> Source<'a, S> {
    /// Creates a source of the declared size, or of its current size if none was declared.
    pub(super) fn new(
        source: &'a mut S,
        size: Option<u64>,
        declared: Option<&'a [u8]>,
    ) -> Result<Self, TransferError> {
        let known = size.unwrap_or_default();
        let mut source = Self { source, size: known, declared, hasher: Hasher::default(), hashed: 0 };
        match size {
            Some(_) => source.check_length()?,
            None => {
                let failed = |error| TransferError::Read { offset: 0, error };
                source.size = source.length().map_err(failed)?;
            }
        }
        Ok(source)
    }

    /// Returns the size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns `length` bytes from an offset on.
    pub(super) async fn read(&mut self, offset: u64, length: u64) -> Result<Arc<Vec<u8>>, TransferError> {
        self.hash_up_to(offset).await?;
        let bytes = Arc::new(self.read_at(offset, length)?);
        if self.declared.is_some() && self.hashed == offset {
            self.hasher.update(Arc::clone(&bytes));
            self.hashed += length;
        }
        Ok(bytes)
    }

    /// Checks that all bytes, sent now or by an earlier attempt, are the declared ones.
    pub(super) async fn check(&mut self) -> Result<(), TransferError> {
        self.check_length()?;
        self.hash_up_to(self.size).await?;
        let Some(declared) = self.declared else { return Ok(()) };
        let computed = self.hasher.finish();
        match computed.as_slice() == declared {
            true => Ok(()),
            false => Err(TransferError::SourceChanged {
                declared: hex::encode(declared),
                computed: hex::encode(computed),
            }),
        }
    }

    /// Hashes bytes that are not sent, because the canister already has them.
    async fn hash_up_to(&mut self, end: u64) -> Result<(), TransferError> {
        while self.declared.is_some() && self.hashed < end {
            let bytes = self.read_at(self.hashed, HASH_BYTES.min(end - self.hashed))?;
            self.hashed += bytes.len() as u64;
            self.hasher.update(Arc::new(bytes));
            // There may be many bytes; other tasks must be able to run in between.
            give_way().await;
        }
        Ok(())
    }

    fn read_at(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, TransferError> {
        let failed = |error| TransferError::Read { offset, error };
        self.source.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = Vec::with_capacity(length as usize);
        self.source.by_ref().take(length).read_to_end(&mut bytes).map_err(failed)?;
        if (bytes.len() as u64) < length {
            return Err(TransferError::SourceEndsEarly {
                length: offset + bytes.len() as u64,
                size: self.size,
            });
        }
        Ok(bytes)
    }

    /// Checks that the source has exactly the declared size.
    fn check_length(&mut self) -> Result<(), TransferError> {
        let size = self.size;
        let length = self.length().map_err(|error| TransferError::Read { offset: size, error })?;
        match length {
            length if length < size => Err(TransferError::SourceEndsEarly { length, size }),
            length if length > size => Err(TransferError::SourceIsLonger { size }),
            _ => Ok(()),
        }
    }

    fn length(&mut self) -> io::Result<u64> {
        self.source.seek(SeekFrom::End(0))
    }
}

/// Yields to the runtime.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
