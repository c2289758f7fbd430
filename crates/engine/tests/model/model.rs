//! What a store is supposed to be, in collections of std.

use std::collections::BTreeMap;

use candid::Principal;
use sha2::{Digest, Sha256};
use storage_api::limits::{FIRST_REGION, MAX_REPLY_BYTES};
use storage_api::{
    Checksum, ChecksumState, Condition, Config, Error, ObjectInfo, RegionInfo, Role, Settings,
};
use storage_engine::Caller;
use storage_engine::testing::callers;

use crate::content::Content;
use crate::ops::{Cond, Op};

pub(crate) const PAGE_BYTES: u64 = 65_536;

/// What an operation answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Nothing,
    Number(u64),
    Bool(bool),
    Deleted(u64, bool),
    Objects(Vec<ObjectInfo>),
    Taken(Option<(String, Vec<u8>)>),
    Verdict(ChecksumState),
    Region(RegionInfo),
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) content: Content,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) sha256: Option<(Vec<u8>, ChecksumState)>,
}

impl Object {
    pub(crate) fn info(&self, key: &str) -> ObjectInfo {
        let sha256 = self.sha256.clone();
        ObjectInfo {
            key: key.into(),
            size: self.content.size(),
            revision: self.revision,
            content_type: None,
            created_ns: self.created_ns,
            modified_ns: self.modified_ns,
            sha256: sha256.map(|(digest, state)| Checksum { digest: digest.into(), state }),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) creator: Principal,
    pub(crate) condition: Condition,
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) touched_ns: u64,
    /// The seeds of the chunks that have been received.
    pub(crate) chunks: BTreeMap<u64, u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) owner: Principal,
    pub(crate) pages: u64,
    pub(crate) created_ns: u64,
    pub(crate) bytes: BTreeMap<u64, u8>,
}

#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) now_ns: u64,
    pub(crate) config: Config,
    pub(crate) revision: u64,
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) created_uploads: u64,
    pub(crate) uploads: BTreeMap<u64, Upload>,
    pub(crate) log: Vec<Content>,
    pub(crate) regions: Vec<Region>,
    pub(crate) roles: BTreeMap<Principal, Role>,
    pub(crate) upgrades: u64,
    pub(crate) last_was_sealed: bool,
}

/// Short keys and one as long as a key may be, two of them prefixes of others.
pub(crate) fn name(key: u8) -> String {
    match key {
        0 => "k".into(),
        1 => "k/1".into(),
        2 => "k/".repeat(512),
        other => format!("k/{other}é"),
    }
}

pub(crate) fn caller(who: u8) -> Caller {
    callers()[usize::from(who)]
}

/// Whom a role or a region is given to; those from 3 on are anonymous, who can have neither.
pub(crate) fn principal(number: u8) -> Principal {
    match number {
        0..3 => caller(number).principal,
        _ => Principal::anonymous(),
    }
}

