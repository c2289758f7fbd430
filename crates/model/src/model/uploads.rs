//! Uploads.

use std::collections::BTreeMap;
use std::rc::Rc;

use candid::Principal;
use storage_api::limits::{CHUNK_BYTES, MAX_STABLE_BYTES};
use storage_api::{Error, Received, Upload as Opened, UploadArgs};
use storage_engine::Caller;
use storage_engine::arena::SLOT_EXTENT_BYTES;

use super::objects::{check_content_type, check_key};
use super::{Model, Value, check_owner};
use crate::call::Answer;
use crate::words::chunk_bytes;

/// Extents of expired uploads that one `create_upload` gives back, as in the engine's `uploads/discard.rs`.
const MAX_EXPIRED_EXTENTS: u64 = 20_000;

/// An upload that was opened, and neither committed, aborted nor given back.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) args: UploadArgs,
    pub(super) size: u64,
    pub(super) creator: Principal,
    touched_ns: u64,
    /// The chunks that have been received.
    pub(super) chunks: BTreeMap<u64, Value>,
}

impl Upload {
    pub(super) fn count(&self) -> u64 {
        self.size.div_ceil(CHUNK_BYTES)
    }

    pub(super) fn received(&self) -> u64 {
        self.chunks.values().map(|chunk| chunk.len() as u64).sum()
    }

    fn first_missing(&self) -> Option<u64> {
        (0..self.count()).find(|index| !self.chunks.contains_key(index))
    }
}

impl Model {
    pub(super) fn has_expired(&self, upload: &Upload) -> bool {
        self.now_ns > upload.touched_ns + self.config.upload_idle_ns
    }

    pub(super) fn opened(&self, id: u64, upload: &Upload) -> Opened {
        Opened {
            id,
            key: upload.args.key.clone(),
            size: upload.size,
            chunk_size: CHUNK_BYTES,
            chunks: upload.count(),
            expires_ns: upload.touched_ns + self.config.upload_idle_ns,
        }
    }

    /// An upload that is there, expired or not, and the caller's.
    fn upload(&self, id: u64, caller: &Caller) -> Result<&Upload, Error> {
        let upload = self.uploads.get(&id).ok_or(Error::NotFound)?;
        check_owner(upload.creator, caller)?;
        Ok(upload)
    }

    fn open_upload(&self, id: u64, caller: &Caller) -> Result<&Upload, Error> {
        let upload = self.upload(id, caller)?;
        if self.has_expired(upload) { Err(Error::NotFound) } else { Ok(upload) }
    }

    /// The uploads that opening another one gives back.
    fn given_back(&self) -> Vec<u64> {
        let (mut ids, mut extents) = (Vec::new(), 0);
        for (id, upload) in self.uploads.iter().filter(|(_, upload)| self.has_expired(upload)) {
            extents += upload.size.div_ceil(SLOT_EXTENT_BYTES);
            if extents > MAX_EXPIRED_EXTENTS && !ids.is_empty() {
                break;
            }
            ids.push(*id);
        }
        ids
    }

    pub(super) fn create_upload(&mut self, args: &UploadArgs, caller: &Caller) -> Result<Answer, Error> {
        check_key(&args.key)?;
        check_content_type(args.content_type.as_deref())?;
        if args.size == 0 {
            return Err(Error::invalid("the size"));
        }
        self.check_condition(&args.key, args.condition)?;
        if args.size > MAX_STABLE_BYTES {
            return Err(Error::OutOfMemory { requested: args.size, available: 0 });
        }
        let (given_back, limit) = (self.given_back(), self.config.max_uploads);
        if (self.uploads.len() - given_back.len()) as u64 >= limit {
            return Err(Error::LimitExceeded { what: "open uploads".into(), limit });
        }
        self.uploads.retain(|id, _| !given_back.contains(id));
        self.uploads_opened += 1;
        let upload = Upload {
            args: args.clone(),
            size: args.size,
            creator: caller.principal,
            touched_ns: self.now_ns,
            chunks: BTreeMap::new(),
        };
        let opened = self.opened(self.uploads_opened, &upload);
        self.uploads.insert(self.uploads_opened, upload);
        Ok(Answer::Upload(opened))
    }

    pub(super) fn write_chunk(
        &mut self,
        id: u64,
        index: u64,
        bytes: &[u8],
        caller: &Caller,
    ) -> Result<Answer, Error> {
        let upload = self.open_upload(id, caller)?;
        let (size, count) = (upload.size, upload.count());
        if index >= count {
            return Err(Error::OutOfRange { offset: index, length: 1, size: count });
        }
        if bytes.len() as u64 != chunk_bytes(size, index) {
            return Err(Error::invalid("the length of the chunk"));
        }
        if upload.chunks.get(&index).is_some_and(|there| **there != bytes) {
            return Err(Error::AlreadyExists);
        }
        let now_ns = self.now_ns;
        let upload = self.uploads.get_mut(&id).expect("it was just there");
        upload.chunks.entry(index).or_insert_with(|| Rc::new(bytes.to_vec()));
        upload.touched_ns = now_ns;
        Ok(Answer::Received(Received { received: self.uploads[&id].received(), size }))
    }

    pub(super) fn commit_upload(&mut self, id: u64, caller: &Caller) -> Result<Answer, Error> {
        let upload = self.open_upload(id, caller)?;
        if let Some(first_missing) = upload.first_missing() {
            return Err(Error::Incomplete { first_missing });
        }
        self.check_condition(&upload.args.key, upload.args.condition)?;
        let Upload { args, chunks, .. } = self.uploads.remove(&id).expect("it was just there");
        let chunks: Vec<_> = chunks.values().map(|chunk| chunk.as_slice()).collect();
        let value = chunks.concat();
        Ok(Answer::object(self.insert(&args.key, Rc::new(value), args.content_type, args.sha256)))
    }

    pub(super) fn abort_upload(&mut self, id: u64, caller: &Caller) -> Result<Answer, Error> {
        self.upload(id, caller)?;
        self.uploads.remove(&id);
        Ok(Answer::Nothing)
    }
}
