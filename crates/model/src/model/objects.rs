//! Objects.

use std::collections::BTreeSet;
use std::rc::Rc;

use candid::Principal;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::{
    COPY_STEP_BYTES, MAX_CONTENT_ENCODING_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_KEY_BYTES, MAX_METADATA_BYTES,
    MAX_METADATA_PAIRS, MAX_PAGE_ITEMS, MAX_REPLY_BYTES,
};
use stable_storage_api::{
    Checksum, ChecksumState, Condition, CopyArgs, CopyMetadata, CopySource, DeleteArgs, DeletePrefixArgs,
    Deleted, Entry, Error, MetadataPair, ObjectInfo, PutArgs, RenameArgs, UploadArgs, VerifyProgress,
    Written,
};
use storage_engine::Caller;

use super::{Model, Value, check_payload};
use crate::call::Answer;

/// Object under its key.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) info: ObjectInfo,
    pub(super) value: Value,
    /// Bytes that a verification has hashed so far.
    pub(super) hashed: u64,
    /// Pieces of an HTTP response that were hashed so far.
    pub(super) pieces: u64,
}

/// Returns the SHA-256 of bytes.
pub(super) fn sha256(bytes: &[u8]) -> ByteBuf {
    ByteBuf::from(Sha256::digest(bytes).to_vec())
}

impl Object {
    /// Returns the digest, unless a verification has shown that it is wrong.
    fn digest(&self) -> Option<&ByteBuf> {
        let sha256 = self.info.sha256.as_ref().filter(|sha256| sha256.state != ChecksumState::Mismatch);
        sha256.map(|sha256| &sha256.digest)
    }

    /// Returns whether the digest was computed.
    pub(super) fn has_verdict(&self) -> bool {
        self.info.sha256.as_ref().is_some_and(|sha256| sha256.state != ChecksumState::Declared)
    }

    /// Computes the digest, and compares it with the declared one.
    pub(super) fn judge(&mut self) -> ChecksumState {
        self.hashed = 0;
        let computed = sha256(&self.value);
        let declared = self.info.sha256.take().map_or_else(|| computed.clone(), |sha256| sha256.digest);
        let state = if declared == computed { ChecksumState::Verified } else { ChecksumState::Mismatch };
        self.info.sha256 = Some(Checksum { digest: declared, state });
        state
    }
}

/// Rejects an invalid key.
pub(super) fn check_key(key: &str) -> Result<(), Error> {
    if (1..=MAX_KEY_BYTES).contains(&(key.len() as u64)) { Ok(()) } else { Err(Error::invalid("the key")) }
}

/// Rejects a condition on a digest that is none.
pub(super) fn check_digest(condition: Option<&Condition>) -> Result<(), Error> {
    match condition {
        Some(Condition::Sha256(digest)) if digest.len() != 32 => Err(Error::invalid("the condition")),
        _ => Ok(()),
    }
}

/// Rejects a content type that is too long.
fn check_content_type(content_type: Option<&str>) -> Result<(), Error> {
    let bytes = content_type.map_or(0, str::len) as u64;
    if bytes > MAX_CONTENT_TYPE_BYTES { Err(Error::invalid("the content type")) } else { Ok(()) }
}

/// Metadata of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Metadata {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) pairs: Option<Vec<MetadataPair>>,
    pub(super) sha256: Option<ByteBuf>,
    pub(super) owner: Option<Principal>,
}

impl Metadata {
    fn of_put(put: &PutArgs, caller: &Caller) -> Self {
        Self {
            content_type: put.content_type.clone(),
            content_encoding: put.content_encoding.clone(),
            pairs: put.metadata.clone(),
            sha256: put.sha256.clone(),
            owner: owner(caller),
        }
    }

    fn of_copy(given: &CopyMetadata, caller: &Caller) -> Self {
        Self {
            content_type: given.content_type.clone(),
            content_encoding: given.content_encoding.clone(),
            pairs: given.metadata.clone(),
            sha256: None,
            owner: owner(caller),
        }
    }

    pub(super) fn of_upload(args: &UploadArgs, owner: Option<Principal>) -> Self {
        Self {
            content_type: args.content_type.clone(),
            content_encoding: args.content_encoding.clone(),
            pairs: args.metadata.clone(),
            sha256: args.sha256.clone(),
            owner,
        }
    }

    /// Rejects metadata that is too long, or has too many or duplicate names.
    pub(super) fn check(&self) -> Result<(), Error> {
        check_content_type(self.content_type.as_deref())?;
        let encoding = self.content_encoding.as_deref().map_or(0, str::len) as u64;
        let pairs = self.pairs.as_deref().unwrap_or_default();
        let bytes = pairs.iter().map(|pair| pair.name.len() + pair.value.len()).sum::<usize>() as u64;
        let names: BTreeSet<_> =
            pairs.iter().map(|pair| &pair.name).filter(|name| !name.is_empty()).collect();
        let is_good = encoding <= MAX_CONTENT_ENCODING_BYTES
            && pairs.len() as u64 <= MAX_METADATA_PAIRS
            && bytes <= MAX_METADATA_BYTES
            && names.len() == pairs.len()
            && self.sha256.as_ref().is_none_or(|digest| digest.len() == 32);
        if is_good { Ok(()) } else { Err(Error::invalid("the metadata")) }
    }
}

