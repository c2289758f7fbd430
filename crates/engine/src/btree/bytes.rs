//! Comparing bytes by words: in WebAssembly, comparing slices is a loop over each byte.

use std::cmp::Ordering;

/// As slices of bytes are compared.
#[inline]
pub(super) fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let (words, other_words) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    for (word, other) in words.iter().zip(other_words) {
        // Whether they differ does not depend on the order of their bytes, and costs less in that of the machine.
        let (word, other) = (u64::from_le_bytes(*word), u64::from_le_bytes(*other));
        if word != other {
            return word.swap_bytes().cmp(&other.swap_bytes());
        }
    }
    let equal = 8 * words.len().min(other_words.len());
    compare_tail(&one[equal..], &other[equal..])
}

fn compare_tail(one: &[u8], other: &[u8]) -> Ordering {
    for (byte, other) in one.iter().zip(other) {
        if byte != other {
            return byte.cmp(other);
        }
    }
    one.len().cmp(&other.len())
}

/// How many bytes both start with.
pub(super) fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    let equal = 8 * words.take_while(|(word, other)| word == other).count();
    let tail = one[equal..].iter().zip(&other[equal..]);
    equal + tail.take_while(|(byte, other)| byte == other).count()
}

/// The shortest key that is greater than `before` and not greater than `after`, which is greater than `before`.
pub(super) fn separator<'a>(before: &[u8], after: &'a [u8]) -> &'a [u8] {
    &after[..(common_prefix(before, after) + 1).min(after.len())]
}

#[inline]
pub(super) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(bytes[offset..offset + 2].try_into().expect("a range of two has two bytes"))
}

#[inline]
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("a range of four has four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_compared_as_slices_are() {
        let mut all: Vec<Vec<u8>> = vec![vec![]];
        for length in 1..20 {
            for at in 0..length {
                for byte in [0, 1, 127, 128, 255] {
                    let mut bytes = vec![1; length];
                    bytes[at] = byte;
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
