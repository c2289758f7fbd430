//! The journal: one record for each committed message since the last checkpoint.
//!
//! # Layout v1
//! The file begins with the magic `EICJRNL\0`, a version (4 bytes) and 4 zero bytes. Then records, one after the other:
//!
//! | bytes | content |
//! |---|---|
//! | 4 | magic `REC1` |
//! | 4 | flags: 1 the heap was replaced, 2 stable memory was replaced |
//! | 8 | number of the record; each is one more than the one before |
//! | 8 | length of the state |
//! | 8 | number of heap pages |
//! | 8 | number of stable pages |
//! | 20 | reserved, zero |
//! | 4 | CRC-32 of the 60 bytes before |
//! | … | the state, see `codec` |
//! | 8 each | numbers of the heap pages, then of the stable pages |
//! | 4,096 each | content of the heap pages, then of the stable pages |
//! | 4 | CRC-32 of everything after the record's header |
//!
//! A record is written front to back, so that a process that dies leaves the beginning of one. Such a beginning at the
//! end of the file belongs to a message that no one got an answer to, and is cut off. Everything else that is not as
//! it should be is damage, and refused.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::codec;
use crate::committed::Committed;
use crate::error::HostError;
use crate::heap::HeapImage;
use crate::limits::{MAX_HEAP_PAGES, MAX_STABLE_PAGES, OS_PAGE_BYTES, WASM_PAGE_BYTES};
use crate::stable::{PAGE, PageMap, StableMemory};

const FILE_MAGIC: &[u8; 8] = b"EICJRNL\0";
const VERSION: u32 = 1;
const FILE_HEADER: usize = 16;
const RECORD_MAGIC: &[u8; 4] = b"REC1";
const HEADER: usize = 64;
const HEADER_CRC_AT: usize = 60;
const CRC: usize = 4;
const HEAP_REPLACED: u32 = 1;
const STABLE_REPLACED: u32 = 2;
/// Bytes that are read or written at once.
const BUFFER: usize = 1 << 20;
/// More state than any canister has: the log has 4 KiB, the globals are at most 1,000.
const MAX_STATE_BYTES: u64 = 1 << 20;

/// What a message changed.
pub(crate) struct Change<'a> {
    pub(crate) next: &'a Committed,
    pub(crate) heap: &'a [u8],
    /// The byte ranges of the heap that changed, on page boundaries.
    pub(crate) heap_dirty: &'a [Range<usize>],
    /// Pages of the heap that are not in the ranges are zeros now.
    pub(crate) heap_replaced: bool,
    /// Stable memory with its overlay; none if the message did not run on it.
    pub(crate) stable: Option<&'a StableMemory>,
}

/// What is in the way of a record's being applied.
pub(super) struct Target<'a> {
    pub(super) heap: &'a mut HeapImage,
    pub(super) stable: &'a mut dyn crate::stable::PageStore,
}

/// The open journal.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
    /// What a failed append left could not be cut off; a record after it would be taken for damage.
    broken: bool,
}

