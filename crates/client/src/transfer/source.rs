//! Reading the chunks of an upload.

use std::{
    future::poll_fn,
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
    task::Poll,
};

use super::{Hasher, TransferError};

/// Bytes that are hashed in one step where they are not sent.
const HASH_BYTES: u64 = 1 << 20;

/// A source of a declared size, read chunk by chunk. Where its SHA-256 was declared too, what is read is hashed: a file can
/// change while it is sent without its length or its time telling.
pub(super) struct Source<'a, S> {
    source: &'a mut S,
    size: u64,
    declared: Option<&'a [u8]>,
    hasher: Hasher,
    /// All bytes before this one are hashed.
    hashed: u64,
}

impl<'a, S: Read + Seek> Source<'a, S> {
    /// A source that must have exactly so many bytes, now, or as many as it has.
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

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from an offset on, which must be there.
    pub(super) async fn read(&mut self, offset: u64, length: u64) -> Result<Arc<Vec<u8>>, TransferError> {
        self.hash_up_to(offset).await?;
        let bytes = Arc::new(self.read_at(offset, length)?);
        if self.declared.is_some() && self.hashed == offset {
            self.hasher.update(Arc::clone(&bytes));
            self.hashed += length;
        }
        Ok(bytes)
    }

    /// Makes sure that what was sent, now and before, is what was declared.
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

    /// Hashes bytes that are not sent, because the canister has them already.
    async fn hash_up_to(&mut self, end: u64) -> Result<(), TransferError> {
        while self.declared.is_some() && self.hashed < end {
            let bytes = self.read_at(self.hashed, HASH_BYTES.min(end - self.hashed))?;
            self.hashed += bytes.len() as u64;
            self.hasher.update(Arc::new(bytes));
            // There may be much of it, and others have work to do meanwhile.
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

    /// Makes sure that the source has neither more nor fewer bytes than were declared.
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

/// Lets the runtime turn to other work first.
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
