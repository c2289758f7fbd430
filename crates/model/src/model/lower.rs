//! Translation of operations to calls.

use candid::Principal;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{
    Condition, CopyArgs, CopyMetadata, CopySource, DeleteArgs, DeletePrefixArgs, PutArgs, RenameArgs,
    UploadArgs, UploadEnd,
};
use storage_engine::Caller;

use super::Model;
use super::uploads::Upload;
use crate::call::Call;
use crate::domains::{
    GOOD_METADATA, KEYS, Words, chunk_bytes, digest, grantee, key, metadata, noise, prefix, scope, site,
};
use crate::op::{Cond, Op};

/// How much of an upload is filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling {
    /// Most chunks of an upload that is filled completely. Of a larger one, only the first chunk is sent.
    pub(crate) most_chunks: u64,
    /// Bytes to which an upload without a size is filled.
    pub(crate) unsized_bytes: u64,
}

impl Default for Filling {
    /// Enough for an object of two extents.
    fn default() -> Self {
        Self { most_chunks: 9, unsized_bytes: 2 * CHUNK_BYTES + 1_000 }
    }
}

impl Filling {
    /// Returns the length of a chunk of an upload: one byte if the upload has no such chunk.
    fn chunk_length(self, open: &Upload, index: u64) -> u64 {
        match open.size {
            Some(size) if index < open.count() => chunk_bytes(size, index),
            Some(_) => 1,
            None if index < self.unsized_bytes / CHUNK_BYTES => CHUNK_BYTES,
            None => self.unsized_bytes % CHUNK_BYTES,
        }
    }
}

/// Returns the end that a commit states: correct, with or without a digest, wrong, or none.
fn end_of(open: &Upload, kind: u8) -> Option<UploadEnd> {
    let size = open.likely_size();
    let is_plain = kind == 0 && open.args.size.is_some();
    match kind {
        _ if is_plain => None,
        0 => Some(UploadEnd { size, sha256: None }),
        1 => {
            let declared = open.args.sha256.clone().filter(|_| size.is_multiple_of(2));
            Some(UploadEnd { size, sha256: Some(declared.unwrap_or_else(|| ByteBuf::from([9; 32]))) })
        }
        2 => None,
        _ => Some(UploadEnd { size: size + 1, sha256: None }),
    }
}

/// Added to passing time, so that clocks that differ by less agree on what has expired.
const MORE_NS: u64 = 1_000_000;

/// The most sources with which an upload is filled.
const MOST_SOURCES: u64 = 40;

impl Model {
    /// Returns the caller with this number.
    #[must_use]
    pub fn caller(&self, who: u8) -> Caller {
        self.callers[usize::from(who)]
    }

    /// Returns the calls of an operation with their callers: one, except for those that fill an upload or repeat a call.
    pub fn calls(&mut self, op: &Op) -> Vec<(Caller, Call)> {
        self.planned += 1;
        match op {
            Op::Put { who, .. } => vec![(self.caller(*who), self.call(op))],
            Op::Fill { upload, seed } => self.missing_chunks(self.upload_id(*upload), *seed),
            Op::CreateUploads { count, size } => self.many_uploads(*count, *size),
            Op::AbortUploads { count } => {
                let ids = self.uploads.keys().take(usize::from(*count));
                ids.map(|id| (self.caller(2), Call::AbortUpload(*id))).collect()
            }
            Op::RegionsNew { count } => {
                (0..*count).map(|number| (self.caller(number % 3), Call::RegionNew)).collect()
            }
            Op::Copy { who, .. } => vec![(self.caller(*who), self.call(op))],
            Op::CreateUpload { who, .. }
            | Op::CopyChunks { who, .. }
            | Op::WriteChunk { who, .. }
            | Op::Commit { who, .. }
            | Op::Abort { who, .. } => vec![(self.caller(*who), self.call_of_upload(op))],
            Op::RegionNew { who }
            | Op::RegionGrow { who, .. }
            | Op::RegionStore { who, .. }
            | Op::RegionOwner { who, .. } => vec![(self.caller(*who), self.call_of_region(op))],
            _ => vec![(self.caller(2), self.call(op))],
        }
    }

    fn value(&self, size: u64) -> Vec<u8> {
        noise(size, self.planned as u8)
    }

    fn condition(&self, key: &str, condition: Cond) -> Condition {
        let object = self.objects.get(key);
        let current = object.map_or(0, |object| object.info.revision);
        match condition {
            Cond::Any => Condition::Any,
            Cond::Absent => Condition::Absent,
            Cond::Current => Condition::Revision(current),
            Cond::Stale => Condition::Revision(current + 1_000_000),
            Cond::Digest => {
                let sha256 = object.and_then(|object| object.info.sha256.clone());
                Condition::Sha256(sha256.map_or_else(|| ByteBuf::from([7; 32]), |sha256| sha256.digest))
            }
            Cond::OtherDigest(bytes) => Condition::Sha256(ByteBuf::from(vec![7; bytes.into()])),
        }
    }

