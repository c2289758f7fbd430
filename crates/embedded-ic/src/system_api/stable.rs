//! Stable memory.

use super::Message;
use crate::cost;
use crate::error::HostError;
use crate::fault::{Fault, Trap};
use crate::stable::{PageLimits, StableFault};

/// Checked access to stable memory: the range in the heap.
pub(super) struct Checked {
    heap: std::ops::Range<usize>,
    /// Instructions to charge, beyond the fixed part.
    pub(super) charge: u64,
}

impl Message {
    pub(super) fn stable64_size(&self) -> u64 {
        self.stable.pages()
    }

    /// Grows stable memory; returns -1 if it cannot.
    pub(super) fn stable64_grow(&mut self, pages: u64) -> i64 {
        let limit = self.limits.stable_pages;
        self.stable.grow(pages, limit).map_or(-1, |old| old as i64)
    }

    /// Checks a write of `size` bytes, and returns its cost.
    pub(super) fn check_write(
        &self,
        heap: &[u8],
        offset: u64,
        src: u64,
        size: u64,
    ) -> Result<Checked, Fault> {
        let new = self.stable.new_pages(offset, size, self.page_limits()).map_err(|e| self.fault(e))?;
        let charge = size.saturating_add(new * cost::PER_STABLE_PAGE_WRITTEN);
        Ok(Checked { heap: heap_range(heap, src, size)?, charge })
    }

    pub(super) fn stable64_write(&mut self, heap: &[u8], offset: u64, checked: Checked) -> Result<(), Fault> {
        self.stable.write(offset, &heap[checked.heap]).map_err(|e| self.fault(e))
    }

    /// Checks a read of `size` bytes, and returns its cost.
    pub(super) fn check_read(&self, heap: &[u8], dst: u64, offset: u64, size: u64) -> Result<Checked, Fault> {
        self.stable.check_read(offset, size, self.page_limits()).map_err(|e| self.fault(e))?;
        Ok(Checked { heap: heap_range(heap, dst, size)?, charge: size })
    }

    pub(super) fn stable64_read(
        &mut self,
        heap: &mut [u8],
        offset: u64,
        checked: Checked,
    ) -> Result<(), Fault> {
        self.stable.read(offset, &mut heap[checked.heap]).map_err(|e| self.fault(e))
    }

    fn page_limits(&self) -> PageLimits {
        PageLimits {
            write: self.kind.limit(self.limits.stable_write_pages),
            access: self.kind.limit(self.limits.stable_access_pages),
        }
    }

    fn fault(&self, fault: StableFault) -> Fault {
        match fault {
            StableFault::OutOfBounds => Fault::Trapped(Trap::StableOutOfBounds),
            StableFault::TooManyWritten => {
                Fault::MemoryAccess { what: "modified", limits: self.limits.stable_write_pages }
            }
            StableFault::TooManyAccessed => {
                Fault::MemoryAccess { what: "accessed", limits: self.limits.stable_access_pages }
            }
            StableFault::Io(error) => Fault::Host(HostError::io("access stable memory")(error)),
        }
    }
}

fn heap_range(heap: &[u8], start: u64, size: u64) -> Result<std::ops::Range<usize>, Fault> {
    start
        .checked_add(size)
        .filter(|&end| end <= heap.len() as u64)
        .map(|end| start as usize..end as usize)
        .ok_or(Fault::Trapped(Trap::HeapOutOfBounds))
}

#[cfg(test)]
mod tests {
    use super::super::message::test_message;
    use super::*;
    use crate::limits::{Limits, PerMessage};
    use crate::system_api::Kind;

    fn write(message: &mut Message, heap: &[u8], offset: u64, src: u64, size: u64) -> Result<u64, Fault> {
        let checked = message.check_write(heap, offset, src, size)?;
        let charge = checked.charge;
        message.stable64_write(heap, offset, checked)?;
        Ok(charge)
    }

    fn read(message: &mut Message, heap: &mut [u8], dst: u64, offset: u64, size: u64) -> Result<u64, Fault> {
        let checked = message.check_read(heap, dst, offset, size)?;
        let charge = checked.charge;
        message.stable64_read(heap, offset, checked)?;
        Ok(charge)
    }