impl Journal {
    /// Makes a journal without records.
    pub(super) fn create(path: &Path) -> Result<(), HostError> {
        let mut header = [0; FILE_HEADER];
        header[..8].copy_from_slice(FILE_MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        super::write_whole(path, &header)
    }

    /// Opens a journal and applies its records from number `next` on. Gives the journal, the number of the record
    /// that comes next, and the state after the last one, if any was applied.
    pub(super) fn open(
        path: &Path,
        next: u64,
        target: &mut Target<'_>,
    ) -> Result<(Self, u64, Option<Committed>), HostError> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(HostError::io(format!("open {}", path.display())))?;
        let mut replay = Replay::new(path, &file)?;
        replay.file_header()?;
        let mut next = next;
        let mut state = None;
        let mut previous = None;
        while let Some(record) = replay.next_record()? {
            // Records from before the checkpoint may be there still, but none may be missing.
            if record.number > next || previous.is_some_and(|previous| record.number != previous + 1) {
                let what = format!("record {} does not belong here", record.number);
                return Err(replay.damaged(record.at, &what));
            }
            previous = Some(record.number);
            if record.number == next {
                state = Some(replay.apply(&record, target)?);
                next += 1;
            }
            replay.at = record.end();
        }
        let end = replay.at;
        // What is left is the beginning of a record that was never answered.
        file.set_len(end).map_err(HostError::io(format!("cut {}", path.display())))?;
        Ok((Self { path: path.to_owned(), file, end, broken: false }, next, state))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    /// Appends a record, all or nothing.
    pub(super) fn append(&mut self, number: u64, change: &Change<'_>, sync: bool) -> Result<(), HostError> {
        if self.broken {
            return Err(HostError::Poisoned(format!("{} could not be written", self.path.display())));
        }
        let written = self.write(number, change).and_then(|end| {
            if sync {
                self.file.sync_data()?;
            }
            Ok(end)
        });
        match written {
            Ok(end) => {
                self.end = end;
                Ok(())
            }
            Err(error) => {
                // The message is answered with an error, so that no one may find its record later.
                self.broken = self.file.set_len(self.end).is_err();
                Err(HostError::io(format!("write {}", self.path.display()))(error))
            }
        }
    }

    fn write(&mut self, number: u64, change: &Change<'_>) -> io::Result<u64> {
        let state = codec::encode(change.next);
        let heap = pages_of(change.heap_dirty);
        let mut stable: Vec<u64> =
            change.stable.map_or_else(Vec::new, |s| s.dirty().keys().copied().collect());
        stable.sort_unstable();
        let mut flags = 0;
        if change.heap_replaced {
            flags |= HEAP_REPLACED;
        }
        if change.stable.is_some_and(StableMemory::is_fresh) {
            flags |= STABLE_REPLACED;
        }
        let head = Head {
            flags,
            number,
            state: state.len() as u64,
            heap: heap.len() as u64,
            stable: stable.len() as u64,
        };

        self.file.seek(SeekFrom::Start(self.end))?;
        let mut out = BufWriter::with_capacity(BUFFER.min(head.len() as usize), &self.file);
        out.write_all(&head.encode())?;
        let mut out = Summed { out, sum: crc32fast::Hasher::new() };
        out.write_all(&state)?;
        for page in heap.iter().chain(&stable) {
            out.write_all(&page.to_le_bytes())?;
        }
        for range in change.heap_dirty {
            out.write_all(&change.heap[range.clone()])?;
        }
        if let Some(memory) = change.stable {
            for page in &stable {
                out.write_all(&memory.dirty()[page][..])?;
            }
        }
        let Summed { mut out, sum } = out;
        out.write_all(&sum.finalize().to_le_bytes())?;
        out.flush()?;
        Ok(self.end + head.len())
    }

    /// Forgets all records.
    pub(super) fn clear(&mut self) -> Result<(), HostError> {
        self.file
            .set_len(FILE_HEADER as u64)
            .and_then(|()| self.file.sync_data())
            .map_err(HostError::io(format!("empty {}", self.path.display())))?;
        self.end = FILE_HEADER as u64;
        Ok(())
    }
}

/// The numbers of the 4 KiB pages in byte ranges.
fn pages_of(ranges: &[Range<usize>]) -> Vec<u64> {
    ranges.iter().flat_map(|range| (range.start / PAGE..range.end / PAGE).map(|page| page as u64)).collect()
}

/// The header of a record.
struct Head {
    flags: u32,
    number: u64,
    state: u64,
    heap: u64,
    stable: u64,
}

impl Head {
    /// Bytes of the whole record.
    fn len(&self) -> u64 {
        HEADER as u64 + self.state + (self.heap + self.stable) * (8 + OS_PAGE_BYTES) + CRC as u64
    }

    fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(RECORD_MAGIC);
        bytes[4..8].copy_from_slice(&self.flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.state.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.heap.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.stable.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..HEADER_CRC_AT]);
        bytes[HEADER_CRC_AT..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The header in these bytes; what is wrong with them otherwise.
    fn decode(bytes: &[u8; HEADER]) -> Result<Self, &'static str> {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        if !bytes.starts_with(RECORD_MAGIC) {
            return Err("this is not the beginning of a record");
        }
        if crc32fast::hash(&bytes[..HEADER_CRC_AT]) != u32_at(HEADER_CRC_AT) {
            return Err("the checksum of the record's header does not match");
        }
        let head = Self {
            flags: u32_at(4),
            number: u64_at(8),
            state: u64_at(16),
            heap: u64_at(24),
            stable: u64_at(32),
        };
        let per_wasm_page = WASM_PAGE_BYTES / OS_PAGE_BYTES;
        if head.flags & !(HEAP_REPLACED | STABLE_REPLACED) != 0
            || head.state > MAX_STATE_BYTES
            || head.heap > MAX_HEAP_PAGES * per_wasm_page
            || head.stable > MAX_STABLE_PAGES * per_wasm_page
        {
            return Err("the record's header makes no sense");
        }
        Ok(head)
    }
}

