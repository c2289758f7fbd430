//! Comparing and copying bytes by words. In WebAssembly, a comparison of slices is a loop over each byte.

use std::cmp::Ordering;

/// Compares two slices in the order of `Ord` for `[u8]`.
#[inline]
pub(crate) fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let shorter = one.len().min(other.len());
    let order = match first_difference(&one[..shorter], &other[..shorter]) {
        Some(index) => one[index].cmp(&other[index]),
        None => Ordering::Equal,
    };
    order.then(one.len().cmp(&other.len()))
}

/// Returns the length of the common prefix.
#[inline]
pub(crate) fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let shorter = one.len().min(other.len());
    first_difference(&one[..shorter], &other[..shorter]).unwrap_or(shorter)
}

/// Returns the index of the first byte in which two slices of the same length differ. The last word overlaps
/// the one before it, so no rest has to be compared byte by byte.
#[inline]
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let (words, other_words) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    for (index, (word, other)) in words.iter().zip(other_words).enumerate() {
        let difference = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return Some(8 * index + first_byte(difference));
        }
    }
    if one.len().is_multiple_of(8) {
        return None;
    }
    if let (Some(word), Some(other)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        let difference = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        return (difference != 0).then(|| one.len() - 8 + first_byte(difference));
    }
    let difference = start_of(one) ^ start_of(other);
    (difference != 0).then(|| first_byte(difference))
}

/// Returns the index of the first byte of a little-endian word that is not zero.
#[inline]
fn first_byte(difference: u64) -> usize {
    (difference.trailing_zeros() / 8) as usize
}

/// Returns fewer than eight bytes as a little-endian word, padded with zeroes.
#[inline]
fn start_of(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let shift = 8 * (bytes.len() - 4);
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift;
    }
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Copies bytes, usually few. A `memory.copy` costs 100 instructions plus one per byte, and so does each loop
/// that the compiler turns into one.
#[inline]
pub(crate) fn copy_few(target: &mut [u8], bytes: &[u8]) {
    debug_assert_eq!(target.len(), bytes.len());
    match bytes.len() {
        8..=16 => copy_ends::<8>(target, bytes),
        17..=32 => copy_ends::<16>(target, bytes),
        33..=64 => copy_ends::<32>(target, bytes),
        65..=128 => copy_ends::<64>(target, bytes),
        4..8 => copy_ends::<4>(target, bytes),
        _ => target.copy_from_slice(bytes),
    }
}

/// Copies the first and the last `N` bytes, which may overlap.
#[inline]
fn copy_ends<const N: usize>(target: &mut [u8], bytes: &[u8]) {
    let (first, last) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>());
    if let (Some(target), Some(first)) = (target.first_chunk_mut::<N>(), first) {
        *target = *first;
    }
    if let (Some(target), Some(last)) = (target.last_chunk_mut::<N>(), last) {
        *target = *last;
    }
}

/// Returns the shortest key that is greater than `before` and at most `after`. `after` must be greater than
/// `before`.
pub(crate) fn separator<'a>(before: &[u8], after: &'a [u8]) -> &'a [u8] {
    &after[..(common_prefix(before, after) + 1).min(after.len())]
}

#[inline]
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(bytes[offset..offset + 2].try_into().expect("a range of two has two bytes"))
}

#[inline]
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("a range of four has four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_copied_whatever_their_number() {
        for length in 0..140 {
            let bytes: Vec<u8> = (1..=length).collect();
            let mut target = vec![0; bytes.len()];
            copy_few(&mut target, &bytes);
            assert_eq!(target, bytes);
        }
    }

    #[test]
    fn bytes_are_compared_as_slices_are() {
        let mut all: Vec<Vec<u8>> = vec![vec![]];
        for length in 1..20 {
            for index in 0..length {
                for byte in [0, 1, 127, 128, 255] {
                    let mut bytes = vec![1; length];
                    bytes[index] = byte;
                    all.push(bytes);
                }
            }
        }
        for one in &all {
            for other in &all {
                assert_eq!(compare(one, other), one.cmp(other), "{one:?} {other:?}");
                let common = one.iter().zip(other).take_while(|(byte, other)| byte == other).count();
                assert_eq!(common_prefix(one, other), common, "{one:?} {other:?}");
                if one < other {
                    let separator = separator(one, other);
                    assert!(one.as_slice() < separator && separator <= other.as_slice(), "{one:?} {other:?}");
                }
            }
        }
    }
}
