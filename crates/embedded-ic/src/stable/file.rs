//! Committed pages in a sparse file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::SeekFrom;

use super::backing::PageStore;
use super::pages::{PAGE, PageMap};

/// Bytes of a block as `stat` counts them, whatever the file system.
const STAT_BLOCK_BYTES: u64 = 512;
/// Pages that are written with one call when they are neighbours.
const RUN_PAGES: usize = 256;

/// A sparse file in which page `n` lies at `n * 4096`.
pub(crate) struct FileStore {
    file: File,
}

impl FileStore {
    pub(crate) fn new(file: File) -> Self {
        Self { file }
    }

    /// Reads bytes of a file; beyond its end, where nothing was ever written, there are zeros.
    pub(crate) fn read_zero_filled(file: &File, mut offset: u64, mut dst: &mut [u8]) -> io::Result<()> {
        while !dst.is_empty() {
            match file.read_at(dst, offset)? {
                0 => {
                    dst.fill(0);
                    break;
                }
                n => {
                    dst = &mut dst[n..];
                    offset += n as u64;
                }
            }
        }
        Ok(())
    }
}

impl PageStore for FileStore {
    fn read(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        Self::read_zero_filled(&self.file, offset, dst)
    }

    fn write(&mut self, pages: &mut PageMap) -> io::Result<()> {
        let mut numbers: Vec<u64> = pages.keys().copied().collect();
        numbers.sort_unstable();
        let mut run = Vec::with_capacity(RUN_PAGES.min(numbers.len()) * PAGE);
        for neighbours in numbers.chunk_by(|a, b| a + 1 == *b) {
            for part in neighbours.chunks(RUN_PAGES) {
                run.clear();
                for number in part {
                    run.extend_from_slice(&pages[number][..]);
                }
                self.file.write_all_at(&run, part[0] * PAGE as u64)?;
            }
        }
        pages.clear();
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)
    }

    fn resident_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.blocks() * STAT_BLOCK_BYTES)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn next_data(&self, from: u64) -> io::Result<Option<Range<u64>>> {
        next_data(&self.file, from)
    }
}

/// The next range of a file at or after `from` that is not a hole.
pub(crate) fn next_data(file: &File, from: u64) -> io::Result<Option<Range<u64>>> {
    if from >= file.metadata()?.len() {
        return Ok(None);
    }
    match rustix::fs::seek(file, SeekFrom::Data(from)) {
        Ok(start) => Ok(Some(start..rustix::fs::seek(file, SeekFrom::Hole(start))?)),
        // The operating system says "no such device or address" when only a hole follows.
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