/// A writer that sums up what it writes.
struct Summed<W> {
    out: W,
    sum: crc32fast::Hasher,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.sum.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A whole record in the file, whose checksums match.
struct Record {
    at: u64,
    number: u64,
    head: Head,
}

impl Record {
    fn end(&self) -> u64 {
        self.at + self.head.len()
    }
}

/// Reads a journal from front to back.
struct Replay<'a> {
    path: &'a Path,
    input: BufReader<&'a File>,
    at: u64,
    len: u64,
}

impl<'a> Replay<'a> {
    fn new(path: &'a Path, file: &'a File) -> Result<Self, HostError> {
        let len = file.metadata().map_err(HostError::io(format!("read {}", path.display())))?.len();
        Ok(Self { path, input: BufReader::with_capacity(BUFFER, file), at: 0, len })
    }

    fn damaged(&self, offset: u64, what: &str) -> HostError {
        HostError::Damaged { path: self.path.to_owned(), offset, what: what.to_owned() }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), HostError> {
        self.input.read_exact(bytes).map_err(HostError::io(format!("read {}", self.path.display())))
    }

    fn seek(&mut self, at: u64) -> Result<(), HostError> {
        let sought = self.input.seek(SeekFrom::Start(at));
        sought.map(|_| ()).map_err(HostError::io(format!("read {}", self.path.display())))
    }

    fn file_header(&mut self) -> Result<(), HostError> {
        if self.len < FILE_HEADER as u64 {
            return Err(self.damaged(0, "the file is too short to be a journal"));
        }
        let mut header = [0; FILE_HEADER];
        self.read(&mut header)?;
        if !header.starts_with(FILE_MAGIC) {
            return Err(self.damaged(0, "this is not a journal"));
        }
        let found = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if found != VERSION {
            return Err(HostError::UnknownVersion { path: self.path.to_owned(), found, known: VERSION });
        }
        if header[12..] != [0; 4] {
            return Err(self.damaged(12, "reserved bytes are not zero"));
        }
        self.at = FILE_HEADER as u64;
        Ok(())
    }

    /// The record at the current place, checked; none at the end of the file or of what was finished.
    fn next_record(&mut self) -> Result<Option<Record>, HostError> {
        if self.len - self.at < HEADER as u64 {
            return Ok(None);
        }
        let at = self.at;
        self.seek(at)?;
        let mut bytes = [0; HEADER];
        self.read(&mut bytes)?;
        let head = Head::decode(&bytes).map_err(|what| self.damaged(at, what))?;
        if self.len - at < head.len() {
            return Ok(None);
        }
        self.check_sum(at + HEADER as u64, head.len() - (HEADER + CRC) as u64)?;
        Ok(Some(Record { at, number: head.number, head }))
    }

    fn check_sum(&mut self, at: u64, mut left: u64) -> Result<(), HostError> {
        let mut buffer = vec![0; BUFFER.min(left as usize)];
        let mut sum = crc32fast::Hasher::new();
        while left > 0 {
            let part = &mut buffer[..left.min(BUFFER as u64) as usize];
            self.read(part)?;
            sum.update(part);
            left -= part.len() as u64;
        }
        let mut expected = [0; CRC];
        self.read(&mut expected)?;
        if sum.finalize() != u32::from_le_bytes(expected) {
            return Err(self.damaged(at, "the checksum of the record does not match"));
        }
        Ok(())
    }

    /// Writes the pages of a record to where they belong, and gives its state.
    fn apply(&mut self, record: &Record, target: &mut Target<'_>) -> Result<Committed, HostError> {
        let failed = |what: &str| HostError::io(format!("write {what} from the journal"));
        let Head { flags, state, heap, stable, .. } = record.head;
        self.seek(record.at + HEADER as u64)?;
        let mut bytes = vec![0; state as usize];
        self.read(&mut bytes)?;
        let committed = codec::decode(&bytes).ok_or_else(|| {
            self.damaged(record.at + HEADER as u64, "the state of the record makes no sense")
        })?;
        let limits = [committed.heap_pages, committed.stable_pages];
        let heap_numbers = self.numbers(record.at, heap, limits[0])?;
        let stable_numbers = self.numbers(record.at, stable, limits[1])?;
        if flags & HEAP_REPLACED != 0 {
            target.heap.clear().map_err(failed("the heap"))?;
        }
        if flags & STABLE_REPLACED != 0 {
            target.stable.clear().map_err(failed("stable memory"))?;
        }
        let mut page = Box::new([0; PAGE]);
        for number in heap_numbers {
            self.read(&mut page[..])?;
            target.heap.write(number * OS_PAGE_BYTES, &page[..]).map_err(failed("the heap"))?;
        }
        for numbers in stable_numbers.chunks(BUFFER / PAGE) {
            let mut pages = PageMap::default();
            for &number in numbers {
                let mut page = Box::new([0; PAGE]);
                self.read(&mut page[..])?;
                pages.insert(number, page);
            }
            target.stable.write(&mut pages).map_err(failed("stable memory"))?;
        }
        Ok(committed)
    }

