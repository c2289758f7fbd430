//! Tuning of the allocator for messages.

use std::hint::black_box;
use std::sync::Once;

/// Size of a block that raises glibc's threshold for mapping blocks. It ignores blocks of more than 32 MiB.
const MEASURE: usize = 24 << 20;

/// Makes the allocator keep the memory of arguments and replies for the next message.
///
/// glibc maps each block of more than 128 KiB separately and returns more than 128 KiB of free memory to the operating
/// system, until a larger mapped block was freed. Then it keeps blocks of up to that size, and twice as much free memory.
/// Arguments and replies have up to 2 MiB each, and several exist at the same time. Without this, the kernel zeroes
/// several times as many pages as a message has.
///
/// Other allocators are not affected: nothing is written to the block.
pub(crate) fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut block: Vec<u8> = Vec::new();
        // If there is no memory for it, only the first messages are slower.
        let _ = block.try_reserve_exact(MEASURE);
        drop(black_box(block));
    });
}
