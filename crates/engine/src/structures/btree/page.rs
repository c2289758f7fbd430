//! The layout of a page in memory.
//!
//! # Layout v1
//!
//! ```text
//! leaf and inner page, 4,096 bytes
//! offset  bytes  field
//!      0      1  kind: 1 leaf, 2 inner
//!      1      1  reserved, zero
//!      2      2  number of entries
//!      4      2  length of the common prefix of all keys of the page
//!      6      2  offset of the lowest cell
//!      8      2  number of bytes of unused cells
//!     10      2  reserved, zero
//!     12      4  leaf: the previous leaf, or 0; inner: child before the first entry
//!     16      4  leaf: the next leaf, or 0; inner: zero
//!     20      4  reserved, zero
//!     24    8*n  slots, in key order
//!             -  free
//!             -  cells, up to the end of the page
//!
//! slot:        +0 head: the first four bytes of the key after the common prefix, big-endian, padded with zeroes,
//!              as an integer (4)   +4 offset of the cell (2)   +6 bytes of the cell (2)
//! leaf cell:   +0 bytes of the key (2); bit 15 set: the value is long   +2 key   then the value, or for a long value
//!              its length in bytes (4) and the first page that holds it (4)
//! inner cell:  +0 child with the keys from this key on (4)   +4 key
//!
//! long value, a chain of pages:  +0 kind 3, three zeroes   +4 next page of the value, or 0 (4)   +8 bytes of the value
//! free page:                     +0 kind 4, three zeroes   +4 next free page, or 0 (4)
//! ```
//!
//! A search reads the header and the slots, which are contiguous, and compares integers. It reads whole keys
//! only if heads are equal.

use std::cmp::Ordering;

use ic_stable_structures::Memory;

use crate::base::bytes::{compare, copy_few, u16_at, u32_at};

/// Size of a page, in bytes: the platform's unit of charging for the first write of a message.
pub(super) const PAGE: usize = 4_096;
/// Size of a page's header, in bytes.
pub(super) const HEADER: usize = 24;
/// Size of a slot, in bytes.
pub(super) const SLOT: usize = 8;
/// Number of bytes for slots and cells in a page.
pub(super) const CAPACITY: usize = PAGE - HEADER;

/// Largest key of a tree, in bytes.
pub const MAX_KEY: usize = 1_024;
/// Largest value that is stored in its leaf, in bytes; larger ones are stored in separate pages.
pub(crate) const MAX_LOCAL_VALUE: usize = 960;
/// Largest number of entries in a page.
const MAX_ENTRIES: usize = CAPACITY / SLOT;

pub(super) const LEAF: u8 = 1;
pub(super) const INNER: u8 = 2;
pub(super) const LONG: u8 = 3;
pub(super) const FREE: u8 = 4;

pub(super) const COUNT_AT: usize = 2;
pub(super) const PREFIX_AT: usize = 4;
pub(super) const LOWEST_AT: usize = 6;
pub(super) const UNUSED_AT: usize = 8;
const RESERVED_AT: usize = 10;
pub(super) const BEFORE_AT: usize = 12;
pub(super) const AFTER_AT: usize = 16;
const TAIL_AT: usize = 20;

/// Number of bytes before the key in a cell: the key's length in a leaf, the child in an inner page.
pub(super) const LEAF_LEAD: usize = 2;
const INNER_LEAD: usize = 4;
/// Bit in a key's length that marks a long value.
const IS_LONG: u16 = 1 << 15;
/// Size of the reference to a long value in its cell, in bytes.
const LONG_REFERENCE: usize = 8;

/// Size of the link at the start of a long value's page or a free page, in bytes.
pub(super) const LINK: usize = 8;
/// Number of bytes of a long value per page.
pub(super) const LONG_CONTENT: usize = PAGE - LINK;

/// Size of the largest cell with its slot, in bytes.
const MAX_CELL: usize = SLOT + LEAF_LEAD + MAX_KEY + MAX_LOCAL_VALUE;

// After any insertion into a page, the cells fit in two pages.
const _: () = assert!(HEADER.is_multiple_of(4) && SLOT == 8);
const _: () = assert!(MAX_CELL <= CAPACITY / 2);
const _: () = assert!(SLOT + INNER_LEAD + MAX_KEY <= MAX_CELL && LONG_REFERENCE <= MAX_LOCAL_VALUE);

/// Number of a page: its offset in the memory divided by 4,096. Number 0 is the page of the tree's header and
/// represents no page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PageNumber(pub(super) u32);

