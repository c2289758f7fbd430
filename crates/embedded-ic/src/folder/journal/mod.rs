//! The journal: one record for each committed message since the last checkpoint.
//!
//! # Layout v2
//! The file consists of sectors of 512 bytes. The first has the magic `EICJRNL\0`, a version (4 bytes), zeros, and a
//! checksum (4 bytes). Then records follow, one after the other, each of whole sectors:
//!
//! | bytes | description |
//! |---|---|
//! | 4 | magic `REC2` |
//! | 4 | flags: 1 the heap was replaced |
//! | 8 | number of the record; each is one more than the one before |
//! | 8 | length of the state |
//! | 8 | number of heap pages |
//! | 8 | number of stable pages |
//! | 8 | number of runs of stable pages that are in the file of stable memory |
//! | 8 | generation of stable memory that the record refers to |
//! | 8 | number of pages in these runs whose checksums follow: all or none |
//! | … | the state, see `codec` |
//! | 8 each | numbers of the heap pages, then of the stable pages |
//! | 16 each | first page of a run, and one past its last |
//! | 32 each | CRC-32 of the 8 sectors of each page |
//! | 4 each | CRC-32 of each page in the runs |
//!
//! The description is split into pieces of 508 bytes, the last one padded with zeros. Each piece with its CRC-32 is a
//! sector. Then the pages follow: 4,096 bytes each, of the heap, then of stable memory.
//!
//! # Power cuts
//! A record is forced to the disk before its message is answered and before anything is written after it. So a power cut
//! or the death of the process can only affect the last record: some of its sectors are missing or zeros. No sector of a
//! description is all zeros, and every other sector has a checksum. A record that lacks only such sectors, and has nothing
//! after it, belongs to a message that was never answered. It is truncated.
//!
//! Pages in the file of stable memory are forced together with the record, in any order, because forcing two files in
//! sequence takes twice as long. So a power cut can also affect these pages while the record is complete. If they do not
//! have the checksums in the last record, it is truncated as well. Every earlier record was forced with its pages, which
//! later records may have changed. A memory that replaces another one is forced first, and has no checksums.
//!
//! Everything else that is inconsistent is corruption, and an error.

mod record;
mod replay;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::codec;
use crate::committed::Committed;
use crate::disk;
use crate::error::HostError;
use crate::stable::{PAGE, Page, Runs, StableMemory};

use record::{Head, SECTOR, into_sectors};
pub(super) use replay::{Replayed, Target, replay};

const FILE_MAGIC: &[u8; 8] = b"EICJRNL\0";
const VERSION: u32 = 2;
/// Bytes before the first record.
const FILE_HEADER: u64 = SECTOR as u64;
/// Bytes of the disk that the file reserves, so that small changes can be recorded on a full disk: a removal, and a
/// message with an argument of the maximum size.
pub(crate) const RESERVED: u64 = 2_560 << 10;
/// If not all of them are available, a number of these parts is reserved.
const RESERVED_PARTS: u64 = 20;

/// Changes of a message.
pub(crate) struct Change<'a> {
    pub(crate) next: &'a Committed,
    pub(crate) heap: &'a [u8],
    /// Byte ranges of the heap that changed, aligned to pages.
    pub(crate) heap_dirty: &'a [Range<usize>],
    /// Pages of the heap outside the ranges are zeros now.
    pub(crate) heap_replaced: bool,
    /// Stable memory with its overlay; none if the message did not run on it.
    pub(crate) stable: Option<&'a StableMemory>,
    /// Generation of stable memory after the change.
    pub(crate) generation: u64,
}

/// Open journal.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
    /// A failed append could not be truncated; a record after it would count as corruption.
    broken: bool,
}

/// Reason why an append failed.
pub(super) enum AppendError {
    /// The journal accepts no more records.
    Broken,
    /// Nothing was appended. Contains the size of the record.
    Io(io::Error, u64),
}

