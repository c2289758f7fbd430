//! The log: a Merkle mountain range over its entries.
//!
//! An entry has the digest `SHA-256(sep("stable-storage-log-entry") ++ entry)`, and two trees side by side have the digest
//! `SHA-256(sep("stable-storage-log-node") ++ left ++ right)`, where `sep(s)` is the length of `s` in one byte, and `s`.
//!
//! The *peaks* are the perfect trees over 2^n entries for each binary digit n of the length that is 1, the largest first. The
//! root is folded from the right: it is the last peak; then, for each peak to its left, from right to left, `node(peak, root)`.
//! An empty log has the root of 32 zero bytes.
//!
//! The path of an entry has the siblings from the entry up to its peak; then, if there are peaks to the right of it, their
//! folded digest; then the peaks to the left of it, from right to left.

use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};
use stable_storage_api::{CertifiedLogPage, ReadLogArgs};

use crate::error::{Digest, VerifyError};

const ENTRY_SEPARATOR: &[u8] = b"\x18stable-storage-log-entry";
const NODE_SEPARATOR: &[u8] = b"\x17stable-storage-log-node";
const _: () = assert!(ENTRY_SEPARATOR.len() == 1 + 0x18 && NODE_SEPARATOR.len() == 1 + 0x17);

/// The certified head of a log.
struct Head {
    length: u64,
    root: Digest,
}

impl Head {
    fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let (length, root) = bytes.split_first_chunk().ok_or(VerifyError::LogHead { bytes: bytes.len() })?;
        let root = root.try_into().map_err(|_| VerifyError::LogHead { bytes: bytes.len() })?;
        Ok(Self { length: u64::from_le_bytes(*length), root: Digest(root) })
    }
}

/// Checks a page of the log against its certified head.
pub(crate) fn check(args: &ReadLogArgs, page: &CertifiedLogPage, head: &[u8]) -> Result<(), VerifyError> {
    let Head { length, root } = Head::decode(head)?;
    check_counts(args, page, length)?;
    for (offset, (entry, path)) in page.entries.iter().zip(&page.paths).enumerate() {
        let index = args.from + offset as u64;
        let found = ascend(index, length, entry, path)?;
        if found != root {
            return Err(VerifyError::LogRoot { index, certified: root, found });
        }
    }
    Ok(())
}

fn check_counts(args: &ReadLogArgs, page: &CertifiedLogPage, length: u64) -> Result<(), VerifyError> {
    if page.length != length {
        return Err(VerifyError::LogLength { certified: length, found: page.length });
    }
    let (from, entries) = (args.from, page.entries.len() as u64);
    let end = from.checked_add(entries).filter(|end| *end <= length || entries == 0);
    // A page is only empty at the end of the log.
    if end.is_none() || (entries == 0 && from < length) {
        return Err(VerifyError::LogEntries { from, entries, length });
    }
    if let Some(limit) = args.limit.map(u64::from).filter(|limit| entries > *limit) {
        return Err(VerifyError::PageSize { limit, found: entries });
    }
    if page.paths.len() != page.entries.len() {
        return Err(VerifyError::LogPaths { entries: page.entries.len(), paths: page.paths.len() });
    }
    Ok(())
}

/// Returns the root to which a path leads from an entry, whose index is below the length.
fn ascend(index: u64, length: u64, entry: &[u8], path: &[ByteBuf]) -> Result<Digest, VerifyError> {
    // The highest digit in which the index differs from the length is a digit 1 of the length: it is that of the peak.
    let height = (index ^ length).ilog2();
    let peaks_right = length & ((1 << height) - 1) != 0;
    let peaks_left = (length >> height).count_ones() - 1;
    let expected = (height + u32::from(peaks_right) + peaks_left) as usize;
    let wrong = || VerifyError::LogPath { index, expected };
    let digests: Option<Vec<Digest>> =
        path.iter().map(|step| step.as_slice().try_into().ok().map(Digest)).collect();
    let digests = digests.filter(|digests| digests.len() == expected).ok_or_else(wrong)?;
    let (siblings, rest) = digests.split_at(height as usize);
    let (right, left) = rest.split_at(usize::from(peaks_right));
    let start = Digest(Sha256::new_with_prefix(ENTRY_SEPARATOR).chain_update(entry).finalize().into());
    let peak = siblings.iter().enumerate().fold(start, |digest, (level, sibling)| {
        if index >> level & 1 == 0 { node(digest, *sibling) } else { node(*sibling, digest) }
    });
    let folded = right.iter().fold(peak, |digest, right| node(digest, *right));
    Ok(left.iter().fold(folded, |digest, left| node(*left, digest)))
}

fn node(left: Digest, right: Digest) -> Digest {
    let hasher = Sha256::new_with_prefix(NODE_SEPARATOR).chain_update(left.0).chain_update(right.0);
    Digest(hasher.finalize().into())
}
