//! Reading, backwards from the end or forwards from an index.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{LOG_ITEM_OVERHEAD_BYTES, MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES};
use stable_storage_api::{Error, LogPage, ReadLogArgs};

use super::mark::LogState;
use super::{INDEX_ENTRY_BYTES, INDEX_INTERVAL, LOG_START, Log, TRAILER_BYTES};

impl<M: Memory> Log<M> {
    /// Returns the last entries, newest first: up to `count`, as many as fit in one reply.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a trailer that points before the first entry.
    pub fn read_last(&self, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        let mut entries = Vec::new();
        self.read_last_with(count, |entry| entries.push(entry.to_vec()))?;
        Ok(entries)
    }

    /// Passes the last entries to `take`, one by one, newest first.
    ///
    /// # Errors
    ///
    /// The same as for [`read_last`](Self::read_last).
    pub fn read_last_with(&self, count: u64, mut take: impl FnMut(&[u8])) -> Result<(), Error> {
        let LogState { length, end } = self.state;
        let (count, mut budget, mut end) = (count.min(length), ReplyBudget::new(), end);
        if count == 0 {
            return Ok(());
        }
        // Approximate size of the requested entries.
        let expected = (end / length + TRAILER_BYTES).saturating_mul(count);
        let mut window = Window::new(self, expected);
        for _ in 0..count {
            let span = window.entry_before(end, LOG_START)?;
            if !budget.takes(span) {
                break;
            }
            take(window.payload(span));
            end = span.start;
        }
        Ok(())
    }

    /// Returns a page of entries, oldest first, starting at an index.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, [`Error::OutOfRange`] for an index after the end of the
    /// log, and [`Error::Corrupted`].
    pub fn read_log(&self, args: &ReadLogArgs) -> Result<LogPage, Error> {
        let mut entries = Vec::new();
        let (next, length) = self.read_log_with(args, |entry| entries.push(ByteBuf::from(entry)))?;
        Ok(LogPage { entries, next, length })
    }

    /// Passes a page of entries to `take`, one by one. Returns the index after the page, and the length of
    /// the log.
    ///
    /// # Errors
    ///
    /// The same as for [`read_log`](Self::read_log).
    pub fn read_log_with(
        &self,
        args: &ReadLogArgs,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(u64, u64), Error> {
        let ReadLogArgs { from, limit } = *args;
        let length = self.state.length;
        args.check()?;
        if from > length {
            return Err(Error::OutOfRange {
                offset: from,
                length: limit.unwrap_or_default().into(),
                size: length,
            });
        }
        let (mut budget, mut next) = (ReplyBudget::new(), from);
        let mut window = Window::new(self, MAX_WINDOW_BYTES);
        let last = limit.map_or(length, |limit| from.saturating_add(limit.into()).min(length));
        'page: while next < last {
            for span in window.spans_to_end_of_block(next)? {
                if next == last || !budget.takes(span) {
                    break 'page;
                }
                take(window.payload(span));
                next += 1;
            }
        }
        Ok((next, length))
    }
}

/// Largest number of bytes per read.
const MAX_WINDOW_BYTES: u64 = 32_768;
const MIN_WINDOW_BYTES: u64 = 512;

/// A range of the log that was read to the heap, so that not every entry needs two reads.
struct Window<'a, M: Memory> {
    log: &'a Log<M>,
    /// Largest number of bytes per read.
    most: u64,
    /// Offset of the range in the log.
    start: u64,
    bytes: Vec<u8>,
    /// A payload that is larger than a range.
    large: Vec<u8>,
}

impl<'a, M: Memory> Window<'a, M> {
    /// Creates a window of about `bytes` bytes.
    fn new(log: &'a Log<M>, bytes: u64) -> Self {
        let most = bytes.clamp(MIN_WINDOW_BYTES, MAX_WINDOW_BYTES);
        Self { log, most, start: 0, bytes: Vec::new(), large: Vec::new() }
    }

    /// Returns these bytes of the log, if the window contains them.
    fn part(&self, start: u64, bytes: u64) -> Option<&[u8]> {
        let offset = usize::try_from(start.checked_sub(self.start)?).ok()?;
        self.bytes.get(offset..offset.checked_add(bytes as usize)?)
    }

