//! The ledger: what must survive every message besides the objects themselves. It has the last revision, the
//! number of bytes stored, and the reservations of uploads.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field (offsets from the start of stable memory)
//!   2264      8  revision of the last change to an object
//!   2272      8  sum of the sizes of all objects, in bytes
//!   2280      8  slots of the arena that are reserved by uploads
//!   2288      8  number of uploads opened
//!   2296      8  check of bytes 2264 to 2295: see [`mix`](crate::base::checksum::mix)
//! ```
//!
//! Every change writes the ledger, and most write the header of the object index, which follows it: both are one
//! write. The ledger shares a page with the header of the store, which an upgrade writes anyway. It is separate
//! from that, because an upgrade that skips `pre_upgrade` must not lose a revision: otherwise two different
//! values could have the same one.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::base::checksum::{Fields, mix, u64_at};
use crate::base::layout::{BUCKET_BYTES, MAX_BUCKETS, OBJECTS, tree_header_at};
use crate::base::open::OpenError;
use crate::core::header::HEADER_BYTES;
use crate::structures::arena::SLOT_BYTES;

/// Offset of the ledger from the start of stable memory, in bytes.
pub(crate) const LEDGER_AT: u64 = 2_264;
const CHECK_AT: usize = 4 * 8;
pub(crate) const LEDGER_BYTES: usize = CHECK_AT + 8;

const _: () = assert!(LEDGER_AT >= HEADER_BYTES as u64);
// Most changes write both, which is then one write.
const _: () = assert!(LEDGER_AT + LEDGER_BYTES as u64 == tree_header_at(OBJECTS));

/// The totals that are written through with every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Revision of the last change; the first change has revision 1.
    pub(crate) revision: u64,
    /// Sum of the sizes of all objects, in bytes.
    pub(crate) object_bytes: u64,
    /// Slots of the arena that open uploads have reserved and not yet allocated.
    pub(crate) reserved_slots: u64,
    /// Number of uploads that were opened, which is the identifier of the last one.
    pub(crate) uploads: u64,
}

impl Ledger {
    /// Returns the ledger after `changes` changes that added `added` bytes and removed `removed` bytes.
    pub(crate) fn after(&self, changes: u64, added: u64, removed: u64) -> Result<Self, Error> {
        let kept = self.object_bytes.checked_sub(removed).ok_or_else(|| {
            Error::corrupted("the ledger has a smaller sum of sizes than the objects", LEDGER_AT)
        })?;
        Ok(Self { revision: self.revision + changes, object_bytes: kept + added, ..*self })
    }

    /// Returns the ledger after `slots` reserved slots were allocated or released.
    pub(crate) fn without_slots(&self, slots: u64) -> Result<Self, Error> {
        let reserved_slots = self.reserved_slots.checked_sub(slots).ok_or_else(|| {
            Error::corrupted("the ledger counts fewer reserved slots than the uploads", LEDGER_AT)
        })?;
        Ok(Self { reserved_slots, ..*self })
    }

    pub(crate) fn read(memory: &impl Memory) -> Result<Self, OpenError> {
        let mut bytes = [0; LEDGER_BYTES];
        memory.read(LEDGER_AT, &mut bytes);
        if u64_at(&bytes, CHECK_AT) != mix(&bytes[..CHECK_AT]) {
            return Err(OpenError::damaged("the ledger's checksum does not match", LEDGER_AT));
        }
        let mut fields = Fields::of(&bytes);
        let ledger = Self {
            revision: fields.u64(),
            object_bytes: fields.u64(),
            reserved_slots: fields.u64(),
            uploads: fields.u64(),
        };
        if !ledger.is_possible() {
            return Err(OpenError::damaged("the ledger has a count that exceeds its limit", LEDGER_AT));
        }
        Ok(ledger)
    }

    /// Returns whether all counts are within the limits of a store, so that sums of them cannot overflow.
    fn is_possible(&self) -> bool {
        let most_bytes = MAX_BUCKETS * BUCKET_BYTES;
        let most_counted = u64::MAX / 2;
        self.revision <= most_counted
            && self.uploads <= most_counted
            && self.object_bytes <= most_bytes
            && self.reserved_slots <= most_bytes / SLOT_BYTES
    }

    pub(crate) fn encode(&self) -> [u8; LEDGER_BYTES] {
        let mut bytes = [0; LEDGER_BYTES];
        let fields = [self.revision, self.object_bytes, self.reserved_slots, self.uploads];
        for (bytes, field) in bytes.chunks_exact_mut(8).zip(fields) {
            bytes.copy_from_slice(&field.to_le_bytes());
        }
        let check = mix(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    pub(crate) fn write(&self, memory: &impl Memory) {
        memory.write(LEDGER_AT, &self.encode());
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;

    #[test]
    fn the_ledger_is_read_as_it_was_written_and_a_flipped_bit_is_noticed() {
        let memory = VectorMemory::default();
        memory.grow(1);
        let ledger = Ledger {
            revision: 0x0102_0304_0506_0708,
            object_bytes: 0x0012_1314_1516,
            reserved_slots: 0x2122,
            uploads: 0x3132_3334_3536_3738,
        };
        ledger.write(&memory);
        assert_eq!(memory.borrow()[2_264..2_266], [8, 7]);
        assert_eq!(memory.borrow()[2_272..2_274], [0x16, 0x15]);
        assert_eq!(memory.borrow()[2_280..2_282], [0x22, 0x21]);
        assert_eq!(memory.borrow()[2_288..2_290], [0x38, 0x37]);
        assert_eq!(Ledger::read(&memory), Ok(ledger));
        memory.borrow_mut()[2_276] ^= 4;
        assert!(matches!(Ledger::read(&memory), Err(OpenError::Damaged { offset: 2_264, .. })));
    }

    /// The status of a store with such a ledger overflowed.
    #[test]
    fn counts_that_no_store_has_are_refused_though_their_checksum_matches() {
        let memory = VectorMemory::default();
        memory.grow(1);
        let most = Ledger {
            revision: u64::MAX / 2,
            object_bytes: 512 << 30,
            reserved_slots: (512 << 30) / SLOT_BYTES,
            uploads: u64::MAX / 2,
        };
        most.write(&memory);
        assert_eq!(Ledger::read(&memory), Ok(most));
        for ledger in [
            Ledger { revision: most.revision + 1, ..most },
            Ledger { object_bytes: most.object_bytes + 1, ..most },
            Ledger { reserved_slots: most.reserved_slots + 1, ..most },
            Ledger { uploads: most.uploads + 1, ..most },
        ] {
            ledger.write(&memory);
            assert!(matches!(Ledger::read(&memory), Err(OpenError::Damaged { .. })), "{ledger:?}");
        }
    }
}
