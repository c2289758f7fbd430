//! Reading a journal, and replaying its records.

use std::fs::File;
use std::io;
use std::path::Path;

use super::record::{Description, HEAD, Head, SECTOR, SECTORS, payload};
use super::{FILE_HEADER, FILE_MAGIC, VERSION};
use crate::committed::Committed;
use crate::error::HostError;
use crate::heap::HeapImage;
use crate::stable::{FileStore, PAGE, PageMap, PageStore, Runs};

/// Pages read in one step.
const PAGES_PER_READ: usize = 256;
/// Size of a journal of version 1 without records.
const V1_HEADER: u64 = 16;

/// Target of a replay.
pub(in crate::folder) struct Target<'a> {
    pub(in crate::folder) heap: &'a mut HeapImage,
    pub(in crate::folder) stable: &'a mut FileStore,
    /// Opens the file of another generation of stable memory than the checkpoint's.
    pub(in crate::folder) open: &'a dyn Fn(u64) -> Result<FileStore, HostError>,
}

/// Result of reading a journal.
pub(in crate::folder) struct Replayed {
    /// Number of the next record.
    pub(in crate::folder) next: u64,
    /// State after the last record, if any was applied.
    pub(in crate::folder) state: Option<Committed>,
    /// End of the records.
    pub(in crate::folder) end: u64,
    /// Number of bytes after that, of a record that was never answered.
    pub(in crate::folder) unfinished: u64,
    /// Corruption that a salvage skipped.
    pub(in crate::folder) damage: Vec<Damage>,
    /// Whether the journal is one of version 1 without records.
    pub(in crate::folder) is_old: bool,
}

/// Corruption that a salvage skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::folder) struct Damage {
    /// Offset in the journal.
    pub(in crate::folder) offset: u64,
    pub(in crate::folder) what: String,
    /// Number of pages that keep the content of their file; `None` if the whole record is lost.
    pub(in crate::folder) lost_pages: Option<u64>,
}

/// Replays the records of a journal from number `next` on. A salvage skips corrupt ones.
pub(in crate::folder) fn replay(
    path: &Path,
    file: &File,
    next: u64,
    salvage: bool,
    target: &mut Target<'_>,
) -> Result<Replayed, HostError> {
    let len = file.metadata().map_err(HostError::io(format!("read {}", path.display())))?.len();
    let reader = Reader { path, file, len };
    let mut found =
        Replayed { next, state: None, end: FILE_HEADER, unfinished: 0, damage: Vec::new(), is_old: false };
    if reader.file_header()? == 1 {
        found.is_old = true;
        return Ok(found);
    }
    let mut previous = None;
    loop {
        match reader.record(found.end)? {
            Found::End => return Ok(found),
            Found::Whole(record) if reader.lacks_pages(found.end, &record, found.next, target)? => {
                found.unfinished = len - found.end;
                return Ok(found);
            }
            Found::Whole(record) => {
                // Records before the checkpoint may still exist, but none may be missing.
                let number = record.head.number;
                if number > found.next || previous.is_some_and(|previous| number != previous + 1) {
                    let damage = reader.misplaced(number, found.end, salvage)?;
                    found.damage.push(damage);
                    found.next = found.next.max(number);
                }
                previous = Some(number);
                reader.apply_if_next(&record, &mut found, target)?;
            }
            Found::Torn(record) if reader.is_tail(found.end, &record, found.next)? => {
                found.unfinished = len - found.end;
                return Ok(found);
            }
            Found::Torn(broken) | Found::Damaged(broken) => {
                if !salvage {
                    return Err(reader.damaged(broken.offset, &broken.what));
                }
                previous = None;
                let go_on = reader.salvage(*broken, &mut found, target)?;
                if !go_on {
                    return Ok(found);
                }
            }
        }
    }
}

/// Journal that is read.
struct Reader<'a> {
    path: &'a Path,
    file: &'a File,
    len: u64,
}