/// Returns the owner of an object that the caller writes: none if it is an admin.
pub(super) fn owner(caller: &Caller) -> Option<Principal> {
    (!caller.is_admin).then_some(caller.principal)
}

impl Model {
    /// Checks a condition, and returns it with a revision in place of a digest.
    pub(super) fn check_condition(
        &self,
        key: &str,
        condition: Option<&Condition>,
    ) -> Result<Condition, Error> {
        let object = self.objects.get(key);
        let current = object.map(|object| object.info.revision);
        match condition.cloned().unwrap_or_default() {
            Condition::Sha256(digest) => match object.and_then(Object::digest) {
                Some(held) if *held == digest => Ok(Condition::Revision(current.unwrap_or(0))),
                _ => Err(Error::RevisionMismatch { current }),
            },
            Condition::Absent if current.is_some() => Err(Error::AlreadyExists),
            Condition::Revision(revision) if current != Some(revision) => {
                Err(Error::RevisionMismatch { current })
            }
            condition => Ok(condition),
        }
    }

    /// Inserts an object, and replaces an existing one. Its digest is a declared one.
    pub(super) fn insert(&mut self, key: &str, value: Value, metadata: Metadata) -> Written {
        let Metadata { content_type, content_encoding, pairs, sha256, owner } = metadata;
        self.revision += 1;
        let info = ObjectInfo {
            key: key.into(),
            size: value.len() as u64,
            revision: self.revision,
            content_type: content_type.filter(|text| !text.is_empty()),
            content_encoding: content_encoding.filter(|text| !text.is_empty()),
            metadata: pairs.filter(|pairs| !pairs.is_empty()),
            owner,
            created_ns: self.objects.get(key).map_or(self.now_ns, |object| object.info.created_ns),
            modified_ns: self.now_ns,
            sha256: sha256.map(|digest| Checksum { digest, state: ChecksumState::Declared }),
        };
        self.objects.insert(key.into(), Object { info, value, hashed: 0, pieces: 0 });
        self.touch(key);
        Written { revision: self.revision }
    }

    fn remove(&mut self, key: &str) -> Option<Object> {
        let removed = self.objects.remove(key);
        if removed.is_some() {
            self.revision += 1;
            self.touch(key);
        }
        removed
    }

