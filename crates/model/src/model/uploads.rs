//! Uploads.

use std::collections::BTreeMap;
use std::rc::Rc;

use candid::Principal;
use stable_storage_api::limits::{CHUNK_BYTES, COPY_STEP_BYTES, MAX_STABLE_BYTES};
use stable_storage_api::{CopySource, Error, Received, Upload as Opened, UploadArgs, UploadEnd};
use storage_engine::Caller;
use storage_engine::arena::SLOT_EXTENT_BYTES;

use super::objects::{Metadata, check_digest, check_key, owner};
use super::{Model, Value, check_owner};
use crate::call::Answer;
use crate::domains::chunk_bytes;

/// Extents of expired uploads that one `create_upload` frees, as in the engine's `uploads/discard.rs`.
const MAX_EXPIRED_EXTENTS: u64 = 20_000;

/// Upload that was opened, and neither committed, aborted nor freed.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) args: UploadArgs,
    /// Size, once it is known.
    pub(super) size: Option<u64>,
    /// Bytes that its table has entries for.
    room: u64,
    pub(super) creator: Principal,
    /// Owner of the object.
    owner: Option<Principal>,
    touched_ns: u64,
    /// Chunks that have been received.
    pub(super) chunks: BTreeMap<u64, Value>,
}

impl Upload {
    /// Returns the number of chunks, as far as it is known.
    pub(super) fn count(&self) -> u64 {
        self.size.map_or(self.reach(), |size| size.div_ceil(CHUNK_BYTES))
    }

    fn is_unsized(&self) -> bool {
        self.args.size.is_none()
    }

    /// Returns the index after the last received chunk.
    fn reach(&self) -> u64 {
        self.chunks.last_key_value().map_or(0, |(index, _)| index + 1)
    }

    /// Returns the size that a commit may state: the known one, or that of the received full chunks.
    pub(super) fn likely_size(&self) -> u64 {
        self.size.unwrap_or(self.reach() * CHUNK_BYTES)
    }

    /// Returns about how much memory it may take.
    pub(super) fn demand(&self) -> u64 {
        self.room
    }

    pub(super) fn received(&self) -> u64 {
        self.chunks.values().map(|chunk| chunk.len() as u64).sum()
    }

    fn check_complete(&self, size: u64) -> Result<(), Error> {
        let count = size.div_ceil(CHUNK_BYTES);
        if self.reach() > count {
            return Err(Error::invalid("the size"));
        }
        if self.received() == size {
            return Ok(());
        }
        match (0..count).find(|index| !self.chunks.contains_key(index)) {
            Some(first_missing) => Err(Error::Incomplete { first_missing }),
            None => Err(Error::invalid("the size")),
        }
    }