impl Journal {
    /// Creates a journal without records.
    pub(super) fn create(path: &Path) -> Result<(), HostError> {
        let mut header = [0; 16];
        header[..8].copy_from_slice(FILE_MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        super::write_whole(path, &into_sectors(&header))
    }

    /// Opens a journal whose records end at `end`. Truncates what follows.
    pub(super) fn new(path: &Path, file: File, end: u64) -> Result<Self, HostError> {
        let failed = || HostError::io(format!("cut {}", path.display()));
        if file.metadata().map_err(failed())?.len() != end {
            disk::set_len(&file, end).and_then(|()| disk::sync(&file)).map_err(failed())?;
        }
        let this = Self { path: path.to_owned(), file, end, broken: false };
        this.reserve();
        Ok(this)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    pub(super) fn is_empty(&self) -> bool {
        self.end <= FILE_HEADER
    }

    /// Appends a record, completely or not at all.
    pub(super) fn append(&mut self, number: u64, change: &Change<'_>, sync: bool) -> Result<(), AppendError> {
        if self.broken {
            return Err(AppendError::Broken);
        }
        let with = change.stable.filter(|stable| sync && stable.is_to_be_forced());
        let record = Record::new(number, change, with);
        let store = with.map(StableMemory::store);
        let written = record.write(&self.file, self.end).and_then(|()| match sync {
            true => disk::sync_both(&self.file, store.as_ref().and_then(|store| store.file())),
            false => Ok(()),
        });
        match written {
            Ok(()) => {
                self.end += record.head.len();
                Ok(())
            }
            Err(error) => {
                // The message is answered with an error, so its record must not be found later.
                self.broken = disk::set_len(&self.file, self.end).is_err();
                self.reserve();
                Err(AppendError::Io(error, record.head.len()))
            }
        }
    }

    /// Frees the space reserved for the next records.
    pub(super) fn release(&self) {
        // If this fails, the space is not available, as before.
        let _ = disk::set_len(&self.file, self.end);
    }

    /// Removes all records.
    pub(super) fn clear(&mut self) -> Result<(), HostError> {
        disk::set_len(&self.file, FILE_HEADER)
            .and_then(|()| disk::sync(&self.file))
            .map_err(HostError::io(format!("empty {}", self.path.display())))?;
        self.end = FILE_HEADER;
        self.reserve();
        Ok(())
    }

    /// Reserves space for the next records, as much as there is. A later append fails if there is none.
    pub(super) fn reserve(&self) {
        for part in (1..=RESERVED_PARTS).rev() {
            let end = FILE_HEADER + part * RESERVED / RESERVED_PARTS;
            match disk::reserve(&self.file, self.end..end) {
                Err(error) if disk::is_full(&error) => {}
                _ => return,
            }
        }
    }
}

/// Record that is about to be written.
struct Record<'a> {
    head: Head,
    description: Vec<u8>,
    heap: Vec<&'a [u8]>,
    stable: Vec<&'a Page>,
}

impl<'a> Record<'a> {
    /// Creates the record of a change. `with` has the pages that are forced together with the record.
    fn new(number: u64, change: &Change<'a>, with: Option<&StableMemory>) -> Self {
        let state = codec::encode(change.next);
        let heap_numbers = pages_of(change.heap_dirty);
        let heap: Vec<&[u8]> = change.heap_dirty.iter().map(|range| &change.heap[range.clone()]).collect();
        let (none, nothing) = (Vec::new(), Runs::default());
        let (numbers, ahead) = change.stable.map_or((none, &nothing), |s| (s.for_journal(), s.ahead()));
        let stable: Vec<&Page> =
            change.stable.map_or(Vec::new(), |s| numbers.iter().map(|number| &*s.dirty()[number]).collect());
        let ahead_sums = with.map_or(Vec::new(), StableMemory::ahead_sums);
        let head = Head {
            heap_replaced: change.heap_replaced,
            number,
            state: state.len() as u64,
            heap: heap_numbers.len() as u64,
            stable: numbers.len() as u64,
            ahead: ahead.count() as u64,
            generation: change.generation,
            checked: ahead_sums.len() as u64,
        };
        let heap_pages = heap.iter().flat_map(|range| range.as_chunks::<PAGE>().0);
        let pages = heap_pages.chain(stable.iter().copied());
        let description = record::encode(&head, &state, (&heap_numbers, &numbers, ahead), pages, &ahead_sums);
        Self { head, description, heap, stable }
    }

    fn write(&self, file: &File, at: u64) -> io::Result<()> {
        disk::write_at(file, &self.description, at)?;
        let mut at = at + self.description.len() as u64;
        for range in &self.heap {
            disk::write_at(file, range, at)?;
            at += range.len() as u64;
        }
        disk::write_pages_at(file, &self.stable, at)
    }
}

/// Returns the numbers of the 4 KiB pages in byte ranges.
fn pages_of(ranges: &[Range<usize>]) -> Vec<u64> {
    ranges.iter().flat_map(|range| (range.start / PAGE..range.end / PAGE).map(|page| page as u64)).collect()
}