    fn under(&self, prefix: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    pub(super) fn put_many(&mut self, puts: &[PutArgs], caller: &Caller) -> Result<Answer, Error> {
        let (mut keys, mut digests) = (BTreeSet::new(), Vec::new());
        for put in puts {
            check_payload(&put.value)?;
            Metadata::of_put(put, caller).check()?;
            check_key(&put.key)?;
            check_digest(put.condition.as_ref())?;
            if !keys.insert(&put.key) {
                return Err(Error::invalid("a key that occurs twice"));
            }
            self.check_condition(&put.key, put.condition.as_ref())?;
            digests.push(self.digest_of(&put.key, &put.value, put.sha256.as_ref())?);
        }
        let written = puts.iter().zip(digests).map(|(put, sha256)| {
            let written = self.insert(&put.key, Rc::new(put.value.to_vec()), Metadata::of_put(put, caller));
            self.objects.get_mut(&put.key).expect("it has just been inserted").info.sha256 = sha256;
            self.touch(&put.key);
            written
        });
        Ok(Answer::Written(written.collect()))
    }

    pub(super) fn delete(&mut self, args: &DeleteArgs) -> Result<Answer, Error> {
        check_key(&args.key)?;
        check_digest(args.condition.as_ref())?;
        self.check_condition(&args.key, args.condition.as_ref())?;
        Ok(Answer::WasThere(self.remove(&args.key).is_some()))
    }

    pub(super) fn delete_many(&mut self, deletes: &[DeleteArgs]) -> Result<Answer, Error> {
        let mut keys = BTreeSet::new();
        for DeleteArgs { key, condition } in deletes {
            check_key(key)?;
            check_digest(condition.as_ref())?;
            if !keys.insert(key) {
                return Err(Error::invalid("a key that occurs twice"));
            }
            self.check_condition(key, condition.as_ref())?;
        }
        let removed = deletes.iter().map(|delete| self.remove(&delete.key).is_some());
        Ok(Answer::WereThere(removed.collect()))
    }

    pub(super) fn delete_prefix(&mut self, args: &DeletePrefixArgs) -> Result<Answer, Error> {
        if args.limit == Some(0) {
            return Err(Error::invalid("the limit"));
        }
        let keys = self.under(&args.prefix);
        let count =
            keys.len().min(args.limit.map_or(MAX_PAGE_ITEMS, |limit| limit.min(MAX_PAGE_ITEMS)) as usize);
        for key in &keys[..count] {
            self.remove(key);
        }
        Ok(Answer::Deleted(Deleted { deleted: count as u64, more: keys.len() > count }))
    }

    pub(super) fn take_first(&mut self, prefix: &str) -> Result<Answer, Error> {
        let Some(key) = self.under(prefix).into_iter().next() else { return Ok(Answer::Taken(None)) };
        let size = self.objects[&key].info.size;
        if size > MAX_REPLY_BYTES {
            return Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES });
        }
        let value = self.remove(&key).map(|object| ByteBuf::from(object.value.to_vec()));
        Ok(Answer::Taken(value.map(|value| Entry { key, value })))
    }

    pub(super) fn rename(&mut self, args: &RenameArgs) -> Result<Answer, Error> {
        check_key(&args.from)?;
        check_key(&args.to)?;
        check_digest(args.condition.as_ref())?;
        let mut object = self.objects.get(&args.from).ok_or(Error::NotFound)?.clone();
        self.check_condition(&args.to, args.condition.as_ref())?;
        self.objects.remove(&args.from);
        self.touch(&args.from);
        self.revision += 1;
        self.judge_under(&args.to, &mut object);
        object.info.key.clone_from(&args.to);
        (object.info.revision, object.info.modified_ns) = (self.revision, self.now_ns);
        self.objects.insert(args.to.clone(), object);
        self.touch(&args.to);
        Ok(Answer::written(Written { revision: self.revision }))
    }

    pub(super) fn copy(&mut self, args: &CopyArgs, caller: &Caller) -> Result<Answer, Error> {
        check_key(&args.from)?;
        check_key(&args.to)?;
        check_digest(args.condition.as_ref())?;
        let given = args.metadata.as_ref().map(|given| Metadata::of_copy(given, caller));
        given.as_ref().map_or(Ok(()), Metadata::check)?;
        if args.sha256.as_ref().is_some_and(|digest| digest.len() != 32) {
            return Err(Error::invalid("the digest"));
        }
        let mut source = self.objects.get(&args.from).ok_or(Error::NotFound)?.clone();
        let is_expected = args.revision.is_none_or(|expected| expected == source.info.revision)
            && args.sha256.as_ref().is_none_or(|expected| Some(expected) == source.digest());
        if !is_expected {
            return Err(Error::RevisionMismatch { current: Some(source.info.revision) });
        }
        if args.from != args.to && source.info.size > COPY_STEP_BYTES {
            return Err(Error::TooLarge { size: source.info.size, limit: COPY_STEP_BYTES });
        }
        self.check_condition(&args.to, args.condition.as_ref())?;
        self.judge_under(&args.to, &mut source);
        let Object { info, value, hashed, pieces } = source;
        let metadata = given.unwrap_or_else(|| Metadata {
            content_type: info.content_type,
            content_encoding: info.content_encoding,
            pairs: info.metadata,
            sha256: None,
            owner: owner(caller),
        });
        let written = self.insert(&args.to, value, metadata);
        let copy = self.objects.get_mut(&args.to).expect("it has just been inserted");
        (copy.info.sha256, copy.hashed, copy.pieces) = (info.sha256, hashed, pieces);
        self.touch(&args.to);
        Ok(Answer::written(written))
    }

    /// Returns the bytes of sources that follow each other.
    pub(super) fn bytes_of(&self, sources: &[CopySource]) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for CopySource { key, revision, offset, length } in sources {
            let Object { info, value, .. } = self.objects.get(key).ok_or(Error::NotFound)?;
            if *revision != info.revision {
                return Err(Error::RevisionMismatch { current: Some(info.revision) });
            }
            let offset = offset.unwrap_or(0);
            let length = length.unwrap_or_else(|| info.size.saturating_sub(offset));
            let range = value.get(offset as usize..).and_then(|rest| rest.get(..length as usize));
            bytes.extend(range.ok_or(Error::OutOfRange { offset, length, size: info.size })?);
        }
        Ok(bytes)
    }

    /// Hashes up to `step_bytes` more of an object.
    pub(super) fn verify_in_steps(&mut self, key: &str, step_bytes: u64) -> Result<VerifyProgress, Error> {
        check_key(key)?;
        let object = self.objects.get_mut(key).ok_or(Error::NotFound)?;
        let size = object.info.size;
        object.hashed = size.min(object.hashed + step_bytes);
        let hashed = object.hashed;
        let verdict = (hashed == size).then(|| object.judge());
        self.touch(key);
        Ok(VerifyProgress { hashed, size, verdict })
    }
}