    /// The same as [`Log::entry_before`].
    fn entry_before(&mut self, end: u64, floor: u64) -> Result<Span, Error> {
        let trailer_at = self.log.trailer_before(end, floor)?;
        if self.part(trailer_at, TRAILER_BYTES).is_none() {
            self.start = end.saturating_sub(self.most).max(floor);
            self.bytes.resize((end - self.start) as usize, 0);
            self.log.entries.read(self.start, &mut self.bytes);
        }
        let trailer = self.part(trailer_at, TRAILER_BYTES).and_then(|bytes| bytes.first_chunk());
        let bytes = trailer.map_or(0, |trailer| u32::from_le_bytes(*trailer));
        entry_with(trailer_at, bytes, floor)
    }

    /// Returns the payloads from an existing entry to the end of its block of 64 entries, or of the log.
    fn spans_to_end_of_block(&mut self, from: u64) -> Result<Vec<Span>, Error> {
        let (block, length) = (from / INDEX_INTERVAL, self.log.state.length);
        let block_end = ((block + 1) * INDEX_INTERVAL).min(length);
        let floor = if block == 0 { LOG_START } else { self.log.indexed_end(block - 1)? };
        let is_whole = block_end.is_multiple_of(INDEX_INTERVAL);
        let mut end = if is_whole { self.log.indexed_end(block)? } else { self.log.state.end };
        let mut spans = Vec::with_capacity((block_end - from) as usize);
        for _ in from..block_end {
            let span = self.entry_before(end, floor)?;
            end = span.start;
            spans.push(span);
        }
        spans.reverse();
        Ok(spans)
    }

    fn payload(&mut self, span: Span) -> &[u8] {
        if self.part(span.start, span.bytes).is_none() {
            self.large.resize(span.bytes as usize, 0);
            self.log.entries.read(span.start, &mut self.large);
            return &self.large;
        }
        self.part(span.start, span.bytes).unwrap_or_default()
    }
}

/// Location of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Offset of its first byte.
    pub(super) start: u64,
    /// Length in bytes.
    pub(super) bytes: u64,
}

/// Returns the entry with a trailer of this content at an offset.
fn entry_with(trailer_at: u64, bytes: u32, floor: u64) -> Result<Span, Error> {
    let bytes = u64::from(bytes);
    let start = trailer_at.checked_sub(bytes).filter(|start| *start >= floor && bytes <= MAX_PAYLOAD_BYTES);
    let start = start.ok_or_else(|| {
        Error::corrupted(
            format!("a trailer of the log has the length {bytes}, which exceeds the limit"),
            trailer_at,
        )
    })?;
    Ok(Span { start, bytes })
}

impl<M: Memory> Log<M> {
    /// Returns the entry that ends at an offset. `floor` is the lowest possible end of the previous entry.
    pub(super) fn entry_before(&self, end: u64, floor: u64) -> Result<Span, Error> {
        let trailer_at = self.trailer_before(end, floor)?;
        let mut trailer = [0; TRAILER_BYTES as usize];
        self.entries.read(trailer_at, &mut trailer);
        entry_with(trailer_at, u32::from_le_bytes(trailer), floor)
    }

    fn trailer_before(&self, end: u64, floor: u64) -> Result<u64, Error> {
        end.checked_sub(TRAILER_BYTES).filter(|offset| *offset >= floor).ok_or_else(|| {
            Error::corrupted("an entry of the log starts before the first possible offset", end)
        })
    }

    /// Returns the end offset of the last entry of a complete block.
    pub(super) fn indexed_end(&self, block: u64) -> Result<u64, Error> {
        let offset = block * INDEX_ENTRY_BYTES;
        let mut bytes = [0; INDEX_ENTRY_BYTES as usize];
        self.index.read(offset, &mut bytes);
        let end = u64::from_le_bytes(bytes);
        if (LOG_START..=self.state.end).contains(&end) {
            Ok(end)
        } else {
            Err(Error::corrupted("an end offset of the log's index is outside the log", offset))
        }
    }
}

/// The remaining space of a reply. The first entry always fits, because every entry fits in a reply alone.
struct ReplyBudget {
    bytes: u64,
    is_empty: bool,
}

impl ReplyBudget {
    fn new() -> Self {
        Self { bytes: MAX_REPLY_BYTES, is_empty: true }
    }

    fn takes(&mut self, span: Span) -> bool {
        let bytes = span.bytes + LOG_ITEM_OVERHEAD_BYTES;
        if !self.is_empty && self.bytes < bytes {
            return false;
        }
        self.is_empty = false;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}
