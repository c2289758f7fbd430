//! Mapping a file into a wasm memory, and dropping what was written over it.

#![expect(unsafe_code, reason = "no safe call puts a file under a memory that wasmtime made")]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;

use rustix::mm::{MapFlags, ProtFlags};
use wasmtime::{Memory, Store};

/// Bytes of a memory that are mapped to a file. The memory exists at least as long as the region is registered for a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    address: usize,
    len: usize,
}

impl Region {
    /// Returns the region of a memory that is mapped to a file as a whole.
    pub(crate) fn of<T: 'static>(store: &Store<T>, memory: Memory) -> Self {
        Self { address: memory.data_ptr(store) as usize, len: memory.data_size(store) }
    }

    /// Makes the kernel copy a range of the region that has not been copied yet, as if the canister wrote to each of its pages.
    /// The content stays the same, and later changes of the file do not reach it.
    ///
    /// # Errors
    /// `Unsupported` outside of Linux 5.14, or an error of the kernel, for example if there is no memory for the copies.
    pub(crate) fn keep(self, range: &Range<usize>) -> io::Result<()> {
        let range = range.start.min(self.len)..range.end.min(self.len);
        if range.is_empty() {
            return Ok(());
        }
        populate(self.address + range.start, range.len())
    }
}

#[cfg(target_os = "linux")]
fn populate(address: usize, len: usize) -> io::Result<()> {
    // SAFETY: The advice prefaults pages for writing and changes no content, whatever is mapped there, so it cannot be observed
    // by the code that runs on the memory at the same time. The memory is not unmapped while its region is registered.
    unsafe {
        rustix::mm::madvise(address as *mut c_void, len, rustix::mm::Advice::LinuxPopulateWrite)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn populate(_address: usize, _len: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Asserts that the range consists of whole operating-system pages within the memory.
fn assert_pages_of<T: 'static>(memory: Memory, store: &Store<T>, range: &Range<usize>) {
    let page = rustix::param::page_size();
    assert!(
        range.start.is_multiple_of(page) && range.end.is_multiple_of(page),
        "{range:?} is not made of pages"
    );
    assert!(range.end <= memory.data_size(store), "{range:?} is outside of the memory");
}

/// Replaces bytes `range` of the memory with a private mapping of the same bytes of the file.
///
/// The old content is discarded, and later writes of the canister do not reach the file. The range must be within the
/// memory and consist of whole operating-system pages, and the file must be at least as long as its end.
pub(super) fn map<T: 'static>(
    store: &mut Store<T>,
    memory: Memory,
    file: &File,
    range: Range<usize>,
) -> io::Result<()> {
    assert_pages_of(memory, store, &range);
    assert!(file.metadata()?.len() >= range.end as u64, "the file is shorter than {range:?}");
    if range.is_empty() {
        return Ok(());
    }
    // SAFETY: The address range belongs to the linear memory of `store`, by the assertions above, and is mapped
    // readable and writable, as it is afterwards. `&mut Store` rules out that anyone holds a slice of it or runs wasm
    // on it. Wasm memory may hold any bytes, so that changing them breaks no invariant of wasmtime, which reserves the
    // whole range as one mapping (`memory_may_move(false)`) and unmaps it with one `munmap`, whatever is in it.
    // The file is long enough, and only this process, which holds the lock of the folder, ever truncates it, and only
    // when no memory is mapped to it; so a read cannot hit a missing page.
    unsafe {
        let address = memory.data_ptr(&*store).add(range.start).cast::<c_void>();
        rustix::mm::mmap(
            address,
            range.len(),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::FIXED,
            file,
            range.start as u64,
        )?;
    }
    Ok(())
}

/// Drops the private copies in bytes `range` of a mapped memory, so that they show the file again.
///
/// The range must be one that [`map`] has mapped, and consist of whole operating-system pages.
#[cfg(target_os = "linux")]
pub(super) fn restore<T: 'static>(
    store: &mut Store<T>,
    memory: Memory,
    _file: &File,
    range: Range<usize>,
) -> io::Result<()> {
    assert_pages_of(memory, store, &range);
    // SAFETY: The address range belongs to the linear memory of `store`, by the assertions above. `&mut Store` rules
    // out that anyone holds a slice of it or runs wasm on it, and wasm memory may hold any bytes. The advice changes
    // only the content of the pages: to that of the file under a private mapping, to zeros elsewhere. Unlike a new
    // mapping of the range it leaves the list of mappings as it is, which the kernel keeps short.
    unsafe {
        let address = memory.data_ptr(&*store).add(range.start).cast::<c_void>();
        rustix::mm::madvise(address, range.len(), rustix::mm::Advice::LinuxDontNeed)?;
    }
    Ok(())
}

/// Drops the private copies in bytes `range` of a mapped memory, so that they show the file again.
#[cfg(not(target_os = "linux"))]
pub(super) fn restore<T: 'static>(
    store: &mut Store<T>,
    memory: Memory,
    file: &File,
    range: Range<usize>,
) -> io::Result<()> {
    map(store, memory, file, range)
}
