//! Stable memory as one sparse file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::HostError;
use crate::host::EmbeddedIc;
use crate::limits::{MAX_STABLE_PAGES, OS_PAGE_BYTES, WASM_PAGE_BYTES};
use crate::stable::{PAGE, next_data};

/// Bytes that are copied at once.
const CHUNK: u64 = 1 << 20;

impl EmbeddedIc {
    /// Writes committed stable memory to a file of the same size; what was never written becomes a hole.
    ///
    /// # Errors
    /// `Io`, also if the file exists: an image never overwrites anything.
    pub fn export_stable(&mut self, path: &Path) -> Result<(), HostError> {
        self.usable()?;
        let failed = || HostError::io(format!("write {}", path.display()));
        let stable = self.stable()?;
        let file = File::options().write(true).create_new(true).open(path).map_err(failed())?;
        file.set_len(stable.bytes()).map_err(failed())?;
        let mut buffer = vec![0; CHUNK as usize];
        let mut at = 0;
        while let Some(range) = stable.store().next_data(at).map_err(HostError::io("read stable memory"))? {
            let mut from = range.start;
            let end = range.end.min(stable.bytes());
            while from < end {
                let part = &mut buffer[..(end - from).min(CHUNK) as usize];
                stable.store().read(from, part).map_err(HostError::io("read stable memory"))?;
                file.write_all_at(part, from).map_err(failed())?;
                from += part.len() as u64;
            }
            at = range.end;
        }
        file.sync_all().map_err(failed())
    }

    /// Replaces stable memory by the content of a file, whose size has to be a multiple of 64 KiB and at most 500 GiB.
    /// Heap and module stay as they are: a canister that keeps things on its heap should be installed anew after it.
    ///
    /// # Errors
    /// `BadImage` for a file of another size, `Io`. Stable memory is then as before.
    pub fn import_stable(&mut self, path: &Path) -> Result<(), HostError> {
        self.usable()?;
        let failed = || HostError::io(format!("read {}", path.display()));
        let file = File::open(path).map_err(failed())?;
        let bytes = file.metadata().map_err(failed())?.len();
        check_size(path, bytes)?;
        let imported = self.fill_stable(&file, bytes / WASM_PAGE_BYTES).map_err(failed());
        if let Err(error) = imported.and_then(|()| self.commit_stable()) {
            self.rollback();
            return Err(error);
        }
        Ok(())
    }

    fn fill_stable(&mut self, file: &File, pages: u64) -> std::io::Result<()> {
        let Some(stable) = &mut self.stable else { return Ok(()) };
        stable.start_fresh();
        stable.grow(pages, MAX_STABLE_PAGES);
        let mut at = 0;
        let mut page = [0; PAGE];
        while let Some(range) = next_data(file, at)? {
            for number in range.start / OS_PAGE_BYTES..range.end.div_ceil(OS_PAGE_BYTES) {
                file.read_exact_at(&mut page, number * OS_PAGE_BYTES)?;
                if page.iter().any(|&byte| byte != 0) {
                    stable.put(number, page);
                }
            }
            at = range.end;
        }
        Ok(())
    }
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
