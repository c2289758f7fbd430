//! Stable memory as a single sparse file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::disk;
use crate::error::HostError;
use crate::host::EmbeddedIc;
use crate::limits::{MAX_STABLE_PAGES, OS_PAGE_BYTES, WASM_PAGE_BYTES};
use crate::stable::{PAGE, PageStore, next_data};

/// Bytes copied in one step.
const CHUNK: u64 = 1 << 20;

impl EmbeddedIc {
    /// Writes committed stable memory to a file of the same size that only its owner can read. Unwritten pages are holes.
    ///
    /// # Errors
    /// `Io`, also if the file exists: an image overwrites nothing.
    pub fn export_stable(&mut self, path: &Path) -> Result<(), HostError> {
        self.usable()?;
        let failed = || HostError::io(format!("write {}", path.display()));
        let stable = self.stable()?;
        let store = stable.store();
        let file = disk::create_new(path).map_err(failed())?;
        file.set_len(stable.bytes()).map_err(failed())?;
        let mut buffer = vec![0; CHUNK as usize];
        let mut at = 0;
        while let Some(range) = store.next_data(at).map_err(HostError::io("read stable memory"))? {
            let mut from = range.start;
            let end = range.end.min(stable.bytes());
            while from < end {
                let part = &mut buffer[..(end - from).min(CHUNK) as usize];
                store.read(from, part).map_err(HostError::io("read stable memory"))?;
                file.write_all_at(part, from).map_err(failed())?;
                from += part.len() as u64;
            }
            at = range.end;
        }
        file.sync_all().map_err(failed())
    }

    /// Replaces stable memory with the content of a file, whose size must be a multiple of 64 KiB and at most 500 GiB. Heap and
    /// module do not change, so this is correct only for a canister whose heap does not depend on its stable memory. For all
    /// others use [`Self::upgrade_onto`].
    ///
    /// # Errors
    /// `BadImage` for a file of another size, `DiskFull`, `Io`. Stable memory is unchanged then.
    pub fn import_stable(&mut self, path: &Path) -> Result<(), HostError> {
        self.changeable()?;
        let imported = self.load(path).and_then(|()| self.commit_stable());
        if imported.is_err() {
            self.rollback();
        }
        imported
    }

    /// Loads the content of a file as the stable memory of the next commit.
    pub(crate) fn load(&mut self, path: &Path) -> Result<(), HostError> {
        let failed = || HostError::io(format!("read {}", path.display()));
        let image = File::open(path).map_err(failed())?;
        let bytes = image.metadata().map_err(failed())?.len();
        check_size(path, bytes)?;
        let mut store = self.new_store()?;
        if let Err(error) = copy(&image, &mut *store) {
            drop(store);
            let Some(folder) = &self.folder else { return Err(failed()(error)) };
            folder.forget_new_store();
            return Err(folder.explain(HostError::io(format!("import {}", path.display()))(error), bytes));
        }
        if let Some(stable) = &mut self.stable {
            stable.replace(store, bytes / WASM_PAGE_BYTES);
        }
        Ok(())
    }
}

/// Copies the pages of an image that are not zeros.
fn copy(image: &File, store: &mut dyn PageStore) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK as usize];
    let mut at = 0;
    while let Some(range) = next_data(image, at)? {
        at = range.start / OS_PAGE_BYTES * OS_PAGE_BYTES;
        // The size is a multiple of the page size, so the last page is complete.
        let end = range.end.next_multiple_of(OS_PAGE_BYTES);
        while at < end {
            let part = &mut buffer[..(end - at).min(CHUNK) as usize];
            image.read_exact_at(part, at)?;
            let mut offset = at;
            for run in part.as_chunks::<PAGE>().0.chunk_by(|a, b| is_zero(a) == is_zero(b)) {
                let bytes = run.as_flattened();
                if !is_zero(&run[0]) {
                    store.fill(offset, bytes)?;
                }
                offset += bytes.len() as u64;
            }
            at += part.len() as u64;
        }
    }
    Ok(())
}

fn is_zero(page: &[u8; PAGE]) -> bool {
    *page == [0; PAGE]
}

fn check_size(path: &Path, bytes: u64) -> Result<(), HostError> {
    let bad = |what: String| Err(HostError::BadImage { path: path.to_owned(), what });
    if !bytes.is_multiple_of(WASM_PAGE_BYTES) {
        return bad(format!("its size of {bytes} bytes is not a multiple of {WASM_PAGE_BYTES}"));
    }
    if bytes / WASM_PAGE_BYTES > MAX_STABLE_PAGES {
        return bad(format!("it has {bytes} bytes, more than 500 GiB"));
    }
    Ok(())
}
