//! JSON output, in one format for every command: digests in hexadecimal, times in RFC 3339, sizes as exact numbers,
//! principals and roles as texts.

use candid::Principal;
use serde::{Serialize, Serializer};
use stable_storage_api::{
    ChecksumState, ChunkRange, Grant, MetadataPair, ObjectInfo, RegionInfo, Role, UploadCondition,
    UploadStatus, limits::PAGE_BYTES,
};

use crate::time::rfc3339;

/// Object.
#[derive(Serialize)]
pub(crate) struct Object<'a> {
    pub(crate) key: &'a str,
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) content_encoding: Option<&'a str>,
    #[serde(serialize_with = "as_map")]
    pub(crate) metadata: &'a [MetadataPair],
    pub(crate) owner: Option<String>,
    pub(crate) created: String,
    pub(crate) modified: String,
    pub(crate) sha256: Option<String>,
    pub(crate) sha256_state: Option<&'static str>,
}

impl<'a> Object<'a> {
    pub(crate) fn new(info: &'a ObjectInfo) -> Self {
        Self {
            key: &info.key,
            size: info.size,
            revision: info.revision,
            content_type: info.content_type.as_deref(),
            content_encoding: info.content_encoding.as_deref(),
            metadata: info.metadata.as_deref().unwrap_or_default(),
            owner: info.owner.map(|owner| owner.to_text()),
            created: rfc3339(info.created_ns),
            modified: rfc3339(info.modified_ns),
            sha256: info.sha256.as_ref().map(|checksum| hex::encode(&checksum.digest)),
            sha256_state: info.sha256.as_ref().map(|checksum| state_name(checksum.state)),
        }
    }
}

/// Serializes pairs in order, as one JSON object. Names are unique.
fn as_map<S: Serializer>(pairs: &[MetadataPair], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(MetadataPair::as_strs))
}

/// Returns the name of a digest's state.
pub(crate) fn state_name(state: ChecksumState) -> &'static str {
    match state {
        ChecksumState::Declared => "declared",
        ChecksumState::Verified => "verified",
        ChecksumState::Mismatch => "mismatch",
    }
}

/// Open upload. A list does not include its metadata.
#[derive(Serialize)]
pub(crate) struct Upload<'a> {
    id: u64,
    key: &'a str,
    size: Option<u64>,
    received: u64,
    chunk_size: u64,
    chunks: Option<u64>,
    missing: &'a [ChunkRange],
    more_missing: bool,
    expires: String,
    creator: String,
    content_type: Option<&'a str>,
    content_encoding: Option<&'a str>,
    sha256: Option<String>,
    if_absent: bool,
    if_revision: Option<u64>,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(status: &'a UploadStatus) -> Self {
        let upload = &status.upload;
        Self {
            id: upload.id,
            key: &upload.key,
            size: upload.size,
            received: status.received,
            chunk_size: upload.chunk_size,
            chunks: upload.chunks,
            missing: &status.missing,
            more_missing: status.more_missing,
            expires: rfc3339(upload.expires_ns),
            creator: status.creator.to_text(),
            content_type: status.content_type.as_deref(),
            content_encoding: status.content_encoding.as_deref(),
            sha256: status.sha256.as_ref().map(hex::encode),
            if_absent: status.condition == UploadCondition::Absent,
            if_revision: match status.condition {
                UploadCondition::Revision(revision) => Some(revision),
                _ => None,
            },
        }
    }
}

/// Region.
#[derive(Serialize)]
pub(crate) struct Region {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) pages: u64,
    pub(crate) size: u64,
    pub(crate) created: String,
}

impl Region {
    pub(crate) fn new(info: &RegionInfo) -> Self {
        Self {
            id: info.id,
            owner: info.owner.to_text(),
            pages: info.pages,
            size: info.pages * PAGE_BYTES,
            created: rfc3339(info.created_ns),
        }
    }
}

/// Principal with its role, if it has one.
#[derive(Serialize)]
pub(crate) struct Holder {
    pub(crate) who: String,
    pub(crate) role: Option<&'static str>,
}

impl Holder {
    pub(crate) fn new(who: Principal, role: Option<Role>) -> Self {
        Self { who: who.to_text(), role: role.map(role_name) }
    }

    pub(crate) fn of(grant: &Grant) -> Self {
        Self::new(grant.who, Some(grant.role))
    }
}

/// Returns the name of a role.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Writer => "writer",
        Role::Admin => "admin",
    }
}
