//! What is to be stored: a file or standard input, small or large.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use storage_api::limits::MAX_PAYLOAD_BYTES;
use storage_client::Progress;

use crate::progress::Bars;

/// Bytes that are hashed at once.
const HASH_BYTES: u64 = 1 << 20;

/// Content of any size.
pub(crate) enum Input {
    /// What one put takes.
    Small(Vec<u8>),
    /// More than that.
    Large(LargeInput),
}

/// Content that can be read from any place, more than once.
pub(crate) struct LargeInput {
    /// The content; standard input and other streams have been copied.
    pub(crate) file: File,
    /// How many bytes it has.
    pub(crate) size: u64,
}

impl Input {
    /// The content of a file, or of standard input.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        if is_stream(file) {
            return Self::read("standard input", io::stdin().lock(), None);
        }
        let name = file.display().to_string();
        let opened = File::open(file).with_context(|| format!("cannot open {name}"))?;
        let again = opened.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file);
        Self::read(&name, opened, again)
    }

    /// The content of a stream, or of the file that can be opened again.
    fn read(name: &str, mut stream: impl Read, file: Option<&Path>) -> Result<Self> {
        let failed = || format!("cannot read {name}");
        let mut start = Vec::new();
        // One byte more than one put takes is enough to know that it does not, however much there is.
        stream.by_ref().take(MAX_PAYLOAD_BYTES + 1).read_to_end(&mut start).with_context(failed)?;
        if start.len() as u64 <= MAX_PAYLOAD_BYTES {
            return Ok(Self::Small(start));
        }
        let mut content = match file {
            Some(file) => File::open(file).with_context(failed)?,
            None => {
                spool(&start, stream).with_context(|| format!("cannot copy {name} to a temporary file"))?
            }
        };
        let size = content.seek(io::SeekFrom::End(0)).with_context(failed)?;
        Ok(Self::Large(LargeInput { file: content, size }))
    }
}

impl LargeInput {
    /// The SHA-256 of the content.
    pub(crate) fn sha256(&self, bars: Bars) -> io::Result<[u8; 32]> {
        let bar = bars.bar("hashing", self.size);
        let (mut hash, mut hashed) = (Sha256::new(), 0);
        let mut buffer = Vec::with_capacity(HASH_BYTES as usize);
        let mut file = &self.file;
        file.rewind()?;
        loop {
            buffer.clear();
            Read::by_ref(&mut file).take(HASH_BYTES).read_to_end(&mut buffer)?;
            if buffer.is_empty() {
                return Ok(hash.finalize().into());
            }
            hash.update(&buffer);
            hashed += buffer.len() as u64;
            bar.safe(hashed, self.size);
        }
    }
}

/// Whether a path stands for standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Copies a stream whose start has been read to a temporary file, because its size must be known before it is stored.
fn spool(start: &[u8], mut rest: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(start)?;
    io::copy(&mut rest, &mut file)?;
    Ok(file)
}
