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
//! | 8 | number of runs of stable pages that lie in the file of stable memory |
//! | 8 | which of the memories that the folder has had this record is about |
//! | 8 | number of pages in these runs whose checksums follow: all or none |
//! | … | the state, see `codec` |
//! | 8 each | numbers of the heap pages, then of the stable pages |
//! | 16 each | first page of a run, and one past its last |
//! | 32 each | CRC-32 of the 8 sectors of each page |
//! | 4 each | CRC-32 of each page in the runs |
//!
//! The description is cut into pieces of 508 bytes. Each of them, the last filled up with zeros, is a sector with its
//! CRC-32 after it. What follows them are the pages: 4,096 bytes each, of the heap, then of stable memory.
//!
//! # What a power cut leaves
//! A record is forced to the disk before its message is answered and before anything is written after it. So a power cut
//! or the death of the process can only spoil the last record: some of its sectors are missing, or zeros. No sector of a
//! description is all zeros, and each other sector has a checksum; a record that lacks nothing but such sectors, and
//! after which there is nothing, belongs to a message that no one got an answer to, and is cut off.
//!
//! The pages that lie in the file of stable memory are forced together with the record, in any order: forcing two files one
//! after the other takes twice as long. So a power cut can also spoil these pages while the record is whole. Where its last
//! record has checksums of them that they do not have, it is cut off as well. Every record before the last one was forced
//! with its pages, which later records may have changed. A memory that replaces another one is forced first, and has no
//! checksums.
//!
//! Everything else that is not as it should be is damage, and refused.

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
/// Bytes that the file keeps of the disk, so that messages that write again what was written before can be recorded on a full
/// one: a removal, and also one whose argument is as long as a user's may be.
const RESERVED: u64 = 2_560 << 10;
/// Where not all of them are there, it is a number of these parts.
const RESERVED_PARTS: u64 = 20;

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
    /// The memory that counts after the change.
    pub(crate) generation: u64,
}

/// The open journal.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
    /// What a failed append left could not be cut off; a record after it would be taken for damage.
    broken: bool,
}

/// Why an append failed.
pub(super) enum AppendError {
    /// The journal takes nothing more.
    Broken,
    /// Nothing was appended. The record has so many bytes.
    Io(io::Error, u64),
}

impl Journal {
    /// Makes a journal without records.
    pub(super) fn create(path: &Path) -> Result<(), HostError> {
        let mut header = [0; 16];
        header[..8].copy_from_slice(FILE_MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        super::write_whole(path, &into_sectors(&header))
    }

    /// A journal whose records end at `end`. What follows them in the file is cut off.
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

    /// Appends a record, all or nothing.
    pub(super) fn append(&mut self, number: u64, change: &Change<'_>, sync: bool) -> Result<(), AppendError> {
        if self.broken {
            return Err(AppendError::Broken);
        }
        let with = change.stable.filter(|stable| sync && stable.is_to_be_forced());
        let record = Record::new(number, change, with);
        let written = record.write(&self.file, self.end).and_then(|()| match sync {
            true => disk::sync_both(&self.file, with.and_then(|stable| stable.store().file())),
            false => Ok(()),
        });
        match written {
            Ok(()) => {
                self.end += record.head.len();
                Ok(())
            }
            Err(error) => {
                // The message is answered with an error, so that no one may find its record later.
                self.broken = disk::set_len(&self.file, self.end).is_err();
                self.reserve();
                Err(AppendError::Io(error, record.head.len()))
            }
        }
    }

    /// Gives back what is kept for the next records.
    pub(super) fn release(&self) {
        // What stays is not missing any more than before.
        let _ = disk::set_len(&self.file, self.end);
    }

    /// Forgets all records.
    pub(super) fn clear(&mut self) -> Result<(), HostError> {
        disk::set_len(&self.file, FILE_HEADER)
            .and_then(|()| disk::sync(&self.file))
            .map_err(HostError::io(format!("empty {}", self.path.display())))?;
        self.end = FILE_HEADER;
        self.reserve();
        Ok(())
    }

    /// Keeps room for the next records, or as much of it as there is. Where there is none, they find out themselves.
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

/// A record that is about to be written.
struct Record<'a> {
    head: Head,
    description: Vec<u8>,
    heap: Vec<&'a [u8]>,
    stable: Vec<&'a Page>,
}

impl<'a> Record<'a> {
    /// The record of a change. `with` has the pages that are forced together with the record.
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

/// The numbers of the 4 KiB pages in byte ranges.
fn pages_of(ranges: &[Range<usize>]) -> Vec<u64> {
    ranges.iter().flat_map(|range| (range.start / PAGE..range.end / PAGE).map(|page| page as u64)).collect()
}
