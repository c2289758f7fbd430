//! The cache of the arena's memory in a transaction, and its pending writes.

use std::collections::BTreeMap;

use ic_stable_structures::Memory;

const WORD_BYTES: u64 = 8;
const LINE_WORDS: usize = 4;
const LINE_BYTES: u64 = LINE_WORDS as u64 * WORD_BYTES;
const ALL: u8 = (1 << LINE_WORDS) - 1;

/// A cache line: four words of the memory. The start of a block is one line, and its footer is in the last
/// line before the next block.
#[derive(Clone, Copy, Default)]
struct CacheLine {
    words: [u64; LINE_WORDS],
    /// Bit set of the words that are read or changed.
    known: u8,
    /// Bit set of the words that must be written.
    changed: u8,
}

impl CacheLine {
    /// Fills the words from memory, except those that were changed.
    fn fill(&mut self, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks::<{ WORD_BYTES as usize }>();
        for (i, &word) in words.iter().enumerate().filter(|(i, _)| self.known >> i & 1 == 0) {
            self.words[i] = u64::from_le_bytes(word);
        }
        self.known = ALL;
    }
}

/// A memory with pending writes.
///
/// Reads see the pending writes. Lines that were read are cached, so that none is read twice in a
/// transaction. Only changed words are written, because the others may be payload.
pub(super) struct WriteSet<'a, M: Memory> {
    memory: &'a M,
    /// Size of the memory when the transaction began, in bytes. The transaction adds the bytes after it, as
    /// zeroes.
    bytes: u64,
    lines: BTreeMap<u64, CacheLine>,
    /// Runs of lines whose first word becomes zero: offset of the first, distance, and count. There can be
    /// thousands of lines, which must not each use a line on the heap.
    cleared: BTreeMap<u64, (u64, u64)>,
}

impl<'a, M: Memory> WriteSet<'a, M> {
    /// Creates a cache over a memory that has `bytes` bytes.
    pub(super) fn new(memory: &'a M, bytes: u64) -> Self {
        Self { memory, bytes, lines: BTreeMap::new(), cleared: BTreeMap::new() }
    }

    /// Returns the word at `offset`.
    pub(super) fn get(&mut self, offset: u64) -> u64 {
        let (start, i) = line_of(offset);
        if let Some(line) = self.lines.get(&start).filter(|line| line.known >> i & 1 == 1) {
            return line.words[i];
        }
        self.fetch(start, 1);
        self.lines[&start].words[i]
    }

    /// Returns the first word of the line at `offset`, without caching it: a large object has thousands of
    /// extents, and the heap must not grow with them.
    pub(super) fn peek(&self, offset: u64) -> u64 {
        match self.lines.get(&offset) {
            Some(line) if line.known & 1 == 1 => line.words[0],
            _ if offset >= self.bytes || self.is_cleared(offset) => 0,
            _ => {
                let mut word = [0; WORD_BYTES as usize];
                self.memory.read(offset, &mut word);
                u64::from_le_bytes(word)
            }
        }
    }

    /// Returns the first three words of the line at `offset`: a block's tag and links.
    pub(super) fn header(&mut self, offset: u64) -> [u64; 3] {
        self.fetch(offset, 1);
        let [tag, next, previous, _] = self.lines[&offset].words;
        [tag, next, previous]
    }

    /// Sets the word at `offset`.
    pub(super) fn set(&mut self, offset: u64, word: u64) {
        let (start, i) = line_of(offset);
        let line = self.lines.entry(start).or_default();
        line.words[i] = word;
        line.known |= 1 << i;
        line.changed |= 1 << i;
    }

    /// Sets the first word of `count` lines to zero. The first line is at `offset`; the distance of the lines
    /// is `stride` bytes.
    pub(super) fn clear(&mut self, offset: u64, stride: u64, count: u64) {
        for line in self
            .lines
            .range_mut(offset..offset + stride * count)
            .filter(|line| (line.0 - offset).is_multiple_of(stride))
        {
            line.1.words[0] = 0;
            line.1.known |= 1;
            line.1.changed |= 1;
        }
        self.cleared.insert(offset, (stride, count));
    }

    /// Returns whether the first word of the line at `offset` was cleared.
    fn is_cleared(&self, offset: u64) -> bool {
        let run = self.cleared.range(..=offset).next_back();
        run.is_some_and(|(first, (stride, count))| {
            (offset - first).is_multiple_of(*stride) && (offset - first) / stride < *count
        })
    }

    /// Caches `count` lines from `start`, with one read at most.
    pub(super) fn fetch(&mut self, start: u64, count: usize) {
        let starts = (0..count as u64).map(|i| start + i * LINE_BYTES);
        if starts.clone().all(|offset| self.lines.get(&offset).is_some_and(|line| line.known == ALL)) {
            return;
        }
        let mut buffer = [0; 2 * LINE_BYTES as usize];
        let bytes = &mut buffer[..count * LINE_BYTES as usize];
        let there = self.bytes.saturating_sub(start).min(bytes.len() as u64) as usize;
        if there > 0 {
            self.memory.read(start, &mut bytes[..there]);
        }
        for (offset, bytes) in starts.zip(bytes.chunks_exact_mut(LINE_BYTES as usize)) {
            if self.is_cleared(offset) {
                bytes[..WORD_BYTES as usize].fill(0);
            }
            self.lines.entry(offset).or_default().fill(bytes);
        }
    }

    /// Writes the cleared words, then the changed words in ascending order, contiguous ones together. The
    /// memory must have grown before.
    pub(super) fn write(self) {
        for (&first, &(stride, count)) in &self.cleared {
            (0..count).for_each(|i| self.memory.write(first + i * stride, &[0; WORD_BYTES as usize]));
        }
        let mut run = Vec::new();
        let mut run_at = 0;
        for (offset, word) in self.changed() {
            if run_at + run.len() as u64 != offset {
                write_run(self.memory, run_at, &run);
                run.clear();
                run_at = offset;
            }
            run.extend_from_slice(&word.to_le_bytes());
        }
        write_run(self.memory, run_at, &run);
    }

    /// Returns the changed words with their offsets, in ascending order.
    fn changed(&self) -> impl Iterator<Item = (u64, u64)> {
        self.lines.iter().flat_map(|(&start, line)| {
            let changed = (0..LINE_WORDS).filter(|i| line.changed >> i & 1 == 1);
            changed.map(move |i| (start + i as u64 * WORD_BYTES, line.words[i]))
        })
    }
}

fn write_run<M: Memory>(memory: &M, offset: u64, run: &[u8]) {
    if !run.is_empty() {
        memory.write(offset, run);
    }
}

/// Returns the line of the word at `offset`, and the word's index in the line.
fn line_of(offset: u64) -> (u64, usize) {
    debug_assert!(offset.is_multiple_of(WORD_BYTES));
    (offset - offset % LINE_BYTES, (offset % LINE_BYTES / WORD_BYTES) as usize)
}