impl PageNumber {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Returns the offset of the page from the start of the memory, in bytes.
    pub(super) fn offset(self) -> u64 {
        u64::from(self.0) * PAGE as u64
    }
}

/// Buffer for a page on the heap. It is aligned, so that a page uses one page of the heap.
#[repr(C, align(4096))]
pub(super) struct Frame(pub(super) [u8; PAGE]);

impl Frame {
    /// Reads a page into a new frame. Zeroing the frame first would cost as much as the read.
    #[expect(unsafe_code, reason = "uninitialised memory can only be filled by unsafe code")]
    pub(super) fn read(memory: &impl Memory, number: PageNumber) -> Box<Self> {
        let mut frame = Box::<Self>::new_uninit();
        // SAFETY: a frame has 4,096 bytes, and `read_unsafe` initialises as many bytes as it reads.
        unsafe {
            memory.read_unsafe(number.offset(), frame.as_mut_ptr().cast(), PAGE);
            frame.assume_init()
        }
    }
}

/// Position of a cell in its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CellSpan {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A value in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// The bytes.
    Local(&'a [u8]),
    /// The length, and the first page of the bytes.
    Long { length: usize, first: PageNumber },
}

/// The header and the slots of a page, which are checked, and its loaded cells.
#[derive(Clone, Copy)]
pub(super) struct Node<'a>(&'a [u8; PAGE]);

impl<'a> Node<'a> {
    /// Checks the header of a page of this kind. Returns `None` if it is invalid.
    pub(super) fn of(bytes: &'a [u8; PAGE], kind: u8) -> Option<Self> {
        let node = Self(bytes);
        let slots_end = HEADER + node.len() * SLOT;
        let is_sound = u16_at(bytes, 0) == u16::from(kind)
            && node.len() <= MAX_ENTRIES
            && slots_end <= node.lowest()
            && node.lowest() <= PAGE
            && node.prefix_len() <= MAX_KEY
            && node.lowest() + node.unused() <= PAGE
            && u16_at(bytes, RESERVED_AT) == 0
            && u32_at(bytes, TAIL_AT) == 0;
        is_sound.then_some(node)
    }

    /// Wraps bytes whose header was checked before.
    pub(super) fn trusted(bytes: &'a [u8; PAGE]) -> Self {
        Self(bytes)
    }

    /// Returns the number of entries.
    #[inline]
    pub(super) fn len(self) -> usize {
        usize::from(u16_at(self.0, COUNT_AT))
    }

    #[inline]
    pub(super) fn prefix_len(self) -> usize {
        usize::from(u16_at(self.0, PREFIX_AT))
    }

    pub(super) fn lowest(self) -> usize {
        usize::from(u16_at(self.0, LOWEST_AT))
    }

    pub(super) fn unused(self) -> usize {
        usize::from(u16_at(self.0, UNUSED_AT))
    }

    /// Returns the leaf before this one, or an inner page's child before the first entry.
    pub(super) fn before(self) -> PageNumber {
        PageNumber(u32_at(self.0, BEFORE_AT))
    }

    /// Returns the leaf after this one.
    pub(super) fn after(self) -> PageNumber {
        PageNumber(u32_at(self.0, AFTER_AT))
    }

    /// Returns the offset after the slots.
    pub(super) fn slots_end(self) -> usize {
        HEADER + self.len() * SLOT
    }

    /// Returns the number of bytes between the slots and the cells.
    pub(super) fn gap(self) -> usize {
        self.lowest() - self.slots_end()
    }

    /// Returns the size of the slots and the used cells, in bytes.
    pub(super) fn used(self) -> usize {
        (PAGE - self.lowest()).saturating_sub(self.unused()) + self.len() * SLOT
    }

    #[inline]
    pub(super) fn head(self, index: usize) -> u32 {
        self.half_of_slot(2 * index)
    }

    /// Returns a half of a slot, by its index among the halves of all slots.
    #[inline]
    fn half_of_slot(self, half: usize) -> u32 {
        // The remainder does not change the index, but removes the bounds check in each step of a search.
        let halves = self.0.as_chunks::<4>().0;
        u32::from_le_bytes(halves[(HEADER / 4 + half) % (PAGE / 4)])
    }