    #[test]
    fn bytes_come_back_and_pages_are_charged_once() {
        let mut message = test_message(Kind::Update);
        assert_eq!(message.stable64_grow(1), 0);
        assert_eq!(message.stable64_size(), 1);
        assert_eq!(write(&mut message, b"hello", 4_094, 0, 5).unwrap(), 5 + 2_000);
        assert_eq!(write(&mut message, b"HELLO", 4_094, 1, 4).unwrap(), 4);
        let mut heap = [0; 8];
        assert_eq!(read(&mut message, &mut heap, 2, 4_094, 5).unwrap(), 5);
        assert_eq!(&heap, b"\0\0ELLOo\0");
    }

    #[test]
    fn every_edge_is_checked_before_anything_happens() {
        let mut message = test_message(Kind::Update);
        message.stable64_grow(1);
        let mut heap = [0; 8];
        for (offset, src, size, trap) in [
            (65_536, 0, 1, Trap::StableOutOfBounds),
            (65_529, 0, 8, Trap::StableOutOfBounds),
            (u64::MAX, 0, 1, Trap::StableOutOfBounds),
            (1, 0, u64::MAX, Trap::StableOutOfBounds),
            (0, 1, 8, Trap::HeapOutOfBounds),
            (0, u64::MAX, 8, Trap::HeapOutOfBounds),
            (0, 1 << 32, 1, Trap::HeapOutOfBounds),
        ] {
            let written = write(&mut message, &[1; 8], offset, src, size);
            assert!(matches!(written, Err(Fault::Trapped(t)) if t == trap), "write {offset} {src} {size}");
            let done = read(&mut message, &mut heap, src, offset, size);
            assert!(matches!(done, Err(Fault::Trapped(t)) if t == trap), "read {offset} {src} {size}");
        }
        assert_eq!(message.stable.pages_written(), 0);
        write(&mut message, &[1; 8], 65_528, 0, 8).unwrap();
        write(&mut message, &[1; 8], 65_536, 8, 0).unwrap();
    }

    #[test]
    fn growing_beyond_the_limit_returns_minus_one() {
        let mut message = test_message(Kind::Update);
        message.limits = Limits { stable_pages: 10, ..Limits::default() }.into();
        assert_eq!(message.stable64_grow(11), -1);
        assert_eq!(message.stable64_grow(10), 0);
        assert_eq!(message.stable64_grow(0), 10);
        assert_eq!(message.stable64_grow(1), -1);
        assert_eq!(message.stable64_grow(u64::MAX), -1);
    }

    #[test]
    fn each_kind_has_its_page_limits() {
        let per = PerMessage { update: 2, install: 4, query: 1, inspect: 1 };
        for (kind, pages) in [
            (Kind::Update, 2),
            (Kind::ReplicatedQuery, 2),
            (Kind::Init, 4),
            (Kind::PreUpgrade, 4),
            (Kind::Query, 1),
        ] {
            let mut message = test_message(kind);
            message.limits = Limits { stable_write_pages: per, ..Limits::default() }.into();
            message.stable64_grow(1);
            let heap = vec![0; 5 * 4_096];
            write(&mut message, &heap, 0, 0, pages * 4_096).unwrap();
            let fault = write(&mut message, &heap, pages * 4_096, 0, 1).unwrap_err();
            assert!(matches!(fault, Fault::MemoryAccess { what: "modified", .. }), "{fault}");
            write(&mut message, &heap, 0, 0, pages * 4_096).unwrap();

            message.limits = Limits { stable_access_pages: per, ..Limits::default() }.into();
            let mut heap = heap;
            let fault = read(&mut message, &mut heap, 0, 0, pages * 4_096 + 1).unwrap_err();
            assert!(matches!(fault, Fault::MemoryAccess { what: "accessed", .. }), "{fault}");
            read(&mut message, &mut heap, 0, 0, pages * 4_096).unwrap();
        }
    }
}