impl Model {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            now_ns: 1_000_000_000_000_000_000,
            config,
            revision: 0,
            objects: BTreeMap::new(),
            created_uploads: 0,
            uploads: BTreeMap::new(),
            log: Vec::new(),
            regions: Vec::new(),
            roles: BTreeMap::new(),
            upgrades: 0,
            last_was_sealed: false,
        }
    }

    pub(crate) fn condition(&self, key: &str, condition: Cond) -> Condition {
        let current = self.objects.get(key).map_or(0, |object| object.revision);
        match condition {
            Cond::Any => Condition::Any,
            Cond::Absent => Condition::Absent,
            Cond::Current => Condition::Revision(current),
            Cond::Stale => Condition::Revision(current + 1_000_000),
        }
    }

    fn check(&self, key: &str, condition: Condition) -> Result<(), Error> {
        let current = self.objects.get(key).map(|object| object.revision);
        match condition {
            Condition::Any => Ok(()),
            Condition::Absent if current.is_some() => Err(Error::AlreadyExists),
            Condition::Absent => Ok(()),
            Condition::Revision(revision) if current == Some(revision) => Ok(()),
            Condition::Revision(_) => Err(Error::RevisionMismatch { current }),
        }
    }

    /// The identifier of the upload with this number among those that are there, or one that is not.
    pub(crate) fn upload_id(&self, number: u8) -> u64 {
        self.uploads.keys().nth(number.into()).copied().unwrap_or(1_000)
    }

    pub(crate) fn has_expired(&self, upload: &Upload) -> bool {
        self.now_ns > upload.touched_ns + self.config.upload_idle_ns
    }

    fn upload(&self, id: u64, caller: Caller) -> Result<&Upload, Error> {
        let upload = self.uploads.get(&id).ok_or(Error::NotFound)?;
        if !caller.is_admin && caller.principal != upload.creator {
            return Err(Error::Unauthorized { needed: Role::Admin });
        }
        Ok(upload)
    }

    fn open_upload(&self, id: u64, caller: Caller) -> Result<&Upload, Error> {
        self.upload(id, caller)
            .and_then(|upload| if self.has_expired(upload) { Err(Error::NotFound) } else { Ok(upload) })
    }

    fn region(&mut self, id: u64, who: u8) -> Result<&mut Region, Error> {
        let region = id.checked_sub(FIRST_REGION).and_then(|at| self.regions.get_mut(at as usize));
        let region = region.ok_or(Error::NotFound)?;
        if !caller(who).is_admin && caller(who).principal != region.owner {
            return Err(Error::Unauthorized { needed: Role::Admin });
        }
        Ok(region)
    }

    pub(crate) fn region_info(&self, id: u64) -> RegionInfo {
        let region = &self.regions[(id - FIRST_REGION) as usize];
        RegionInfo { id, owner: region.owner, pages: region.pages, created_ns: region.created_ns }
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    fn insert(&mut self, key: &str, content: Content, sha256: Option<Vec<u8>>) -> ObjectInfo {
        let object = Object {
            content,
            revision: self.next_revision(),
            created_ns: self.objects.get(key).map_or(self.now_ns, |object| object.created_ns),
            modified_ns: self.now_ns,
            sha256: sha256.map(|digest| (digest, ChecksumState::Declared)),
        };
        let info = object.info(key);
        self.objects.insert(key.into(), object);
        info
    }

    fn remove(&mut self, key: &str) -> bool {
        let is_there = self.objects.remove(key).is_some();
        self.revision += u64::from(is_there);
        is_there
    }

    /// What an operation answers, and what there is after it. The seed is that of the values it writes.
    pub(crate) fn apply(&mut self, op: &Op, seed: u8) -> Result<Answer, Error> {
        match op {
            Op::Put { .. } | Op::PutMany { .. } | Op::Rename { .. } | Op::Verify { .. } => {
                self.apply_write(op, seed)
            }
            Op::Delete { .. } | Op::DeletePrefix { .. } | Op::TakeFirst => self.apply_removal(op),
            Op::Create { .. } | Op::Chunk { .. } | Op::Commit { .. } | Op::Abort { .. } => {
                self.apply_upload(op)
            }
            Op::RegionNew { .. }
            | Op::RegionGrow { .. }
            | Op::RegionStore { .. }
            | Op::RegionOwner { .. } => self.apply_region(op, seed),
            _ => self.apply_other(op, seed),
        }
    }

    fn apply_write(&mut self, op: &Op, seed: u8) -> Result<Answer, Error> {
        match op {
            Op::Put { key, size, condition } => {
                let key = name(*key);
                self.check(&key, self.condition(&key, *condition))?;
                Ok(Answer::Objects(vec![self.insert(&key, Content::one(*size, seed), None)]))
            }
            Op::PutMany { keys: [a, b, c], size } => {
                if a == b || b == c || a == c {
                    return Err(Error::InvalidArgument { what: String::new() });
                }
                let keys = [a, b, c].into_iter();
                let infos = keys.map(|key| self.insert(&name(*key), Content::one(*size, seed), None));
                Ok(Answer::Objects(infos.collect()))
            }
            Op::Rename { from, to, condition } => {
                let (from, to) = (name(*from), name(*to));
                let mut object = self.objects.get(&from).ok_or(Error::NotFound)?.clone();
                self.check(&to, self.condition(&to, *condition))?;
                self.objects.remove(&from);
                (object.revision, object.modified_ns) = (self.next_revision(), self.now_ns);
                let info = object.info(&to);
                self.objects.insert(to, object);
                Ok(Answer::Objects(vec![info]))
            }
            Op::Verify { key } => {
                let object = self.objects.get_mut(&name(*key)).ok_or(Error::NotFound)?;
                let computed = Sha256::digest(object.content.bytes()).to_vec();
                let declared = object.sha256.take().map_or_else(|| computed.clone(), |(digest, _)| digest);
                let state =
                    if declared == computed { ChecksumState::Verified } else { ChecksumState::Mismatch };
                object.sha256 = Some((declared, state));
                Ok(Answer::Verdict(state))
            }
            other => unreachable!("{other:?} writes no object"),
        }
    }

    fn apply_removal(&mut self, op: &Op) -> Result<Answer, Error> {
        match op {
            Op::Delete { key } => Ok(Answer::Bool(self.remove(&name(*key)))),
            Op::DeletePrefix { limit: 0 } => Err(Error::InvalidArgument { what: String::new() }),
            Op::DeletePrefix { limit } => {
                let keys: Vec<_> = self.objects.keys().filter(|key| key.starts_with("k/")).cloned().collect();
                let count = keys.len().min(*limit as usize);
                keys[..count].iter().for_each(|key| assert!(self.remove(key)));
                Ok(Answer::Deleted(count as u64, keys.len() > count))
            }
            _ => {
                let Some((key, object)) = self.objects.first_key_value() else {
                    return Ok(Answer::Taken(None));
                };
                let size = object.content.size();
                if size > MAX_REPLY_BYTES {
                    return Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES });
                }
                let (key, value) = (key.clone(), object.content.bytes());
                self.remove(&key);
                Ok(Answer::Taken(Some((key, value))))
            }
        }
    }

    fn apply_upload(&mut self, op: &Op) -> Result<Answer, Error> {
        match op {
            Op::Create { key, size, who, condition, digest } => {
                let key = name(*key);
                if *size == 0 {
                    return Err(Error::InvalidArgument { what: String::new() });
                }
                let condition = self.condition(&key, *condition);
                self.check(&key, condition)?;
                let live = |upload: &Upload| !self.has_expired(upload);
                let mut uploads = self.uploads.clone();
                uploads.retain(|_, upload| live(upload));
                if uploads.len() as u64 >= self.config.max_uploads {
                    let limit = self.config.max_uploads;
                    return Err(Error::LimitExceeded { what: "open uploads".into(), limit });
                }
                self.created_uploads += 1;
                let upload = Upload {
                    digest: digest.map(|seed| declared(*size, seed)),
                    key,
                    size: *size,
                    creator: caller(*who).principal,
                    condition,
                    touched_ns: self.now_ns,
                    chunks: BTreeMap::new(),
                };
                uploads.insert(self.created_uploads, upload);
                self.uploads = uploads;
                Ok(Answer::Number(self.created_uploads))
            }
            Op::Chunk { upload, index, seed, who } => {
                let (id, now_ns) = (self.upload_id(*upload), self.now_ns);
                let open = self.open_upload(id, caller(*who))?;
                let count = open.size.div_ceil(storage_api::limits::CHUNK_BYTES);
                if *index >= count {
                    return Err(Error::OutOfRange { offset: *index, length: 1, size: count });
                }
                match open.chunks.get(index) {
                    Some(there) if there != seed => return Err(Error::AlreadyExists),
                    Some(_) => {}
                    None => {
                        let upload = self.uploads.get_mut(&id).expect("it was just there");
                        upload.chunks.insert(*index, *seed);
                        upload.touched_ns = now_ns;
                    }
                }
                Ok(Answer::Number(self.uploads[&id].received()))
            }
            Op::Commit { upload, who } => {
                let id = self.upload_id(*upload);
                let upload = self.open_upload(id, caller(*who))?.clone();
                let count = upload.size.div_ceil(storage_api::limits::CHUNK_BYTES);
                if let Some(first_missing) = (0..count).find(|index| !upload.chunks.contains_key(index)) {
                    return Err(Error::Incomplete { first_missing });
                }
                self.check(&upload.key, upload.condition)?;
                self.uploads.remove(&id);
                let content = Content::of_chunks(upload.size, upload.chunks.into_values());
                Ok(Answer::Objects(vec![self.insert(&upload.key, content, upload.digest)]))
            }
            Op::Abort { upload, who } => {
                let id = self.upload_id(*upload);
                self.upload(id, caller(*who))?;
                self.uploads.remove(&id);
                Ok(Answer::Nothing)
            }
            other => unreachable!("{other:?} is not about uploads"),
        }
    }

    fn apply_region(&mut self, op: &Op, seed: u8) -> Result<Answer, Error> {
        match op {
            Op::RegionNew { who } => {
                let owner = caller(*who).principal;
                self.regions.push(Region {
                    owner,
                    pages: 0,
                    created_ns: self.now_ns,
                    bytes: BTreeMap::new(),
                });
                Ok(Answer::Region(self.region_info(FIRST_REGION + self.regions.len() as u64 - 1)))
            }
            Op::RegionGrow { region, pages, who } => {
                let region = self.region(*region, *who)?;
                let before = region.pages;
                // More than there can ever be is refused for lack of memory, which the model does not know.
                region.pages = region.pages.saturating_add(*pages);
                Ok(Answer::Number(before))
            }
            Op::RegionStore { region, offset, size: length, who } => {
                let region = self.region(*region, *who)?;
                let size = region.pages * PAGE_BYTES;
                if offset.checked_add(*length).is_none_or(|end| end > size) {
                    return Err(Error::OutOfRange { offset: *offset, length: *length, size });
                }
                region.bytes.extend((*offset..).zip(crate::content::marked(*length, seed)));
                Ok(Answer::Nothing)
            }
            Op::RegionOwner { region, to, who } => {
                let id = *region;
                let region = self.region(id, *who)?;
                if principal(*to) == Principal::anonymous() {
                    return Err(Error::InvalidArgument { what: String::new() });
                }
                region.owner = principal(*to);
                Ok(Answer::Region(self.region_info(id)))
            }
            other => unreachable!("{other:?} is not about regions"),
        }
    }

    fn apply_other(&mut self, op: &Op, seed: u8) -> Result<Answer, Error> {
        match op {
            Op::Append { sizes } => {
                let first = self.log.len() as u64;
                self.log.extend(sizes.iter().map(|size| Content::one(*size, seed)));
                Ok(Answer::Number(first))
            }
            Op::SetRole { principal: number, role } => {
                let principal = principal(*number);
                match role {
                    Some(_) if principal == Principal::anonymous() => {
                        return Err(Error::InvalidArgument { what: String::new() });
                    }
                    Some(role) => drop(self.roles.insert(principal, *role)),
                    None => drop(self.roles.remove(&principal)),
                }
                Ok(Answer::Nothing)
            }
            Op::Configure { settings } => self.configure(settings),
            Op::Wait { seconds } => {
                self.now_ns += seconds * 1_000_000_000;
                Ok(Answer::Nothing)
            }
            Op::Upgrade { sealed } => {
                (self.upgrades, self.last_was_sealed) = (self.upgrades + 1, *sealed);
                Ok(Answer::Nothing)
            }
            Op::Reopen => Ok(Answer::Nothing),
            other => unreachable!("{other:?} belongs to a subject"),
        }
    }

    fn configure(&mut self, settings: &Settings) -> Result<Answer, Error> {
        if settings.max_uploads == Some(0) || settings.upload_idle_ns == Some(0) {
            return Err(Error::InvalidArgument { what: String::new() });
        }
        let config = &mut self.config;
        config.public_read = settings.public_read.unwrap_or(config.public_read);
        config.max_uploads = settings.max_uploads.unwrap_or(config.max_uploads);
        config.upload_idle_ns = settings.upload_idle_ns.unwrap_or(config.upload_idle_ns);
        Ok(Answer::Nothing)
    }
}

impl Upload {
    pub(crate) fn received(&self) -> u64 {
        self.chunks.keys().map(|index| crate::content::chunk_bytes(self.size, *index)).sum()
    }
}

/// The digest of an upload all of whose chunks have the same seed.
pub(crate) fn declared(size: u64, seed: u8) -> Vec<u8> {
    let chunks = size.div_ceil(storage_api::limits::CHUNK_BYTES);
    Sha256::digest(Content::of_chunks(size, (0..chunks).map(|_| seed)).bytes()).to_vec()
}
