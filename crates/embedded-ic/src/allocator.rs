//! Keeping the memory of messages.

use std::hint::black_box;
use std::sync::Once;

/// Bytes of a block that glibc takes as the measure of the blocks to come. It takes none of more than 32 MiB.
const MEASURE: usize = 24 << 20;

/// Has the allocator keep the memory of arguments and replies, and give it to the next message.
///
/// glibc maps each block of more than 128 KiB anew, and gives free memory of more than 128 KiB back to the operating
/// system, until it has seen that larger ones come and go: it then keeps blocks of up to the size of the largest one that
/// was mapped and given back, and twice that size of free memory. Arguments and replies have up to 2 MiB each, and several
/// are around at once. Without this the kernel clears several times as many pages as a message has.
///
/// Other allocators are not concerned: nothing is written to the block.
pub(crate) fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut block: Vec<u8> = Vec::new();
        // Where there is no room for it, the first messages are slower, and nothing else.
        let _ = block.try_reserve_exact(MEASURE);
        drop(black_box(block));
    });
}
