//! Checked access to ranges of the heap.

use crate::fault::Fault;

/// Returns the bytes `src..src + len` of a slice.
pub(super) fn slice<'a>(context: &str, src: u32, len: u32, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
    range(src, len, bytes.len())
        .map(|range| &bytes[range])
        .ok_or_else(|| outside(context, src, len, bytes.len()))
}

/// Copies `len` bytes of a payload, from `offset` on, to `dst` of the heap.
pub(super) fn copy_out(
    function: &str,
    payload: &[u8],
    heap: &mut [u8],
    (dst, offset, len): (u32, u32, u32),
) -> Result<(), Fault> {
    let size = heap.len();
    let target =
        range(dst, len, size).ok_or_else(|| outside(&format!("ic0.{function} heap"), dst, len, size))?;
    heap[target].copy_from_slice(slice(&format!("ic0.{function} payload"), offset, len, payload)?);
    Ok(())
}

/// Writes a number as 16 little-endian bytes to `dst` of the heap.
pub(super) fn write_u128(function: &str, value: u128, heap: &mut [u8], dst: u32) -> Result<(), Fault> {
    copy_out(function, &value.to_le_bytes(), heap, (dst, 0, 16))
}

fn range(start: u32, len: u32, size: usize) -> Option<std::ops::Range<usize>> {
    let start = start as usize;
    let end = start.checked_add(len as usize).filter(|&end| end <= size)?;
    Some(start..end)
}

fn outside(context: &str, src: u32, len: u32, size: usize) -> Fault {
    Fault::Contract(format!("{context}: src={src} + length={len} exceeds the slice size={size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_the_slice_ends() {
        let bytes = [1, 2, 3, 4];
        assert_eq!(slice("x", 0, 4, &bytes).unwrap(), [1, 2, 3, 4]);
        assert_eq!(slice("x", 4, 0, &bytes).unwrap(), [0; 0]);
        let fault = slice("ic0.msg_reply_data_append", 1, 4, &bytes).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "Canister violated contract: ic0.msg_reply_data_append: src=1 + length=4 exceeds the slice size=4"
        );
        assert!(slice("x", 5, 0, &bytes).is_err());
        assert!(slice("x", u32::MAX, u32::MAX, &bytes).is_err());
    }

    #[test]
    fn copies_check_both_sides_and_leave_the_heap_alone_on_failure() {
        let mut heap = [0; 4];
        copy_out("f", &[1, 2, 3], &mut heap, (1, 0, 3)).unwrap();
        assert_eq!(heap, [0, 1, 2, 3]);
        assert!(
            copy_out("f", &[1, 2, 3], &mut heap, (2, 0, 3))
                .unwrap_err()
                .to_string()
                .contains("ic0.f heap: src=2")
        );
        assert!(
            copy_out("f", &[1, 2, 3], &mut heap, (0, 1, 3))
                .unwrap_err()
                .to_string()
                .contains("ic0.f payload: src=1")
        );
        assert_eq!(heap, [0, 1, 2, 3]);
    }

    #[test]
    fn wide_numbers_are_little_endian() {
        let mut heap = [0; 17];
        write_u128("f", 0x0102, &mut heap, 1).unwrap();
        assert_eq!(heap[..4], [0, 2, 1, 0]);
        assert!(write_u128("f", 1, &mut heap, 2).is_err());
    }
}