/// Contents at an offset of the journal.
enum Found {
    /// Nothing.
    End,
    /// A complete record.
    Whole(Box<Description>),
    /// A record with missing sectors, as after a power cut.
    Torn(Box<Broken>),
    Damaged(Box<Broken>),
}

/// Incomplete or corrupt record.
struct Broken {
    /// Offset and description of the problem.
    offset: u64,
    what: String,
    /// Its description, if that can be read.
    record: Option<Description>,
    /// Its length, if its head can be read.
    len: Option<u64>,
}

/// State of a piece of a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    Whole,
    /// Sectors of it are zeros, or beyond the end of the file.
    Lost,
    Bad,
}

impl Reader<'_> {
    fn damaged(&self, offset: u64, what: &str) -> HostError {
        HostError::Damaged { path: self.path.to_owned(), offset, what: what.to_owned() }
    }

    /// Reads bytes. Bytes beyond the end of the file are zeros, as if a power cut had removed them.
    fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), HostError> {
        FileStore::read_zero_filled(self.file, at, bytes)
            .map_err(HostError::io(format!("read {}", self.path.display())))
    }

    /// Checks the header of the file, and returns its version.
    fn file_header(&self) -> Result<u32, HostError> {
        let mut header = [0; SECTOR];
        self.read(0, &mut header)?;
        if !header.starts_with(FILE_MAGIC) {
            return Err(self.damaged(0, "the file is not a journal"));
        }
        let found = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if found == 1 && self.len == V1_HEADER {
            return Ok(1);
        }
        if found != VERSION {
            return Err(HostError::UnknownVersion { path: self.path.to_owned(), found, known: VERSION });
        }
        if self.len < FILE_HEADER || payload(&header).is_none() {
            return Err(self.damaged(0, "the checksum of the journal's header does not match"));
        }
        Ok(VERSION)
    }

    /// Returns the record at an offset.
    fn record(&self, at: u64) -> Result<Found, HostError> {
        if at >= self.len {
            return Ok(Found::End);
        }
        let mut sector = [0; SECTOR];
        self.read(at, &mut sector)?;
        let broken =
            |offset, what: &str, len| Box::new(Broken { offset, what: what.into(), record: None, len });
        let head = match payload(&sector).map(Head::decode) {
            Some(Ok(head)) => head,
            Some(Err(what)) => return Ok(Found::Damaged(broken(at, what, None))),
            None if sector == [0; SECTOR] || self.len - at < SECTOR as u64 => {
                return Ok(Found::Torn(broken(at, "the start of the record is missing", None)));
            }
            None => {
                let what = "the checksum of the record's header does not match";
                return Ok(Found::Damaged(broken(at, what, None)));
            }
        };
        let len = head.len();
        // A description may be longer than memory; one that is longer than the file is not read.
        if head.before_pages() > self.len - at {
            return Ok(Found::Torn(broken(at, "the description of the record is missing", Some(len))));
        }
        let (bytes, kept, offset) = self.description(at, head.before_pages())?;
        match kept {
            Kept::Whole => {}
            Kept::Lost => {
                return Ok(Found::Torn(broken(offset, "a part of the record is missing", Some(len))));
            }
            Kept::Bad => {
                let what = "the checksum of the record does not match";
                return Ok(Found::Damaged(broken(offset, what, Some(len))));
            }
        }
        match Description::decode(head, &bytes) {
            Ok(description) => self.check_pages(at, description),
            Err(what) => Ok(Found::Damaged(broken(at, &what, Some(len)))),
        }
    }

    /// Returns the payloads of a description's sectors, their state, and the offset of the first problem.
    fn description(&self, at: u64, len: u64) -> Result<(Vec<u8>, Kept, u64), HostError> {
        let mut sectors = vec![0; len as usize];
        self.read(at, &mut sectors)?;
        let mut bytes = Vec::with_capacity(sectors.len());
        let (mut kept, mut offset) = (Kept::Whole, at);
        for (sector, its_offset) in sectors.chunks(SECTOR).zip((at..).step_by(SECTOR)) {
            let how = match payload(sector) {
                Some(payload) => {
                    bytes.extend(payload);
                    Kept::Whole
                }
                None if sector.iter().all(|&byte| byte == 0) || self.is_cut(its_offset) => Kept::Lost,
                None => Kept::Bad,
            };
            if how > kept {
                (kept, offset) = (how, its_offset);
            }
        }
        Ok((bytes, kept, offset))
    }

    /// Returns whether a sector is not completely in the file.
    fn is_cut(&self, sector: u64) -> bool {
        sector + SECTOR as u64 > self.len
    }

    /// Compares the pages of a record with their checksums.
    fn check_pages(&self, at: u64, record: Description) -> Result<Found, HostError> {
        let start = at + record.head.before_pages();
        let (mut kept, mut offset) = (Kept::Whole, at);
        self.each_page(start, record.head.pages() as usize, |number, page| {
            let (how, its_offset) = self.page(start, number, page, record.sums_of(number));
            if how > kept {
                (kept, offset) = (how, its_offset);
            }
            Ok(())
        })?;
        let len = Some(record.head.len());
        let broken =
            |what: &str, record| Box::new(Broken { offset, what: what.into(), record: Some(record), len });
        Ok(match kept {
            Kept::Whole => Found::Whole(Box::new(record)),
            Kept::Lost => Found::Torn(broken("a part of the record is missing", record)),
            Kept::Bad => Found::Damaged(broken("the checksum of the record does not match", record)),
        })
    }

    /// Returns the state of a page, and the offset of the first problem.
    fn page(&self, start: u64, number: usize, page: &[u8], sums: &[u32]) -> (Kept, u64) {
        let (mut kept, mut offset) = (Kept::Whole, start);
        for (index, (sector, &sum)) in page.as_chunks::<SECTOR>().0.iter().zip(sums).enumerate() {
            let its_offset = start + ((number * SECTORS + index) * SECTOR) as u64;
            let how = if self.is_cut(its_offset) {
                Kept::Lost
            } else if crc32fast::hash(sector) == sum {
                Kept::Whole
            } else if *sector == [0; SECTOR] {
                Kept::Lost
            } else {
                Kept::Bad
            };
            if how > kept {
                (kept, offset) = (how, its_offset);
            }
        }
        (kept, offset)
    }

    /// Calls a function with each of the pages from an offset on.
    fn each_page(
        &self,
        start: u64,
        count: usize,
        mut visit: impl FnMut(usize, &[u8]) -> Result<(), HostError>,
    ) -> Result<(), HostError> {
        let mut buffer = vec![0; PAGES_PER_READ.min(count) * PAGE];
        for first in (0..count).step_by(PAGES_PER_READ) {
            let part = &mut buffer[..(count - first).min(PAGES_PER_READ) * PAGE];
            self.read(start + (first * PAGE) as u64, part)?;
            for (page, number) in part.chunks(PAGE).zip(first..) {
                visit(number, page)?;
            }
        }
        Ok(())
    }

    /// Returns whether a complete record is the last thing in the journal, and pages that were to be forced together with it
    /// were not. Only record `next` and later ones are not in the checkpoint.
    fn lacks_pages(
        &self,
        at: u64,
        record: &Description,
        next: u64,
        target: &Target<'_>,
    ) -> Result<bool, HostError> {
        let head = &record.head;
        if record.ahead_sums.is_empty()
            || head.number < next
            || head.generation != target.stable.generation()
            || !self.is_zero(at.saturating_add(head.len()))?
        {
            return Ok(false);
        }
        let holds = target.stable.holds(&record.ahead, &record.ahead_sums);
        Ok(!holds.map_err(HostError::io("read stable memory"))?)
    }

    /// Returns whether an incomplete record is the last thing in the journal.
    fn is_tail(&self, at: u64, broken: &Broken, number: u64) -> Result<bool, HostError> {
        match broken.len {
            // Only zeros may follow.
            Some(len) => Ok(self.is_zero(at.saturating_add(len))?),
            None => Ok(self.later_record(at, number)?.is_none()),
        }
    }

    fn is_zero(&self, mut at: u64) -> Result<bool, HostError> {
        let mut buffer = [0; 8 * SECTOR];
        while at < self.len {
            self.read(at, &mut buffer)?;
            if buffer.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            at += buffer.len() as u64;
        }
        Ok(true)
    }

    /// Returns the offset and the number of the next record after `at` with a larger number. Only the description is checked: a
    /// page that contains an old journal has older numbers.
    fn later_record(&self, at: u64, number: u64) -> Result<Option<(u64, u64)>, HostError> {
        let mut sector = [0; SECTOR];
        let mut at = at + SECTOR as u64;
        while at < self.len {
            self.read(at, &mut sector)?;
            if let Some(Ok(head)) = payload(&sector).map(|bytes| Head::decode(&bytes[..HEAD]))
                && head.number > number
            {
                return Ok(Some((at, head.number)));
            }
            at += SECTOR as u64;
        }
        Ok(None)
    }

    /// Record with an unexpected number.
    fn misplaced(&self, number: u64, at: u64, salvage: bool) -> Result<Damage, HostError> {
        let what = format!("record {number} is out of order");
        if salvage {
            return Ok(Damage { offset: at, what, lost_pages: None });
        }
        Err(self.damaged(at, &what))
    }

    /// Skips a corrupt record and applies what can be read of it. Returns whether there is a record after it.
    fn salvage(
        &self,
        broken: Broken,
        found: &mut Replayed,
        target: &mut Target<'_>,
    ) -> Result<bool, HostError> {
        let Broken { offset, what, record, .. } = broken;
        if let Some(record) = record {
            let lost = self.apply_if_next(&record, found, target)?;
            found.damage.push(Damage { offset, what, lost_pages: Some(lost) });
            return Ok(true);
        }
        found.damage.push(Damage { offset, what, lost_pages: None });
        match self.later_record(found.end, found.next.saturating_sub(1))? {
            Some((at, number)) => {
                (found.end, found.next) = (at, number);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Applies a record unless it is in the checkpoint, and continues after it. Returns the number of unreadable pages.
    fn apply_if_next(
        &self,
        record: &Description,
        found: &mut Replayed,
        target: &mut Target<'_>,
    ) -> Result<u64, HostError> {
        let mut lost = 0;
        if record.head.number >= found.next {
            lost = self.apply(found.end, record, target)?;
            found.state = Some(record.state.clone());
            found.next = record.head.number + 1;
        }
        found.end += record.head.len();
        Ok(lost)
    }

    /// Writes the pages of a record to their files. Returns the number of unreadable pages.
    fn apply(&self, at: u64, record: &Description, target: &mut Target<'_>) -> Result<u64, HostError> {
        let failed = |what: &str| HostError::io(format!("write {what} from the journal"));
        if target.stable.in_file().is_none_or(|(generation, _)| generation != record.head.generation) {
            *target.stable = (target.open)(record.head.generation)?;
        }
        if record.head.heap_replaced {
            target.heap.clear().map_err(failed("the heap"))?;
        }
        target.stable.adopt(&record.ahead);
        let start = at + record.head.before_pages();
        let mut lost = 0;
        let mut pages = PageMap::default();
        self.each_page(start, record.head.pages() as usize, |number, page| {
            if self.page(start, number, page, record.sums_of(number)).0 != Kept::Whole {
                lost += 1;
                return Ok(());
            }
            if let Some(&at) = record.heap.get(number) {
                return target.heap.write_again(at * PAGE as u64, page).map_err(failed("the heap"));
            }
            let page = page.try_into().expect("a page has 4,096 bytes");
            pages.insert(record.stable[number - record.heap.len()], Box::new(page));
            if pages.len() >= PAGES_PER_READ {
                flush(target.stable, &mut pages).map_err(failed("stable memory"))?;
            }
            Ok(())
        })?;
        flush(target.stable, &mut pages).map_err(failed("stable memory"))?;
        Ok(lost)
    }
}

fn flush(stable: &mut FileStore, pages: &mut PageMap) -> io::Result<()> {
    stable.write(pages, &Runs::default())?;
    pages.clear();
    Ok(())
}
