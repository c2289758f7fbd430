//! Reading, backwards from the end or forwards from an index.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{LOG_ITEM_OVERHEAD_BYTES, MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES};
use stable_storage_api::{Error, LogInfo, LogPage, ReadLogArgs};

use super::{INDEX_ENTRY_BYTES, INDEX_INTERVAL, LOG_START, Log, TRAILER_BYTES};
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// How many entries and bytes the log has.
    #[must_use]
    pub fn log_info(&self) -> LogInfo {
        self.log.info()
    }

    /// The last entries, newest first: as many as are asked for and fit one reply.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a trailer that leads to before the first entry.
    pub fn read_last(&self, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        let mut budget = ReplyBudget::new();
        let mut entries = Vec::new();
        let mut end = self.log.head.end;
        for _ in 0..count.min(self.log.head.length) {
            let span = self.log.entry_before(end, LOG_START)?;
            if !budget.takes(span) {
                break;
            }
            entries.push(self.log.payload(span));
            end = span.start;
        }
        Ok(entries)
    }

    /// A page of entries from an index on, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, [`Error::OutOfRange`] for an index after the end of the log, and
    /// [`Error::Corrupted`].
    pub fn read_log(&self, args: &ReadLogArgs) -> Result<LogPage, Error> {
        let ReadLogArgs { from, limit } = *args;
        let length = self.log.head.length;
        args.check()?;
        if from > length {
            return Err(Error::OutOfRange {
                offset: from,
                length: limit.unwrap_or_default().into(),
                size: length,
            });
        }
        let (mut budget, mut entries, mut next) = (ReplyBudget::new(), Vec::new(), from);
        let last = limit.map_or(length, |limit| from.saturating_add(limit.into()).min(length));
        'page: while next < last {
            for span in self.log.spans_to_end_of_block(next)? {
                if next == last || !budget.takes(span) {
                    break 'page;
                }
                entries.push(ByteBuf::from(self.log.payload(span)));
                next += 1;
            }
        }
        Ok(LogPage { entries, next, length })
    }
}

/// Where a payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first byte.
    pub(super) start: u64,
    /// Its length in bytes.
    pub(super) bytes: u64,
}

impl<M: Memory> Log<M> {
    /// The entry that ends at an offset. `floor` is where the entries before it end at the earliest.
    pub(super) fn entry_before(&self, end: u64, floor: u64) -> Result<Span, Error> {
        let trailer_at = end
            .checked_sub(TRAILER_BYTES)
            .filter(|at| *at >= floor)
            .ok_or_else(|| Error::corrupted("an entry of the log starts before it can", end))?;
        let mut trailer = [0; TRAILER_BYTES as usize];
        self.entries.read(trailer_at, &mut trailer);
        let bytes = u64::from(u32::from_le_bytes(trailer));
        let start =
            trailer_at.checked_sub(bytes).filter(|start| *start >= floor && bytes <= MAX_PAYLOAD_BYTES);
        let start = start.ok_or_else(|| {
            Error::corrupted(
                format!("a trailer of the log says {bytes} bytes, more than there can be"),
                trailer_at,
            )
        })?;
        Ok(Span { start, bytes })
    }

    /// The payloads from an entry that exists to the end of its block of 64 entries, or of the log.
    pub(super) fn spans_to_end_of_block(&self, from: u64) -> Result<Vec<Span>, Error> {
        let block = from / INDEX_INTERVAL;
        let block_end = ((block + 1) * INDEX_INTERVAL).min(self.head.length);
        let floor = if block == 0 { LOG_START } else { self.indexed_end(block - 1)? };
        let mut end =
            if block_end.is_multiple_of(INDEX_INTERVAL) { self.indexed_end(block)? } else { self.head.end };
        let mut spans = Vec::with_capacity((block_end - from) as usize);
        for _ in from..block_end {
            let span = self.entry_before(end, floor)?;
            end = span.start;
            spans.push(span);
        }
        spans.reverse();
        Ok(spans)
    }

    /// The end offset of the last entry of a complete block.
    pub(super) fn indexed_end(&self, block: u64) -> Result<u64, Error> {
        let at = block * INDEX_ENTRY_BYTES;
        let mut bytes = [0; INDEX_ENTRY_BYTES as usize];
        self.index.read(at, &mut bytes);
        let end = u64::from_le_bytes(bytes);
        if (LOG_START..=self.head.end).contains(&end) {
            Ok(end)
        } else {
            Err(Error::corrupted("an end offset of the log's index is outside of the log", at))
        }
    }

    pub(super) fn payload(&self, span: Span) -> Vec<u8> {
        let mut payload = vec![0; span.bytes as usize];
        self.entries.read(span.start, &mut payload);
        payload
    }
}

/// What one reply may still take. The first entry always has room, because every entry fits a reply alone.
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