    /// Returns the identifier of this open upload, or else one that is closed or does not exist yet.
    fn upload_id(&self, number: u8) -> u64 {
        let there = self.uploads.keys().nth(number.into()).copied();
        there.unwrap_or_else(|| (self.uploads_opened + 1).saturating_sub(number.into()))
    }

    /// Returns the arguments of a put. One in two declares its digest, rarely a wrong one.
    fn put(&self, number: u8, size: u64, kind: u8) -> PutArgs {
        let Words { content_type, content_encoding, pairs } = metadata(kind);
        let value = self.value(size);
        let sha256 = match self.planned % 16 {
            0 => Some(ByteBuf::from([number; 32])),
            1 if kind > GOOD_METADATA => Some(ByteBuf::from([number; 31])),
            odd if odd % 2 == 1 => Some(ByteBuf::from(Sha256::digest(&value).to_vec())),
            _ => None,
        };
        let put = PutArgs::new(key(number), value);
        PutArgs { content_type, content_encoding, metadata: pairs, sha256, ..put }
    }

    fn call(&self, op: &Op) -> Call {
        match op {
            Op::Put { key, size, condition, metadata, .. } => {
                let put = self.put(*key, *size, *metadata);
                let condition = Some(self.condition(&put.key, *condition));
                Call::Put(PutArgs { condition, ..put })
            }
            Op::PutMany { keys, size, metadata } => {
                Call::PutMany(keys.iter().map(|key| self.put(*key, *size, *metadata)).collect())
            }
            Op::Delete { key: number, condition } => {
                let key = key(*number);
                let condition = Some(self.condition(&key, *condition));
                Call::Delete(DeleteArgs { key, condition })
            }
            Op::DeleteMany { keys } => Call::DeleteMany(
                keys.iter()
                    .map(|(number, condition)| {
                        let key = key(*number);
                        let condition = Some(self.condition(&key, *condition));
                        DeleteArgs { key, condition }
                    })
                    .collect(),
            ),
            Op::DeletePrefix { prefix: number, limit } => Call::DeletePrefix(DeletePrefixArgs {
                prefix: prefix(*number),
                limit: (*limit < 1_000).then_some(*limit),
            }),
            Op::TakeFirst { prefix: number } => Call::TakeFirst(prefix(*number)),
            Op::Rename { from, to, condition } => {
                let (from, to) = (key(*from), key(*to));
                let condition = Some(self.condition(&to, *condition));
                Call::Rename(RenameArgs { from, to, condition })
            }
            Op::Copy { from, to, source, condition, metadata: kind, .. } => {
                let (from, to) = (key(*from), key(*to));
                let condition = Some(self.condition(&to, *condition));
                let digest = self.objects.get(&from).and_then(|object| object.info.sha256.clone());
                // One in eight names the digest, a few a wrong one.
                let sha256 = match self.planned % 16 {
                    3 => Some(ByteBuf::from([3; 32])),
                    5 | 7 => digest.map(|sha256| sha256.digest),
                    _ => None,
                };
                let metadata = kind.map(|kind| {
                    let Words { content_type, content_encoding, pairs } = metadata(kind);
                    CopyMetadata { content_type, content_encoding, metadata: pairs }
                });
                let revision = self.expected_revision(&from, *source);
                Call::Copy(CopyArgs { from, to, condition, revision, sha256, metadata })
            }
            Op::Verify { key: number } => Call::Verify(key(*number)),
            Op::Append { sizes } => Call::Append(sizes.iter().map(|size| self.value(*size)).collect()),
            Op::Log { words } => Call::Log("entry ".repeat((*words).into())),
            Op::SetCertified { prefix: number, is_certified } => {
                Call::SetCertified { prefix: scope(*number), is_certified: *is_certified }
            }
            Op::SetSite { site: number } => Call::SetSite(Box::new(site(*number))),
            Op::RemoveSite { site: number } => Call::RemoveSite(site(*number).prefix),
            Op::Certify { scope: number } => Call::Certify(scope(*number)),
            Op::CertifyLog => Call::CertifyLog,
            Op::SetRole { principal, role } => Call::SetRole(grantee(*principal), *role),
            Op::Configure { settings } => Call::Configure(settings.clone()),
            Op::Wait { seconds: seconds @ 0.. } => {
                Call::Wait(seconds.unsigned_abs() * 1_000_000_000 + MORE_NS)
            }
            Op::Wait { seconds } => Call::Back(seconds.unsigned_abs() * 1_000_000_000),
            Op::Reopen => Call::Reopen,
            Op::Upgrade { sealed } => Call::Upgrade { sealed: *sealed },
            other => unreachable!("{other:?} is about an upload or a region"),
        }
    }

