//! Canister log: a ring of lines with at most 4 KiB of text.

use std::collections::VecDeque;

use crate::limits::LOG_RING_BYTES;
use crate::outcome::LogRecord;

/// Ring. New records replace old ones; a record that is longer than the ring is truncated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) records: VecDeque<LogRecord>,
    pub(crate) next_index: u64,
    bytes: usize,
}

impl Log {
    /// Restores a log from its parts.
    pub(crate) fn restore(records: VecDeque<LogRecord>, next_index: u64) -> Self {
        let bytes = records.iter().map(|r| r.bytes.len()).sum();
        Self { records, next_index, bytes }
    }

    pub(crate) fn push(&mut self, time_ns: u64, line: &[u8]) {
        let line = &line[..line.len().min(LOG_RING_BYTES)];
        self.bytes += line.len();
        self.records.push_back(LogRecord { index: self.next_index, time_ns, bytes: line.to_vec() });
        self.next_index += 1;
        while self.bytes > LOG_RING_BYTES || self.records.len() > LOG_RING_BYTES {
            match self.records.pop_front() {
                Some(old) => self.bytes -= old.bytes.len(),
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &Log) -> Vec<(u64, usize)> {
        log.records.iter().map(|r| (r.index, r.bytes.len())).collect()
    }

    #[test]
    fn log_holds_at_most_its_limit() {
        let mut log = Log::default();
        log.push(0, &[1; LOG_RING_BYTES - 1]);
        log.push(0, &[2; 1]);
        assert_eq!(lines(&log), [(0, LOG_RING_BYTES - 1), (1, 1)]);
        log.push(0, &[3; 1]);
        assert_eq!(lines(&log), [(1, 1), (2, 1)]);
    }

    #[test]
    fn line_longer_than_the_ring_is_truncated() {
        let mut log = Log::default();
        log.push(5, &[1; LOG_RING_BYTES + 1]);
        assert_eq!(lines(&log), [(0, LOG_RING_BYTES)]);
    }

    #[test]
    fn number_of_empty_lines_is_bounded() {
        let mut log = Log::default();
        for _ in 0..2 * LOG_RING_BYTES {
            log.push(0, b"");
        }
        assert_eq!(log.records.len(), LOG_RING_BYTES);
    }

    #[test]
    fn restored_log_continues_its_indices() {
        let mut log = Log::default();
        log.push(1, b"one");
        let mut again = Log::restore(log.records.clone(), log.next_index);
        assert_eq!(again, log);
        again.push(2, b"two");
        log.push(2, b"two");
        assert_eq!(again, log);
    }
}