    /// Reads page numbers, which have to lie inside a memory of this many wasm pages.
    fn numbers(&mut self, at: u64, count: u64, wasm_pages: u64) -> Result<Vec<u64>, HostError> {
        let end = wasm_pages.saturating_mul(WASM_PAGE_BYTES / OS_PAGE_BYTES);
        let mut numbers = Vec::with_capacity((count as usize).min(BUFFER));
        for _ in 0..count {
            let mut bytes = [0; 8];
            self.read(&mut bytes)?;
            let number = u64::from_le_bytes(bytes);
            if number >= end {
                return Err(self.damaged(at, &format!("page {number} of a memory that has {end}")));
            }
            numbers.push(number);
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stable::{FileStore, MemoryStore, PageStore};

    fn journal(directory: &Path) -> PathBuf {
        let path = directory.join("journal.bin");
        Journal::create(&path).unwrap();
        path
    }

    fn open(path: &Path, next: u64, stable: &mut dyn PageStore) -> (Journal, u64, Option<Committed>) {
        let mut heap = HeapImage::in_memory().unwrap();
        Journal::open(path, next, &mut Target { heap: &mut heap, stable }).unwrap()
    }

    fn change<'a>(next: &'a Committed, stable: &'a StableMemory) -> Change<'a> {
        Change { next, heap: &[], heap_dirty: &[], heap_replaced: false, stable: Some(stable) }
    }

    #[test]
    fn a_record_brings_state_and_pages_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = journal(directory.path());
        let state = codec::test_state();
        let mut memory = StableMemory::new(Box::new(MemoryStore::default()), state.stable_pages);
        memory.write(100_000, b"hello").unwrap();
        let (mut journal, ..) = open(&path, 5, &mut MemoryStore::default());
        journal.append(5, &change(&state, &memory), true).unwrap();
        assert_eq!(journal.bytes(), std::fs::metadata(&path).unwrap().len());
        let mut store = FileStore::new(tempfile::tempfile().unwrap());
        let (_, next, found) = open(&path, 5, &mut store);
        assert_eq!((next, found), (6, Some(state)));
        let mut bytes = [0; 7];
        store.read(99_999, &mut bytes).unwrap();
        assert_eq!(&bytes, b"\0hello\0");
    }

    #[test]
    fn the_header_of_a_record_lies_where_the_layout_says() {
        let head = Head { flags: 2, number: 0x1122, state: 3, heap: 4, stable: 5 };
        let bytes = head.encode();
        assert_eq!(bytes[..16], *b"REC1\x02\0\0\0\x22\x11\0\0\0\0\0\0");
        assert_eq!(bytes[16..40], *b"\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0");
        assert_eq!(bytes[40..60], [0; 20]);
        assert_eq!(head.len(), 64 + 3 + 9 * (8 + 4_096) + 4);
        let again =
            Head::decode(&bytes).map(|head| (head.flags, head.number, head.state, head.heap, head.stable));
        assert_eq!(again, Ok((2, 0x1122, 3, 4, 5)));
        for at in 0..HEADER {
            let mut bad = bytes;
            bad[at] ^= 1;
            assert!(Head::decode(&bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_journal_that_cannot_be_written_takes_nothing_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = journal(directory.path());
        let state = codec::test_state();
        let memory = StableMemory::new(Box::new(MemoryStore::default()), 0);
        let (mut journal, ..) = open(&path, 0, &mut MemoryStore::default());
        // A file that is open for reading only refuses writes, and to be cut.
        journal.file = File::open(&path).unwrap();
        assert!(matches!(journal.append(0, &change(&state, &memory), false), Err(HostError::Io { .. })));
        journal.file = File::options().read(true).write(true).open(&path).unwrap();
        assert!(matches!(journal.append(0, &change(&state, &memory), false), Err(HostError::Poisoned(_))));
        assert_eq!(open(&path, 0, &mut MemoryStore::default()).2, None);
    }
}
