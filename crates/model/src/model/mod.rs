//! The model: a store in std collections.

mod certified;
mod lower;
mod objects;
mod read;
mod regions;
mod uploads;

use std::collections::BTreeMap;
use std::rc::Rc;

use candid::Principal;
use stable_storage_api::limits::{
    MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS,
    MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS, PAGE_BYTES, VERIFY_STEP_BYTES,
};
use stable_storage_api::{Appended, Config, Error, Role, Settings};
use storage_engine::Caller;

use crate::call::{Answer, Call};
pub(crate) use certified::StepLimits;
use certified::{Certification, Refused};
pub(crate) use lower::Filling;
use objects::Object;
use regions::Region;
use uploads::Upload;

/// Bytes shared by copies of a model.
pub type Value = Rc<Vec<u8>>;

/// Model of a store. It does not model how much memory is available.
#[derive(Clone, Debug)]
pub struct Model {
    /// The time, in nanoseconds since 1970.
    pub now_ns: u64,
    /// Bytes hashed by one call of `verify`.
    pub(crate) verify_step_bytes: u64,
    /// The most of one step of certification.
    pub(crate) step_limits: StepLimits,
    /// How much of an upload is sent when it is filled.
    pub(crate) filling: Filling,
    callers: [Caller; 4],
    /// Number of operations so far; values differ with it.
    planned: u64,
    config: Config,
    revision: u64,
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<u64, Upload>,
    uploads_opened: u64,
    log: Vec<Value>,
    certified: Certification,
    regions: Vec<Region>,
    roles: BTreeMap<Principal, Role>,
    upgrades: u64,
    last_was_sealed: bool,
}

impl Model {
    /// Creates an empty store. The callers are two writers, an admin, and one without a role.
    #[must_use]
    pub fn new(config: Config, callers: [Caller; 4]) -> Self {
        Self {
            now_ns: 1_000_000_000_000_000_000,
            verify_step_bytes: VERIFY_STEP_BYTES,
            step_limits: StepLimits { objects: 1_000, bytes: VERIFY_STEP_BYTES, entries: 10_000 },
            filling: Filling::default(),
            callers,
            planned: 0,
            config,
            revision: 0,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            uploads_opened: 0,
            log: Vec::new(),
            certified: Certification::default(),
            regions: Vec::new(),
            roles: BTreeMap::new(),
            upgrades: 0,
            last_was_sealed: false,
        }
    }

    /// Applies a call with its result. The result must be the model's own, or out of memory if that is possible; then the model
    /// does not change.
    ///
    /// # Panics
    ///
    /// If the results differ.
    pub fn agree(
        &mut self,
        caller: &Caller,
        call: &Call,
        answered: &Result<Answer, Error>,
        memory_is_short: bool,
    ) {
        if matches!(answered, Err(Error::OutOfMemory { .. }))
            && (memory_is_short || self.may_lack_memory(call))
        {
            let expected = self.clone().apply(caller, call);
            let is_due = matches!(expected, Ok(_) | Err(Error::OutOfMemory { .. }));
            assert!(is_due, "out of memory, before {expected:?} was found out");
            return;
        }
        let expected = self.apply(caller, call);
        match (answered, &expected) {
            // Texts of errors may differ, and the model does not know how much memory there is.
            (Err(Error::InvalidArgument { .. }), Err(Error::InvalidArgument { .. }))
            | (Err(Error::OutOfMemory { .. }), Err(Error::OutOfMemory { .. })) => {}
            _ => assert_eq!(*answered, expected),
        }
    }

    /// Returns whether a call may run out of memory: if the capacity is small, or most of it is reserved.
    #[must_use]
    pub fn may_lack_memory(&self, call: &Call) -> bool {
        let demand = match call {
            Call::CreateUpload(args) => args.size.unwrap_or(0),
            Call::RegionGrow { pages, .. } => pages.saturating_mul(PAGE_BYTES),
            _ => 0,
        };
        let uploads = self.uploads.values().map(|upload| upload.demand());
        let regions = self.regions.iter().map(|region| region.pages * PAGE_BYTES);
        let reserved = uploads.chain(regions).sum::<u64>();
        self.config.capacity < MAX_STABLE_BYTES || reserved.saturating_add(demand) > MAX_STABLE_BYTES / 2
    }

    /// Returns whether a call returns an error, whatever memory there is.
    #[must_use]
    pub fn refuses(&self, caller: &Caller, call: &Call) -> bool {
        self.clone().apply(caller, call).is_err()
    }

