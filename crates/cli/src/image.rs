//! Image of stable memory in a file, for reading.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use stable_storage_api::limits::PAGE_BYTES;
use storage_engine::Memory;

use crate::text::{self, grouped};

/// File with the contents of a stable memory, opened for reading only.
#[derive(Clone)]
pub(crate) struct Image {
    file: Arc<File>,
    pages: u64,
}

impl Image {
    /// Opens a file, whose size must be that of a memory.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = || format!("cannot read {}", text::path(path));
        // Opening a pipe would wait for a writer.
        if !fs::metadata(path).with_context(failed)?.is_file() {
            bail!("{} is not a regular file", text::path(path));
        }
        let file = File::open(path).with_context(failed)?;
        let metadata = file.metadata().with_context(failed)?;
        let bytes = metadata.len();
        if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) {
            bail!(
                "{} is not an image of a memory: its size of {} bytes is not a positive multiple of {}",
                text::path(path),
                grouped(bytes),
                grouped(PAGE_BYTES)
            );
        }
        Ok(Self { file: Arc::new(file), pages: bytes / PAGE_BYTES })
    }
}

impl Memory for Image {
    fn size(&self) -> u64 {
        self.pages
    }

    /// Fails, as on a replica that is out of memory.
    fn grow(&self, _pages: u64) -> i64 {
        -1
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.file
            .read_exact_at(dst, offset)
            .expect("the engine reads within the memory, and the disk is readable");
    }

    fn write(&self, offset: u64, _src: &[u8]) {
        panic!("opening and checking a store must not write, and this wrote at byte {offset}");
    }
}
