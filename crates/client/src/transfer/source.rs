//! Reading the chunks of an upload.

use std::io::{self, Read, Seek, SeekFrom};

use super::TransferError;

/// A source of a declared size, read chunk by chunk.
pub(super) struct Source<'a, S> {
    source: &'a mut S,
    size: u64,
}

impl<'a, S: Read + Seek> Source<'a, S> {
    /// A source that must have exactly so many bytes, now.
    pub(super) fn new(source: &'a mut S, size: u64) -> Result<Self, TransferError> {
        let mut source = Self { source, size };
        source.check_length()?;
        Ok(source)
    }

    /// The bytes from an offset on, which must be there.
    pub(super) fn read(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, TransferError> {
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
    pub(super) fn check_length(&mut self) -> Result<(), TransferError> {
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
