//! From operations to calls.

use candid::Principal;
use serde_bytes::ByteBuf;
use storage_api::{Condition, DeletePrefixArgs, PutArgs, RenameArgs, UploadArgs};
use storage_engine::Caller;

use super::Model;
use crate::call::Call;
use crate::op::{Cond, Op};
use crate::words::{chunk_bytes, content_type, digest, grantee, key, noise, prefix};

/// The most chunks of an upload that is filled: enough for an object of two extents.
const MAX_FILLED: u64 = 9;

/// What a time that passes is longer than it says, so that clocks that differ by less agree on what has expired.
const MORE_NS: u64 = 1_000_000;

impl Model {
    /// The caller of this number.
    #[must_use]
    pub fn caller(&self, who: u8) -> Caller {
        self.callers[usize::from(who)]
    }

    /// The calls that an operation comes to, and who makes them: one, but for [`Op::Fill`].
    pub fn calls(&mut self, op: &Op) -> Vec<(Caller, Call)> {
        self.planned += 1;
        match op {
            Op::Fill { upload, seed } => self.missing_chunks(self.upload_id(*upload), *seed),
            Op::CreateUpload { who, .. }
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
        let current = self.objects.get(key).map_or(0, |object| object.info.revision);
        match condition {
            Cond::Any => Condition::Any,
            Cond::Absent => Condition::Absent,
            Cond::Current => Condition::Revision(current),
            Cond::Stale => Condition::Revision(current + 1_000_000),
        }
    }

    /// The upload of this number among those that are there, else one that was, or is not yet.
    fn upload_id(&self, number: u8) -> u64 {
        let there = self.uploads.keys().nth(number.into()).copied();
        there.unwrap_or_else(|| (self.uploads_opened + 1).saturating_sub(number.into()))
    }

    fn put(&self, number: u8, size: u64) -> PutArgs {
        PutArgs::new(key(number), self.value(size))
    }

    fn call(&self, op: &Op) -> Call {
        match op {
            Op::Put { key, size, condition, content_type: number } => {
                let put = self.put(*key, *size);
                let condition = Some(self.condition(&put.key, *condition));
                Call::Put(PutArgs { condition, content_type: content_type(*number), ..put })
            }
            Op::PutMany { keys, size } => {
                Call::PutMany(keys.iter().map(|key| self.put(*key, *size)).collect())
            }
            Op::Delete { key: number } => Call::Delete(key(*number)),
            Op::DeletePrefix { prefix: number, limit } => {
                Call::DeletePrefix(DeletePrefixArgs { prefix: prefix(*number), limit: *limit })
            }
            Op::TakeFirst { prefix: number } => Call::TakeFirst(prefix(*number)),
            Op::Rename { from, to, condition } => {
                let (from, to) = (key(*from), key(*to));
                let condition = Some(self.condition(&to, *condition));
                Call::Rename(RenameArgs { from, to, condition })
            }
            Op::Verify { key: number } => Call::Verify(key(*number)),
            Op::Append { sizes } => Call::Append(sizes.iter().map(|size| self.value(*size)).collect()),
            Op::Log { words } => Call::Log("entry ".repeat((*words).into())),
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

    fn call_of_upload(&self, op: &Op) -> Call {
        match op {
            Op::CreateUpload { key: number, size, condition, content_type: kind, digest: seed, .. } => {
                let key = key(*number);
                let sha256 = seed.map(|seed| ByteBuf::from(digest(*size, seed, MAX_FILLED)));
                let (condition, content_type) = (self.condition(&key, *condition), content_type(*kind));
                Call::CreateUpload(UploadArgs {
                    key,
                    size: *size,
                    content_type,
                    sha256,
                    condition: Some(condition),
                })
            }
            Op::WriteChunk { upload, index, seed, is_long, .. } => {
                let (id, more) = (self.upload_id(*upload), u64::from(*is_long));
                let open = self.uploads.get(&id).filter(|upload| *index < upload.count());
                let length = open.map_or(1, |upload| chunk_bytes(upload.size, *index)) + more;
                Call::WriteChunk { id, index: *index, bytes: noise(length, *seed) }
            }
            Op::Commit { upload, .. } => Call::CommitUpload(self.upload_id(*upload)),
            Op::Abort { upload, .. } => Call::AbortUpload(self.upload_id(*upload)),
            other => unreachable!("{other:?} is not about an upload"),
        }
    }

    /// All chunks that an upload lacks, or the first one where there are many. An admin sends them.
    fn missing_chunks(&self, id: u64, seed: u8) -> Vec<(Caller, Call)> {
        let Some(open) = self.uploads.get(&id) else { return Vec::new() };
        let count = if open.count() > MAX_FILLED { 1 } else { open.count() };
        let missing = (0..count).filter(|index| !open.chunks.contains_key(index));
        let chunk = |index| noise(chunk_bytes(open.size, index), seed);
        missing.map(|index| (self.caller(2), Call::WriteChunk { id, index, bytes: chunk(index) })).collect()
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
