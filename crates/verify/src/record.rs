//! The record of an object: the contents of its leaf in the hash tree of the canister.

use stable_storage_api::{Checksum, ChecksumState, MetadataPair, ObjectInfo};

const VERSION: u8 = 1;

/// Returns the record of an object, or `None` if the metadata is none that the canister returns: a text of more than 65,535
/// bytes, a digest that has not 32 bytes, or user metadata that is present and empty.
///
/// An object has one record, and two objects with the same record and key are equal.
///
/// # Record v1
/// Integers are little-endian. A text or a principal is its length in bytes as a `u16`, and its bytes. An optional item is a
/// byte 0, or a byte 1 and the item.
///
/// | field | encoding |
/// |---|---|
/// | version | `u8`, 1 |
/// | size, revision, created_ns, modified_ns | `u64` each |
/// | content_type, content_encoding | optional text |
/// | owner | optional principal |
/// | metadata | number of pairs as a `u16`, then for each pair name and value as texts |
/// | sha256 | `u8`: 0 none, 1 declared, 2 verified, 3 mismatch; then the 32 bytes of the digest unless 0 |
///
/// The key is not in the record: it is the label of the leaf.
#[must_use]
pub fn record(info: &ObjectInfo) -> Option<Vec<u8>> {
    let mut bytes = vec![VERSION];
    for number in [info.size, info.revision, info.created_ns, info.modified_ns] {
        bytes.extend(number.to_le_bytes());
    }
    append_optional(&mut bytes, info.content_type.as_ref().map(String::as_bytes))?;
    append_optional(&mut bytes, info.content_encoding.as_ref().map(String::as_bytes))?;
    append_optional(&mut bytes, info.owner.as_ref().map(|owner| owner.as_slice()))?;
    append_metadata(&mut bytes, info.metadata.as_deref())?;
    append_checksum(&mut bytes, info.sha256.as_ref())?;
    Some(bytes)
}

fn append_optional(bytes: &mut Vec<u8>, item: Option<&[u8]>) -> Option<()> {
    bytes.push(u8::from(item.is_some()));
    item.map_or(Some(()), |item| append(bytes, item))
}

fn append(bytes: &mut Vec<u8>, item: &[u8]) -> Option<()> {
    bytes.extend(u16::try_from(item.len()).ok()?.to_le_bytes());
    bytes.extend(item);
    Some(())
}

fn append_metadata(bytes: &mut Vec<u8>, pairs: Option<&[MetadataPair]>) -> Option<()> {
    if pairs.is_some_and(<[_]>::is_empty) {
        return None;
    }
    let pairs = pairs.unwrap_or_default();
    bytes.extend(u16::try_from(pairs.len()).ok()?.to_le_bytes());
    for pair in pairs {
        append(bytes, pair.name.as_bytes())?;
        append(bytes, pair.value.as_bytes())?;
    }
    Some(())
}

fn append_checksum(bytes: &mut Vec<u8>, checksum: Option<&Checksum>) -> Option<()> {
    let Some(checksum) = checksum else {
        bytes.push(0);
        return Some(());
    };
    bytes.push(match checksum.state {
        ChecksumState::Declared => 1,
        ChecksumState::Verified => 2,
        ChecksumState::Mismatch => 3,
    });
    let digest: &[u8; 32] = checksum.digest.as_slice().try_into().ok()?;
    bytes.extend(digest);
    Some(())
}