    /// Returns the position of the cell of an entry, or `None` if it is not within the cells.
    #[inline]
    pub(super) fn cell_span(self, index: usize) -> Option<CellSpan> {
        let half = self.half_of_slot(2 * index + 1) as usize;
        let start = half & 0xffff;
        let end = start + (half >> 16);
        (start >= self.lowest() && end <= PAGE).then_some(CellSpan { start, end })
    }

    /// Returns the bytes of a cell, which must be loaded.
    #[inline]
    pub(super) fn cell(self, index: usize) -> Option<&'a [u8]> {
        let span = self.cell_span(index)?;
        Some(&self.0[span.start..span.end])
    }

    /// Appends all cells, in key order, to `cells`. Returns `None` if one is corrupt, or if they do not fit
    /// in a page.
    pub(super) fn all_cells(self, cells: &mut Vec<&'a [u8]>) -> Option<()> {
        let mut bytes = 0;
        for index in 0..self.len() {
            let cell = self.cell(index)?;
            bytes += cell.len() + SLOT;
            cells.push(cell);
        }
        // Overlapping cells may not fit in a page when they are laid out separately.
        (bytes <= CAPACITY).then_some(())
    }

    /// Returns the entries whose heads equal that of a key, or their insertion point.
    #[inline]
    pub(super) fn equal_heads(self, key: &[u8]) -> std::ops::Range<usize> {
        let (head, count) = (head_of(key, self.prefix_len()), self.len());
        let start = self.partition(0, count, |other| other < head);
        if start == count || self.head(start) != head {
            return start..start;
        }
        let end = if start + 1 == count || self.head(start + 1) != head {
            start + 1
        } else {
            self.partition(start + 1, count, |other| other <= head)
        };
        start..end
    }

    /// Returns the first entry of a range whose head is not before.
    #[inline]
    fn partition(self, mut start: usize, end: usize, is_before: impl Fn(u32) -> bool) -> usize {
        // Without a branch on the comparison, which would cost more than it saves.
        let mut count = end - start;
        while count > 0 {
            let half = count / 2;
            let is_after = is_before(self.head(start + half));
            start += if is_after { half + 1 } else { 0 };
            count = if is_after { count - half - 1 } else { half };
        }
        start
    }
}

/// Inner pages, whose cells are all loaded.
impl<'a> Node<'a> {
    /// Returns the key of an entry of an inner page.
    pub(super) fn inner_key(self, index: usize) -> Option<&'a [u8]> {
        self.cell(index)?.get(INNER_LEAD..)
    }

    /// Returns the child with this index; 0 is the one before the first entry.
    pub(super) fn child(self, number: usize) -> Option<PageNumber> {
        match number.checked_sub(1) {
            None => Some(self.before()),
            Some(index) => Some(PageNumber(u32_at_start(self.cell(index)?)?)),
        }
    }

    /// Returns the index of the child for a key.
    pub(super) fn child_for(self, key: &[u8]) -> Option<usize> {
        let prefix_len = self.prefix_len();
        if prefix_len > 0 && self.len() > 0 {
            let prefix = self.inner_key(0)?.get(..prefix_len)?;
            match compare(&key[..key.len().min(prefix_len)], prefix) {
                Ordering::Less => return Some(0),
                Ordering::Greater => return Some(self.len()),
                Ordering::Equal => {}
            }
        }
        let range = self.equal_heads(key);
        let (mut start, mut end) = (range.start, range.end);
        while start < end {
            let middle = (start + end) / 2;
            if compare(self.inner_key(middle)?, key).is_le() {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        Some(start)
    }
}

/// Returns the four bytes of a key after the common prefix, as an integer of the same order.
#[inline]
pub(super) fn head_of(key: &[u8], prefix_len: usize) -> u32 {
    let rest = key.get(prefix_len..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk::<4>() {
        return u32::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 4];
    bytes[..rest.len()].copy_from_slice(rest);
    u32::from_be_bytes(bytes)
}

/// Returns the key in a cell of a leaf.
#[inline]
pub(super) fn leaf_key(cell: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16_at_start(cell)? & !IS_LONG);
    cell.get(LEAF_LEAD..LEAF_LEAD + length)
}

/// Returns the value in a cell of a leaf.
#[inline]
pub(super) fn leaf_value(cell: &[u8]) -> Option<Value<'_>> {
    let field = u16_at_start(cell)?;
    let value = cell.get(LEAF_LEAD + usize::from(field & !IS_LONG)..)?;
    if field & IS_LONG == 0 {
        return (value.len() <= MAX_LOCAL_VALUE).then_some(Value::Local(value));
    }
    long_value(value).map(|(length, first)| Value::Long { length, first })
}

