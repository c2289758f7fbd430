//! Every limit that a caller can reach.

/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 65_536;

/// The longest key, in bytes of UTF-8. The shortest is one byte.
pub const MAX_KEY_BYTES: u64 = 1_024;

/// The largest value of `put` and the largest log entry, in bytes: 31 pages of 64 KiB, which leaves a page of the
/// 2 MiB that an ingress message may have for the envelope and the other arguments.
pub const MAX_PAYLOAD_BYTES: u64 = 31 * PAGE_BYTES;

/// The size of every chunk of an upload but the last, in bytes.
pub const CHUNK_BYTES: u64 = MAX_PAYLOAD_BYTES;

/// The most uploads that can be open at once. Fewer can be configured.
pub const MAX_UPLOADS: u64 = 1_000;

/// An upload expires when no chunk has arrived for so long, in nanoseconds: seven days, unless configured otherwise.
pub const UPLOAD_IDLE_NS: u64 = 7 * 24 * 3_600 * 1_000_000_000;

/// The shortest idle time that can be configured, in nanoseconds: a minute.
pub const MIN_UPLOAD_IDLE_NS: u64 = 60 * 1_000_000_000;

/// The longest idle time that can be configured, in nanoseconds: 365 days.
pub const MAX_UPLOAD_IDLE_NS: u64 = 365 * 24 * 3_600 * 1_000_000_000;

/// The most ranges of missing chunks that `upload_status` lists.
pub const MAX_MISSING_RANGES: usize = 10_000;

/// The most ranges of missing chunks that `list_uploads` lists for each upload.
pub const MAX_MISSING_RANGES_IN_LIST: usize = 16;

/// The bytes that one call of `verify` hashes at most: 64 MiB, about 5 billion instructions of the 40 billion that an
/// update may take.
pub const VERIFY_STEP_BYTES: u64 = 64 << 20;

/// Bytes of a SHA-256 digest.
pub const SHA256_BYTES: u64 = 32;

/// The longest content type, in bytes of UTF-8.
pub const MAX_CONTENT_TYPE_BYTES: u64 = 255;

/// The longest content encoding, in bytes of UTF-8.
pub const MAX_CONTENT_ENCODING_BYTES: u64 = 64;

/// The most pairs of user metadata that an object has.
pub const MAX_METADATA_PAIRS: u64 = 16;

/// The most bytes of user metadata that an object has: all names and values together, in bytes of UTF-8.
pub const MAX_METADATA_BYTES: u64 = 2_048;

/// The identifier of the first region. Motoko's first one has it, too.
pub const FIRST_REGION: u64 = 16;

/// The most regions that there can be: each is one of the 255 memories that the buckets are divided among.
pub const MAX_REGIONS: u64 = 255 - FIRST_REGION;

/// The most principals that can be given a role, so that `list_roles` fits one reply.
pub const MAX_ROLES: u64 = 10_000;

/// The most objects in a `put_many`, keys in a `get_many`, entries in an `append`, and loads or stores in a `region_load` or
/// `region_store`.
pub const MAX_BATCH_ITEMS: u64 = 1_000;

/// The most objects in a page of `list` or `scan`, and the most that one `delete_prefix` removes. A larger limit in the
/// arguments is lowered to this one.
pub const MAX_PAGE_ITEMS: u32 = 1_000;

/// The most bytes of content in one reply: what fits the 2 MiB reply of an update call, less a page for the encoding.
pub const MAX_REPLY_BYTES: u64 = MAX_PAYLOAD_BYTES;

/// What the encoding of one object of a reply is counted as, in bytes, besides its key and value: lengths, numbers,
/// option tags.
pub const ITEM_OVERHEAD_BYTES: u64 = 64;

/// What the encoding of one log entry of a reply is counted as, in bytes, besides its payload. So `readLast` and
/// `read_log` give at most 126,976 entries at once, however short they are.
pub const LOG_ITEM_OVERHEAD_BYTES: u64 = 16;

/// The smallest capacity that can be configured, in bytes: the two pages of headers and eight buckets of 16 MiB: one for
/// each of the seven stores, which is kept for it, and one for any of them to grow by.
pub const MIN_CAPACITY_BYTES: u64 = (2 + 8 * 256) * PAGE_BYTES;

/// The largest stable memory of a canister on the platform, in bytes: 500 GiB.
pub const MAX_STABLE_BYTES: u64 = 500 << 30;

const _: () = assert!(MAX_PAYLOAD_BYTES == 2_031_616);