    /// Rejects a chunk of an invalid length, and returns the size of the object if it is the last one.
    fn check_chunk(&self, index: u64, length: u64) -> Result<Option<u64>, Error> {
        if let Some(size) = self.size {
            let count = size.div_ceil(CHUNK_BYTES);
            return match index {
                index if index >= count => Err(Error::OutOfRange { offset: index, length: 1, size: count }),
                index if length != chunk_bytes(size, index) => Err(Error::invalid("the length of the chunk")),
                _ => Ok(None),
            };
        }
        let end = u128::from(index) * u128::from(CHUNK_BYTES) + u128::from(length);
        let is_short = length < CHUNK_BYTES;
        if length == 0 || length > CHUNK_BYTES {
            return Err(Error::invalid("the length of the chunk"));
        }
        if end > u128::from(MAX_STABLE_BYTES) {
            return Err(Error::OutOfMemory { requested: 0, available: 0 });
        }
        if is_short && index + 1 < self.reach() {
            return Err(Error::invalid("a short chunk that is not the last one"));
        }
        Ok(is_short.then_some(end as u64))
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
            chunks: upload.size.map(|size| size.div_ceil(CHUNK_BYTES)),
            expires_ns: upload.touched_ns + self.config.upload_idle_ns,
        }
    }

    /// Returns an upload of the caller, expired or not.
    fn upload(&self, id: u64, caller: &Caller) -> Result<&Upload, Error> {
        let upload = self.uploads.get(&id).ok_or(Error::NotFound)?;
        check_owner(upload.creator, caller)?;
        Ok(upload)
    }

    fn open_upload(&self, id: u64, caller: &Caller) -> Result<&Upload, Error> {
        let upload = self.upload(id, caller)?;
        if self.has_expired(upload) { Err(Error::NotFound) } else { Ok(upload) }
    }

    /// Returns the uploads that opening another one frees.
    fn freed(&self) -> Vec<u64> {
        let (mut ids, mut extents) = (Vec::new(), 0);
        for (id, upload) in self.uploads.iter().filter(|(_, upload)| self.has_expired(upload)) {
            extents += upload.room.div_ceil(SLOT_EXTENT_BYTES);
            if extents > MAX_EXPIRED_EXTENTS && !ids.is_empty() {
                break;
            }
            ids.push(*id);
        }
        ids
    }

    pub(super) fn create_upload(&mut self, args: &UploadArgs, caller: &Caller) -> Result<Answer, Error> {
        check_key(&args.key)?;
        check_digest(args.condition.as_ref())?;
        Metadata::of_upload(args, None).check()?;
        if args.size == Some(0) {
            return Err(Error::invalid("the size"));
        }
        let condition = Some(self.check_condition(&args.key, args.condition.as_ref())?);
        if let Some(requested) = args.size.filter(|size| *size > MAX_STABLE_BYTES) {
            return Err(Error::OutOfMemory { requested, available: 0 });
        }
        let (given_back, limit) = (self.freed(), self.config.max_uploads);
        if (self.uploads.len() - given_back.len()) as u64 >= limit {
            return Err(Error::LimitExceeded { what: "open uploads".into(), limit });
        }
        self.uploads.retain(|id, _| !given_back.contains(id));
        self.uploads_opened += 1;
        let upload = Upload {
            args: UploadArgs { condition, ..args.clone() },
            size: args.size,
            room: args.size.unwrap_or(SLOT_EXTENT_BYTES),
            creator: caller.principal,
            owner: owner(caller),
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
        let told_size = upload.check_chunk(index, bytes.len() as u64)?;
        if upload.chunks.get(&index).is_some_and(|there| **there != bytes) {
            return Err(Error::ChunkConflict { index });
        }
        let now_ns = self.now_ns;
        let upload = self.uploads.get_mut(&id).expect("it was just there");
        let end = (index + 1) * CHUNK_BYTES;
        if upload.is_unsized() && end > upload.room {
            upload.room = end.next_multiple_of(SLOT_EXTENT_BYTES).max(2 * upload.room);
        }
        upload.size = upload.size.or(told_size);
        upload.chunks.entry(index).or_insert_with(|| Rc::new(bytes.to_vec()));
        upload.touched_ns = now_ns;
        Ok(Answer::Received(Received { received: upload.received(), size: upload.size }))
    }

    pub(super) fn copy_chunks(
        &mut self,
        id: u64,
        first: u64,
        sources: &[CopySource],
        caller: &Caller,
    ) -> Result<Answer, Error> {
        if sources.is_empty() {
            return Err(Error::invalid("the sources"));
        }
        sources.iter().try_for_each(|source| check_key(&source.key))?;
        let upload = self.open_upload(id, caller)?;
        let size = upload.args.size.ok_or_else(|| Error::invalid("the upload without a size"))?;
        let bytes = self.bytes_of(sources)?;
        let (start, length) = (first.saturating_mul(CHUNK_BYTES), bytes.len() as u64);
        if start >= size || start.saturating_add(length) > size {
            return Err(Error::OutOfRange { offset: start, length, size });
        }
        let chunks: Vec<_> = (first..upload.count())
            .map_while(|index| {
                let offset = ((index - first) * CHUNK_BYTES) as usize;
                Some((index, bytes.get(offset..)?.get(..chunk_bytes(size, index) as usize)?))
            })
            .collect();
        if chunks.is_empty() {
            return Err(Error::invalid("the length of the sources"));
        }
        let now_ns = self.now_ns;
        let upload = self.uploads.get_mut(&id).expect("it was just there");
        let missing = chunks.into_iter().filter(|(index, _)| !upload.chunks.contains_key(index));
        let step = missing.take((COPY_STEP_BYTES / CHUNK_BYTES) as usize).collect::<Vec<_>>();
        upload.chunks.extend(step.into_iter().map(|(index, bytes)| (index, Rc::new(bytes.to_vec()))));
        upload.touched_ns = now_ns;
        Ok(Answer::Received(Received { received: upload.received(), size: upload.size }))
    }

    pub(super) fn commit_upload(
        &mut self,
        id: u64,
        end: Option<&UploadEnd>,
        caller: &Caller,
    ) -> Result<Answer, Error> {
        let upload = self.open_upload(id, caller)?;
        let size = end.map(|end| end.size).or(upload.size).filter(|size| *size > 0);
        let sha256 = end.and_then(|end| end.sha256.clone());
        let declared = upload.args.sha256.clone();
        let is_good = size.is_some_and(|size| size <= MAX_STABLE_BYTES)
            && upload.size.is_none_or(|known| Some(known) == size)
            && sha256.as_ref().is_none_or(|digest| digest.len() == 32)
            && (sha256.is_none() || declared.is_none() || sha256 == declared);
        if !is_good {
            return Err(Error::invalid("the end of the upload"));
        }
        upload.check_complete(size.unwrap_or(0))?;
        self.check_condition(&upload.args.key, upload.args.condition.as_ref())?;
        let Upload { args, chunks, owner, .. } = self.uploads.remove(&id).expect("it was just there");
        let chunks: Vec<&[u8]> = chunks.values().map(|chunk| chunk.as_slice()).collect();
        let args = UploadArgs { sha256: declared.or(sha256), ..args };
        let (value, metadata) = (Rc::new(chunks.concat()), Metadata::of_upload(&args, owner));
        Ok(Answer::written(self.insert(&args.key, value, metadata)))
    }

    pub(super) fn abort_upload(&mut self, id: u64, caller: &Caller) -> Result<Answer, Error> {
        self.upload(id, caller)?;
        self.uploads.remove(&id);
        Ok(Answer::Nothing)
    }
}