    /// Returns the revision that the source of a copy must have.
    fn expected_revision(&self, key: &str, condition: Cond) -> Option<u64> {
        match self.condition(key, condition) {
            Condition::Revision(revision) => Some(revision),
            _ => None,
        }
    }

    /// Returns an object as often as it takes to fill an upload from a chunk on, or once if that is too often.
    fn sources(&self, id: u64, first: u64, key: &str, source: Cond) -> Vec<CopySource> {
        let (revision, length) =
            self.objects.get(key).map_or((1, 0), |object| (object.info.revision, object.info.size));
        let revision = self.expected_revision(key, source).unwrap_or(revision);
        let whole = CopySource::whole(key, revision);
        let size = self.uploads.get(&id).and_then(|open| open.size).unwrap_or(0);
        let mut rest = size.saturating_sub(first.saturating_mul(CHUNK_BYTES));
        if length == 0 || rest == 0 || rest / length >= MOST_SOURCES {
            return vec![whole];
        }
        let mut sources = Vec::new();
        while rest > length {
            sources.push(whole.clone());
            rest -= length;
        }
        // The end of the object, so that ranges have an offset.
        sources.push(CopySource { offset: Some(length - rest), length: Some(rest), ..whole });
        sources
    }

    fn call_of_upload(&self, op: &Op) -> Call {
        match op {
            Op::CreateUpload { key: number, size, condition, metadata: kind, digest: seed, .. } => {
                let key = key(*number);
                let Filling { most_chunks, unsized_bytes } = self.filling;
                let size_if_filled = size.unwrap_or(unsized_bytes);
                let sha256 = seed.map(|seed| ByteBuf::from(digest(size_if_filled, seed, most_chunks)));
                let condition = self.condition(&key, *condition);
                let Words { content_type, content_encoding, pairs } = metadata(*kind);
                Call::CreateUpload(UploadArgs {
                    key,
                    size: *size,
                    content_type,
                    content_encoding,
                    metadata: pairs,
                    sha256,
                    condition: Some(condition),
                })
            }
            Op::WriteChunk { upload, index, seed, is_long, .. } => {
                let (id, more) = (self.upload_id(*upload), u64::from(*is_long));
                let length =
                    self.uploads.get(&id).map_or(1, |open| self.filling.chunk_length(open, *index)) + more;
                Call::WriteChunk { id, index: *index, bytes: noise(length, *seed) }
            }
            Op::CopyChunks { upload, first, from, source, .. } => {
                let id = self.upload_id(*upload);
                let sources = self.sources(id, *first, &key(*from), *source);
                Call::CopyChunks { id, first: *first, sources }
            }
            Op::Commit { upload, end, .. } => {
                let id = self.upload_id(*upload);
                Call::CommitUpload(id, self.uploads.get(&id).and_then(|open| end_of(open, *end)))
            }
            Op::Abort { upload, .. } => Call::AbortUpload(self.upload_id(*upload)),
            other => unreachable!("{other:?} is not about an upload"),
        }
    }

    /// Returns all missing chunks of an upload, or the first one if there are many. An admin sends them.
    fn missing_chunks(&self, id: u64, seed: u8) -> Vec<(Caller, Call)> {
        let Some(open) = self.uploads.get(&id) else { return Vec::new() };
        let filling = self.filling;
        let count = open.size.map_or(filling.unsized_bytes.div_ceil(CHUNK_BYTES), |_| open.count());
        let count = if count > filling.most_chunks { 1 } else { count };
        let missing = (0..count).filter(|index| !open.chunks.contains_key(index));
        let chunk = |index| noise(filling.chunk_length(open, index), seed);
        missing.map(|index| (self.caller(2), Call::WriteChunk { id, index, bytes: chunk(index) })).collect()
    }

    /// Opens uploads under all valid keys, of different sizes.
    fn many_uploads(&self, count: u16, size: u64) -> Vec<(Caller, Call)> {
        let upload = |number: u16| {
            let args = UploadArgs::new(key(number as u8 % (KEYS - 2)), size + u64::from(number) * 37 % 1_000);
            (self.caller((number % 3) as u8), Call::CreateUpload(args))
        };
        (0..count).map(upload).collect()
    }

    fn call_of_region(&self, op: &Op) -> Call {
        match op {
            Op::RegionNew { .. } => Call::RegionNew,
            Op::RegionGrow { region, pages, .. } => Call::RegionGrow { id: *region, pages: *pages },
            Op::RegionStore { region, offset, size, .. } => {
                Call::RegionStore { id: *region, offset: *offset, bytes: self.value(*size) }
            }
            Op::RegionOwner { region, owner, .. } => {
                let owner = match owner {
                    0..3 => self.caller(*owner).principal,
                    _ => Principal::anonymous(),
                };
                Call::RegionSetOwner { id: *region, owner }
            }
            other => unreachable!("{other:?} is not about a region"),
        }
    }
}
