//! Operations on uploads.

use storage_api::UploadArgs;
use storage_api::limits::MAX_STABLE_BYTES;

use super::model::{Upload, Verdict, may_be_key};
use super::op::{Cond, Op, Wrong, caller, key};
use super::{Pair, value};

/// The most chunks of an upload that is filled: enough for an object of two extents.
const MAX_FILLED: u64 = 9;

impl Pair {
    pub(super) fn apply_to_uploads(&mut self, op: &Op) {
        match *op {
            Op::CreateUpload { who, key: number, size, condition } => {
                self.create_upload(who, key(number), size.bytes(), condition);
            }
            Op::WriteChunk { who, upload, index, wrong } => {
                self.write_chunk(who, self.upload_id(upload), index.into(), wrong);
            }
            Op::FillUpload { upload } => {
                let id = self.upload_id(upload);
                let chunks = self.model.uploads.get(&id).map_or(0, Upload::chunks);
                for index in 0..if chunks > MAX_FILLED { 1 } else { chunks } {
                    self.write_chunk(0, id, index, Wrong::Nothing);
                }
            }
            Op::CommitUpload { who, upload } => self.commit_upload(who, self.upload_id(upload)),
            Op::AbortUpload { who, upload } => self.abort_upload(who, self.upload_id(upload)),
            ref other => self.apply_to_regions(other),
        }
    }

    /// One of the last uploads, or one that does not exist yet.
    fn upload_id(&self, number: u8) -> u64 {
        (self.model.uploads_opened + 1).saturating_sub(u64::from(number % 6))
    }

    fn create_upload(&mut self, who: u8, key: String, size: u64, condition: Cond) {
        let caller = caller(who);
        let condition = self.model.condition(&key, condition);
        let given_back = self.model.given_back();
        let expected = self.may_create(&key, size).and_then(|()| self.model.may_change(&key, condition));
        let is_full = (self.model.uploads.len() - given_back.len()) as u64 >= self.model.max_uploads;
        let expected = expected.and(match size {
            MAX_STABLE_BYTES.. if size > MAX_STABLE_BYTES => Err("OutOfMemory"),
            _ if is_full => Err("LimitExceeded"),
            _ => Ok(()),
        });
        let args = UploadArgs { condition: Some(condition), ..UploadArgs::new(key.clone(), size) };
        let Some(upload) = self.agree(expected, |store, now| store.create_upload(&args, &caller, now)) else {
            return;
        };
        for id in given_back {
            self.model.uploads.remove(&id);
        }
        self.model.uploads_opened += 1;
        assert_eq!((upload.id, upload.size), (self.model.uploads_opened, size));
        let (creator, touched_ns) = (caller.principal, self.model.now_ns);
        let received = Default::default();
        let opened = Upload { key, size, received, condition, creator, touched_ns };
        self.model.uploads.insert(upload.id, opened);
    }

    fn may_create(&self, key: &str, size: u64) -> Verdict {
        may_be_key(key)?;
        if size == 0 { Err("InvalidArgument") } else { Ok(()) }
    }

    fn write_chunk(&mut self, who: u8, id: u64, index: u64, wrong: Wrong) {
        let caller = caller(who);
        let mut bytes = Vec::new();
        let expected = self.model.may_continue(id, &caller).and_then(|upload| {
            if index >= upload.chunks() {
                return Err("OutOfRange");
            }
            bytes = chunk(id, index, upload.chunk_bytes(index));
            match wrong {
                Wrong::Nothing => Ok(()),
                Wrong::Length => {
                    bytes.push(0);
                    Err("InvalidArgument")
                }
                Wrong::Bytes => {
                    bytes[0] ^= 1;
                    let kept = upload.received.get(&index);
                    if kept.is_none_or(|was_wrong| *was_wrong) { Ok(()) } else { Err("AlreadyExists") }
                }
            }?;
            match upload.received.get(&index) {
                Some(true) if wrong == Wrong::Nothing => Err("AlreadyExists"),
                _ => Ok(()),
            }
        });
        let written = self.agree(expected, |store, now| store.write_chunk(id, index, &bytes, &caller, now));
        if written.is_none() {
            return;
        }
        let now_ns = self.model.now_ns;
        let upload = self.model.uploads.get_mut(&id).expect("the model has found it");
        if upload.received.insert(index, wrong == Wrong::Bytes).is_none() {
            upload.touched_ns = now_ns;
        }
    }

    fn commit_upload(&mut self, who: u8, id: u64) {
        let caller = caller(who);
        let expected = self.model.may_commit(id, &caller);
        if let Some(info) = self.agree(expected, |store, now| store.commit_upload(id, &caller, now)) {
            let upload = self.model.uploads.remove(&id).expect("the model has found it");
            assert_eq!((&info.key, info.size), (&upload.key, upload.size));
            let mut value = Vec::with_capacity(upload.size as usize);
            for (index, was_wrong) in &upload.received {
                let start = value.len();
                value.extend(chunk(id, *index, upload.chunk_bytes(*index)));
                value[start] ^= u8::from(*was_wrong);
            }
            self.model.put(upload.key, value);
            assert_eq!(info.revision, self.model.revision);
        }
    }

    fn abort_upload(&mut self, who: u8, id: u64) {
        let caller = caller(who);
        let expected = self.model.may_use_upload(id, &caller).map(drop);
        if self.agree(expected, |store, _| store.abort_upload(id, &caller)).is_some() {
            self.model.uploads.remove(&id);
        }
    }
}

fn chunk(id: u64, index: u64, size: usize) -> Vec<u8> {
    value(id * 1_000 + index, size)
}
