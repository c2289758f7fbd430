//! Combines small consecutive writes into few large ones: each call of the platform costs more than copying
//! some bytes.

use ic_stable_structures::Memory;

use crate::base::bytes::copy_few;

/// Number of bytes that are collected before a write.
const CAPACITY: usize = 8_192;

/// Writer of consecutive bytes.
pub(super) struct Writer<'a, M> {
    memory: &'a M,
    /// Offset of the first collected byte.
    offset: u64,
    buffer: Vec<u8>,
    /// Number of collected bytes.
    collected: usize,
}

impl<'a, M: Memory> Writer<'a, M> {
    /// Creates a writer at an offset, for `bytes` bytes in total, at least four.
    pub(super) fn new(memory: &'a M, offset: u64, bytes: u64) -> Self {
        Self { memory, offset, buffer: vec![0; bytes.min(CAPACITY as u64) as usize], collected: 0 }
    }

    /// Appends bytes, and four more. They are written at the latest when the writer is
    /// [flushed](Self::flush).
    #[inline(always)]
    pub(super) fn write(&mut self, bytes: &[u8], last: [u8; 4]) {
        let end = self.collected + bytes.len() + last.len();
        let Some((target, last_target)) =
            self.buffer.get_mut(self.collected..end).and_then(<[u8]>::split_last_chunk_mut)
        else {
            return self.write_through(bytes, last);
        };
        copy_few(target, bytes);
        *last_target = last;
        self.collected = end;
    }

    /// Writes the collected bytes, and then `bytes`.
    #[inline(never)]
    fn write_through(&mut self, bytes: &[u8], last: [u8; 4]) {
        self.flush();
        if bytes.len() + last.len() <= self.buffer.len() {
            return self.write(bytes, last);
        }
        self.memory.write(self.offset, bytes);
        self.offset += bytes.len() as u64;
        self.write(&[], last);
    }

    /// Writes the collected bytes.
    pub(super) fn flush(&mut self) {
        self.memory.write(self.offset, &self.buffer[..self.collected]);
        self.offset += self.collected as u64;
        self.collected = 0;
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;

    #[test]
    fn writer_writes_pieces_of_any_size_in_order() {
        let sizes = [0, 1, 3, 4, 31, 32, 33, 100, 255, 256, 257, CAPACITY - 1, CAPACITY, CAPACITY + 1, 5];
        let memory = VectorMemory::default();
        memory.grow(2);
        let mut writer = Writer::new(&memory, 7, 100_000);
        let mut expected = vec![0; 7];
        for (number, size) in sizes.into_iter().chain(0..70).enumerate() {
            let bytes: Vec<u8> = (0..size).map(|index| (number * 31 + index) as u8).collect();
            writer.write(&bytes, [9, 8, 7, number as u8]);
            expected.extend(bytes);
            expected.extend([9, 8, 7, number as u8]);
        }
        writer.flush();
        assert_eq!(memory.borrow()[..expected.len()], expected);
        assert!(memory.borrow()[expected.len()..].iter().all(|byte| *byte == 0));
    }
}