    /// Returns the result of a call and applies it. An error changes nothing.
    fn apply(&mut self, caller: &Caller, call: &Call) -> Result<Answer, Error> {
        match call {
            Call::Put(put) => self.put_many(std::slice::from_ref(put), caller),
            Call::PutMany(puts) => self.put_many(puts, caller),
            Call::Delete(args) => self.delete(args),
            Call::DeleteMany(deletes) => self.delete_many(deletes),
            Call::DeletePrefix(args) => self.delete_prefix(args),
            Call::TakeFirst(prefix) => self.take_first(prefix),
            Call::Rename(args) => self.rename(args),
            Call::Copy(args) => self.copy(args, caller),
            Call::CopyChunks { id, first, sources } => self.copy_chunks(*id, *first, sources, caller),
            Call::Verify(key) => self.verify_in_steps(key, self.verify_step_bytes).map(Answer::Verified),
            Call::CreateUpload(args) => self.create_upload(args, caller),
            Call::WriteChunk { id, index, bytes } => self.write_chunk(*id, *index, bytes, caller),
            Call::CommitUpload(id, end) => self.commit_upload(*id, end.as_ref(), caller),
            Call::AbortUpload(id) => self.abort_upload(*id, caller),
            Call::Append(entries) => self.append(entries).map(Answer::Appended),
            Call::Log(text) => self.append(&[text.clone().into_bytes()]).map(|_| Answer::Nothing),
            Call::RegionNew => self.region_new(caller),
            Call::RegionGrow { id, pages } => self.region_grow(*id, *pages, caller),
            Call::RegionStore { id, offset, bytes } => self.region_store(*id, *offset, bytes, caller),
            Call::RegionSetOwner { id, owner } => self.region_set_owner(*id, *owner, caller),
            Call::SetCertified { prefix, is_certified } => self.set_certified(prefix, *is_certified),
            Call::SetSite(site) => self.set_site(site),
            Call::RemoveSite(prefix) => Ok(self.remove_site(prefix)),
            Call::Certify(prefix) => self.certify(prefix, Refused::default()),
            Call::CertifyLog => Ok(self.certify_log()),
            Call::SetRole(who, role) => self.set_role(*who, *role),
            Call::Configure(settings) => self.configure(settings),
            Call::Wait(nanoseconds) => {
                self.now_ns += nanoseconds;
                Ok(Answer::Nothing)
            }
            Call::Back(nanoseconds) => {
                self.now_ns = self.now_ns.saturating_sub(*nanoseconds);
                Ok(Answer::Nothing)
            }
            Call::Reopen => Ok(Answer::Nothing),
            Call::Upgrade { sealed } => {
                (self.upgrades, self.last_was_sealed) = (self.upgrades + 1, *sealed);
                Ok(Answer::Nothing)
            }
        }
    }

    fn append(&mut self, entries: &[Vec<u8>]) -> Result<Appended, Error> {
        if entries.len() as u64 > MAX_BATCH_ITEMS {
            return Err(Error::LimitExceeded {
                what: "entries in one append".into(),
                limit: MAX_BATCH_ITEMS,
            });
        }
        entries.iter().try_for_each(|entry| check_payload(entry))?;
        let (first, was_certified) = (self.log.len() as u64, self.has_certified_log());
        self.log.extend(entries.iter().cloned().map(Rc::new));
        self.follow_append(was_certified);
        Ok(Appended { first, next: self.log.len() as u64 })
    }

    fn set_role(&mut self, who: Principal, role: Option<Role>) -> Result<Answer, Error> {
        match role {
            Some(_) if who == Principal::anonymous() => return Err(Error::invalid("the principal")),
            Some(role) => drop(self.roles.insert(who, role)),
            None => drop(self.roles.remove(&who)),
        }
        Ok(Answer::Nothing)
    }

    fn configure(&mut self, settings: &Settings) -> Result<Answer, Error> {
        let Settings { capacity, public_read, max_uploads, upload_idle_ns } = *settings;
        let idle_ns = MIN_UPLOAD_IDLE_NS..=MAX_UPLOAD_IDLE_NS;
        if capacity.is_some_and(|bytes| !(MIN_CAPACITY_BYTES..=MAX_STABLE_BYTES).contains(&bytes))
            || max_uploads.is_some_and(|uploads| !(1..=MAX_UPLOADS).contains(&uploads))
            || upload_idle_ns.is_some_and(|idle| !idle_ns.contains(&idle))
        {
            return Err(Error::invalid("a setting"));
        }
        self.config = Config {
            capacity: capacity.unwrap_or(self.config.capacity),
            public_read: public_read.unwrap_or(self.config.public_read),
            max_uploads: max_uploads.unwrap_or(self.config.max_uploads),
            upload_idle_ns: upload_idle_ns.unwrap_or(self.config.upload_idle_ns),
        };
        Ok(Answer::Config(self.config))
    }
}

/// Rejects a region or upload of another owner.
fn check_owner(owner: Principal, caller: &Caller) -> Result<(), Error> {
    if caller.is_admin || caller.principal == owner {
        Ok(())
    } else {
        Err(Error::Unauthorized { needed: Role::Admin })
    }
}

/// Rejects a value that is too long.
fn check_payload(value: &[u8]) -> Result<(), Error> {
    let (size, limit) = (value.len() as u64, MAX_PAYLOAD_BYTES);
    if size > limit { Err(Error::TooLarge { size, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use storage_engine::testing::callers;

    use stable_storage_api::DeleteArgs;

    use super::*;

    fn model() -> Model {
        let [one, other, admin] = callers();
        let (capacity, upload_idle_ns) = (MAX_STABLE_BYTES, MIN_UPLOAD_IDLE_NS);
        let config = Config { capacity, public_read: false, max_uploads: 1, upload_idle_ns };
        Model::new(config, [one, other, admin, other])
    }

    #[test]
    #[should_panic(expected = "left")]
    fn different_result_is_detected() {
        let call = Call::Delete(DeleteArgs::new("k"));
        model().agree(&callers()[2], &call, &Ok(Answer::WasThere(true)), false);
    }

    #[test]
    #[should_panic(expected = "left")]
    fn out_of_memory_is_detected_if_there_is_memory() {
        let (call, refused) = (Call::Append(vec![]), Error::OutOfMemory { requested: 1, available: 0 });
        model().agree(&callers()[2], &call, &Err(refused), false);
    }

    #[test]
    fn out_of_memory_changes_nothing() {
        let (call, refused) = (Call::RegionNew, Error::OutOfMemory { requested: 1, available: 0 });
        let mut model = model();
        model.agree(&callers()[2], &call, &Err(refused), true);
        assert_eq!(model.state().regions, []);
    }
}
