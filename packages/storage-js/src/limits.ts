/**
 * The limits of the contract that a caller can reach, as in `crates/api/src/limits.rs`; a test compares the two.
 */

/** Bytes of a WebAssembly page. */
export const PAGE_BYTES = 65_536;

/** The longest key, in bytes of UTF-8. The shortest is one byte. */
export const MAX_KEY_BYTES = 1_024;

/** The largest value of `put` and the largest log entry, in bytes. */
export const MAX_PAYLOAD_BYTES = 31 * PAGE_BYTES;

/** The size of every chunk of an upload but the last, in bytes. */
export const CHUNK_BYTES = MAX_PAYLOAD_BYTES;

/** The most bytes of content in one reply. */
export const MAX_REPLY_BYTES = MAX_PAYLOAD_BYTES;

/** Bytes of a SHA-256 digest. */
export const SHA256_BYTES = 32;

/** The longest content type, in bytes of UTF-8. */
export const MAX_CONTENT_TYPE_BYTES = 255;

/** The longest content encoding, in bytes of UTF-8. */
export const MAX_CONTENT_ENCODING_BYTES = 64;

/** The most pairs of user metadata that an object has. */
export const MAX_METADATA_PAIRS = 16;

/** The most bytes of user metadata that an object has: all names and values together, in bytes of UTF-8. */
export const MAX_METADATA_BYTES = 2_048;

/** The most objects in a `put_many`, keys in a `get_many`, and entries in an `append`. */
export const MAX_BATCH_ITEMS = 1_000;

/** The most objects in a page of `list` or `scan`, and the most that one `delete_prefix` removes. */
export const MAX_PAGE_ITEMS = 1_000;