/// Decodes the reference to a long value: its length and its first page.
pub(super) fn long_value(reference: &[u8]) -> Option<(usize, PageNumber)> {
    let length = u32_at_start(reference)? as usize;
    let first = PageNumber(u32_at_start(reference.get(4..)?)?);
    (reference.len() == LONG_REFERENCE && length > MAX_LOCAL_VALUE).then_some((length, first))
}

/// Returns the end of the key in a cell of a leaf, and whether the value is long. Returns `None` for an
/// invalid cell.
#[inline]
pub(super) fn leaf_parts(cell: &[u8]) -> Option<(usize, bool)> {
    let field = u16_at_start(cell)?;
    let key_end = LEAF_LEAD + usize::from(field & !IS_LONG);
    let is_long = field & IS_LONG != 0;
    let is_possible = is_long || cell.len().saturating_sub(key_end) <= MAX_LOCAL_VALUE;
    (key_end <= cell.len() && is_possible).then_some((key_end, is_long))
}

/// Returns the key in a cell of a page of this kind.
pub(super) fn key_in(kind: u8, cell: &[u8]) -> Option<&[u8]> {
    if kind == LEAF { leaf_key(cell) } else { cell.get(INNER_LEAD..) }
}

/// A value to write, in two parts, so that the caller need not concatenate them.
#[derive(Clone, Copy, Debug)]
pub(super) enum NewValue<'a> {
    /// The bytes: the first part, then the second.
    Local(&'a [u8], &'a [u8]),
    /// The length, and the first page of the bytes.
    Long { length: usize, first: PageNumber },
}

/// Returns the size of an entry's cell in a leaf, in bytes.
pub(super) fn leaf_cell_len(key: &[u8], value: NewValue<'_>) -> usize {
    LEAF_LEAD
        + key.len()
        + match value {
            NewValue::Local(start, end) => start.len() + end.len(),
            NewValue::Long { .. } => LONG_REFERENCE,
        }
}

/// Writes an entry's cell in a leaf to a slice of [`leaf_cell_len`] bytes.
pub(super) fn write_leaf_cell(target: &mut [u8], key: &[u8], value: NewValue<'_>) {
    let is_long = matches!(value, NewValue::Long { .. });
    let field = key.len() as u16 | if is_long { IS_LONG } else { 0 };
    target[..LEAF_LEAD].copy_from_slice(&field.to_le_bytes());
    let (key_target, value_target) = target[LEAF_LEAD..].split_at_mut(key.len());
    copy_few(key_target, key);
    match value {
        NewValue::Local(start, end) => {
            let (start_place, end_place) = value_target.split_at_mut(start.len());
            copy_few(start_place, start);
            copy_few(end_place, end);
        }
        NewValue::Long { length, first } => {
            value_target[..4].copy_from_slice(&(length as u32).to_le_bytes());
            value_target[4..].copy_from_slice(&first.0.to_le_bytes());
        }
    }
}

/// Returns the cell of an entry of an inner page.
pub(super) fn inner_cell(key: &[u8], child: PageNumber) -> Vec<u8> {
    let mut cell = Vec::with_capacity(INNER_LEAD + key.len());
    cell.extend(child.0.to_le_bytes());
    cell.extend_from_slice(key);
    cell
}

/// Returns the child in a cell of an inner page.
pub(super) fn inner_child(cell: &[u8]) -> Option<PageNumber> {
    u32_at_start(cell).map(PageNumber)
}

/// Returns the first eight bytes of a page in a chain: of a long value, or of the free pages.
pub(super) fn link(kind: u8, next: PageNumber) -> [u8; LINK] {
    let mut bytes = [kind, 0, 0, 0, 0, 0, 0, 0];
    bytes[4..].copy_from_slice(&next.0.to_le_bytes());
    bytes
}

/// Returns the next page of a chain, or `None` for bytes that are not the start of a page of this kind.
pub(super) fn read_link(kind: u8, bytes: &[u8; LINK]) -> Option<PageNumber> {
    let next = PageNumber(u32_at(bytes, 4));
    (bytes[..4] == [kind, 0, 0, 0]).then_some(next)
}

/// Returns the size of cells and their slots in a page, in bytes.
pub(super) fn space_of(cells: &[&[u8]]) -> usize {
    cells.iter().map(|cell| cell.len() + SLOT).sum()
}

fn u16_at_start(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.first_chunk()?))
}

fn u32_at_start(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}
