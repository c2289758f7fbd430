//! Every limit that a caller can reach.

/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 65_536;

/// The longest key, in bytes of UTF-8. The shortest is one byte.
pub const MAX_KEY_BYTES: u64 = 1_024;

/// The largest value of `put` and the largest log entry, in bytes: 31 pages of 64 KiB. An ingress message has at most
/// 2 MiB, so one page remains for the envelope and the other arguments.
pub const MAX_PAYLOAD_BYTES: u64 = 31 * PAGE_BYTES;

/// Size of every chunk of an upload except the last, in bytes.
pub const CHUNK_BYTES: u64 = MAX_PAYLOAD_BYTES;

/// The most uploads that can be open. A lower limit can be configured.
pub const MAX_UPLOADS: u64 = 1_000;

/// Default idle time after which an upload expires, in nanoseconds: seven days without a chunk.
pub const UPLOAD_IDLE_NS: u64 = 7 * 24 * 3_600 * 1_000_000_000;

/// The shortest idle time that can be configured, in nanoseconds: a minute.
pub const MIN_UPLOAD_IDLE_NS: u64 = 60 * 1_000_000_000;

/// The longest idle time that can be configured, in nanoseconds: 365 days.
pub const MAX_UPLOAD_IDLE_NS: u64 = 365 * 24 * 3_600 * 1_000_000_000;

/// The most ranges of missing chunks that `upload_status` lists.
pub const MAX_MISSING_RANGES: usize = 10_000;

/// The most ranges of missing chunks that `list_uploads` lists for each upload.
pub const MAX_MISSING_RANGES_IN_LIST: usize = 16;

/// The most bytes that one call of `verify` hashes: 64 MiB, about 5 billion of the 40 billion instructions that an
/// update may execute.
pub const VERIFY_STEP_BYTES: u64 = 64 << 20;

/// The largest object that one `copy` copies, and the most bytes that one `copy_chunks` copies: 64 MiB, about 150 million
/// instructions, and fewer pages than a canister may write in a round.
pub const COPY_STEP_BYTES: u64 = 64 << 20;

/// Bytes of a SHA-256 digest.
pub const SHA256_BYTES: u64 = 32;

/// The longest content type, in bytes of UTF-8.
pub const MAX_CONTENT_TYPE_BYTES: u64 = 255;

/// The longest content encoding, in bytes of UTF-8.
pub const MAX_CONTENT_ENCODING_BYTES: u64 = 64;

/// The most pairs of user metadata of an object.
pub const MAX_METADATA_PAIRS: u64 = 16;

/// The most bytes of user metadata of an object: all names and values together, in bytes of UTF-8.
pub const MAX_METADATA_BYTES: u64 = 2_048;

/// Identifier of the first region, the same as in Motoko.
pub const FIRST_REGION: u64 = 16;

/// The most regions: each is one of the 255 virtual memories that share the buckets.
pub const MAX_REGIONS: u64 = 255 - FIRST_REGION;

/// The most principals with a role, so that `list_roles` fits one reply.
pub const MAX_ROLES: u64 = 10_000;

/// The most objects in a `put_many`, keys in a `get_many`, entries in an `append`, and loads or stores in a `region_load` or
/// `region_store`.
pub const MAX_BATCH_ITEMS: u64 = 1_000;

/// The most objects in a page of `list` or `scan`, and the most that one `delete_prefix` removes. A larger limit in the
/// arguments is lowered to this one.
pub const MAX_PAGE_ITEMS: u32 = 1_000;

/// The most bytes of content in one reply: the 2 MiB reply of an update call, less one page for the encoding.
pub const MAX_REPLY_BYTES: u64 = MAX_PAYLOAD_BYTES;

/// Bytes that the encoding of one object of a reply counts as, in addition to its key and value: lengths, numbers,
/// option tags.
pub const ITEM_OVERHEAD_BYTES: u64 = 64;

/// Bytes that the encoding of one log entry of a reply counts as, in addition to its payload. So `readLast` and
/// `read_log` return at most 126,976 entries in one reply, however short they are.
pub const LOG_ITEM_OVERHEAD_BYTES: u64 = 16;

/// The smallest capacity that can be configured, in bytes: two header pages and eight buckets of 16 MiB. Each of the
/// seven stores has one bucket reserved, and the eighth is for any of them to grow by.
pub const MIN_CAPACITY_BYTES: u64 = (2 + 8 * 256) * PAGE_BYTES;

/// The most sites.
pub const MAX_SITES: u64 = 100;

/// The most prefixes that can be certified.
pub const MAX_CERTIFIED_PREFIXES: u64 = 100;

/// The most headers of a site.
pub const MAX_SITE_HEADERS: u64 = 32;

/// The most bytes of a site's headers: all names and values together.
pub const MAX_SITE_HEADER_BYTES: u64 = 4_096;

/// The longest value of a site's `access-control-allow-origin` and of its `cache-control`, in bytes.
pub const MAX_SITE_VALUE_BYTES: u64 = 255;

/// The longest URL path of a site, in bytes.
pub const MAX_SITE_PATH_BYTES: u64 = 1_024;

/// The most bytes of an HTTP response's body. A larger object is served in pieces of this size.
pub const HTTP_PIECE_BYTES: u64 = 30 * PAGE_BYTES;

/// The largest stable memory of a canister on the platform, in bytes: 500 GiB.
pub const MAX_STABLE_BYTES: u64 = 500 << 30;

const _: () = assert!(MAX_PAYLOAD_BYTES == 2_031_616);
