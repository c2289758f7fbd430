//! An image of stable memory in a file, for reading.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use stable_storage_api::limits::PAGE_BYTES;
use storage_engine::Memory;

use crate::text;

/// A file with the content of a stable memory. The file is open for reading only.
#[derive(Clone)]
pub(crate) struct Image {
    file: Arc<File>,
    pages: u64,
}

impl Image {
    /// Opens a file, whose size must be that of a memory.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = || format!("cannot read {}", text::path(path));
        // Opening a pipe would wait for somebody who writes to it.
        if !fs::metadata(path).with_context(failed)?.is_file() {
            bail!("{} is not a file; an image of a memory is one", text::path(path));
        }
        let file = File::open(path).with_context(failed)?;
        let metadata = file.metadata().with_context(failed)?;
        let bytes = metadata.len();
        if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) {
            bail!(
                "{} is not an image of a memory, whose size is a multiple of {PAGE_BYTES} bytes; it has {bytes}",
                text::path(path)
            );
        }
        Ok(Self { file: Arc::new(file), pages: bytes / PAGE_BYTES })
    }
}

impl Memory for Image {
    fn size(&self) -> u64 {
        self.pages
    }

    /// Refused, as by a replica that has no room.
    fn grow(&self, _pages: u64) -> i64 {
        -1
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.file
            .read_exact_at(dst, offset)
            .expect("the engine reads within the memory, and the disk is there");
    }

    fn write(&self, offset: u64, _src: &[u8]) {
        panic!("opening and checking a store must not write, and this wrote at byte {offset}");
    }
}
