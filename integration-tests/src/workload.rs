//! Differential test of a canister against the model, through the client, like the engine's model test.

use candid::Principal;
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{Condition, DeleteArgs, Error, ListArgs, PutArgs, ReadArgs, Role};
use storage_client::ClientError;
use storage_engine::Caller;
use storage_model::{Answer, Call, Model, Op, State};

use crate::{Harness, SuiteClient, controller};

const READS: &str = "a controller may read";

/// Canister and model.
pub struct Workload<'h> {
    harness: &'h Harness,
    model: Model,
}

impl<'h> Workload<'h> {
    /// Creates a new canister and its model. Three principals become writers, and the controller is the admin.
    pub async fn start(harness: &'h Harness) -> Self {
        let writer = |number: u8| Caller { principal: self::writer(number), is_admin: false };
        let admin = Caller { principal: controller(), is_admin: true };
        let config = harness.client().get_config().await.expect(READS);
        let model = Model::new(config, [writer(0), writer(1), admin, writer(2)]);
        let mut workload = Self { harness, model };
        for number in 0..3 {
            let grant = Call::SetRole(self::writer(number), Some(Role::Writer));
            workload.run(&admin, &grant).await.expect("a controller gives roles");
        }
        // The clock of the model is the canister's, which is part of everything that it records.
        workload.model.now_ns = 0;
        workload
    }

    /// Returns the calls of an operation.
    pub fn calls(&mut self, op: &Op) -> Vec<(Caller, Call)> {
        self.model.calls(op)
    }

    /// Returns the last time that the canister has recorded, in nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        self.model.now_ns
    }

    /// Makes a call, and returns its result.
    ///
    /// # Panics
    ///
    /// If the model predicts another result.
    pub async fn run(&mut self, caller: &Caller, call: &Call) -> Result<Answer, Error> {
        // For a canister, reopening is an upgrade.
        let call = if matches!(call, Call::Reopen) { &Call::Upgrade { sealed: false } } else { call };
        let client = self.harness.client_as(caller.principal);
        let answered = match self.call(&client, call).await {
            Ok(answer) => Ok(answer),
            Err(ClientError::Storage { error, .. }) => Err(error),
            Err(error) => panic!("{error}"),
        };
        if let Err(error) = &answered
            && self.is_of_inspection(caller, call, error)
        {
            return answered;
        }
        let recorded = self.recorded_ns(&client, call, &answered).await;
        self.model.now_ns = recorded.map_or(self.model.now_ns, |now_ns| now_ns.max(self.model.now_ns));
        self.model.agree(caller, call, &answered, false);
        answered
    }

    /// Returns whether a call was dropped by `inspect_message`, which may report a different error of the call than the method
    /// would. The engine's model test compares the errors.
    fn is_of_inspection(&self, caller: &Caller, call: &Call, error: &Error) -> bool {
        let is_inspected = matches!(
            call,
            Call::Put(_)
                | Call::PutMany(_)
                | Call::WriteChunk { .. }
                | Call::RegionStore { .. }
                | Call::Append(_)
        );
        let is_found_by_inspection = matches!(
            error,
            Error::InvalidArgument { .. } | Error::TooLarge { .. } | Error::LimitExceeded { .. }
        );
        is_inspected && is_found_by_inspection && self.model.refuses(caller, call)
    }

    /// Returns the time that a call has recorded. The replies of chunks and writes have no time, so the upload and the objects are
    /// read.
    async fn recorded_ns(
        &self,
        client: &SuiteClient,
        call: &Call,
        answered: &Result<Answer, Error>,
    ) -> Option<u64> {
        let config = self.model.config();
        match (call, answered) {
            (Call::WriteChunk { id, .. } | Call::CopyChunks { id, .. }, Ok(_)) => {
                let status = client.upload_status(*id).await.expect("the upload is open");
                Some(status.upload.expires_ns - config.upload_idle_ns)
            }
            (_, Ok(Answer::Written(written))) => {
                let last = written.last()?.revision;
                let page = client.list(&ListArgs::prefix("")).await.expect("the caller may read");
                page.objects.iter().find(|object| object.revision == last).map(|object| object.modified_ns)
            }
            (_, Ok(answer)) => answer.time_ns(&config),
            _ => None,
        }
    }

    async fn call(&self, client: &SuiteClient, call: &Call) -> Result<Answer, ClientError> {
        match call {
            Call::Put(put) if is_plain(put) => client.put(&put.key, &put.value).await.map(Answer::written),
            Call::Put(put) => client.put_with(put.clone()).await.map(Answer::written),
            Call::PutMany(puts) => client.put_many(puts).await.map(Answer::Written),
            Call::Delete(DeleteArgs { key, condition }) => {
                client.delete_when(key, condition.clone().unwrap_or_default()).await.map(Answer::WasThere)
            }
            Call::DeleteMany(deletes) => client.delete_many(deletes).await.map(Answer::WereThere),
            Call::DeletePrefix(args) => {
                client.delete_prefix(&args.prefix, args.limit).await.map(Answer::Deleted)
            }
            Call::TakeFirst(prefix) => client.take_first(prefix).await.map(Answer::Taken),
            Call::Rename(args) => {
                let condition = args.condition.clone().unwrap_or_default();
                client.rename_when(&args.from, &args.to, condition).await.map(Answer::written)
            }
            Call::Copy(args) => client.copy_small(args).await.map(Answer::written),
            Call::CopyChunks { id, first, sources } => {
                client.copy_chunks(*id, *first, sources).await.map(Answer::Received)
            }
            Call::Verify(key) => client.verify(key).await.map(Answer::Verified),
            Call::CreateUpload(args) => client.create_upload(args).await.map(Answer::Upload),
            Call::WriteChunk { id, index, bytes } => {
                client.write_chunk(*id, *index, bytes).await.map(Answer::Received)
            }
            Call::CommitUpload(id, None) => client.commit_upload(*id).await.map(Answer::written),
            Call::CommitUpload(id, Some(end)) => {
                client.commit_upload_with(*id, end).await.map(Answer::written)
            }
            Call::AbortUpload(id) => client.abort_upload(*id).await.map(|()| Answer::Nothing),
            Call::Append(entries) => client.append(entries).await.map(Answer::Appended),
            Call::Log(text) => client.log(text).await.map(|()| Answer::Nothing),
            Call::RegionNew => client.region_new().await.map(Answer::Region),
            Call::RegionGrow { id, pages } => client.region_grow(*id, *pages).await.map(Answer::Pages),
            Call::RegionStore { id, offset, bytes } => {
                client.region_store_blob(*id, *offset, bytes).await.map(|()| Answer::Nothing)
            }
            Call::RegionSetOwner { id, owner } => {
                client.region_set_owner(*id, *owner).await.map(Answer::Region)
            }
            Call::SetCertified { .. }
            | Call::SetSite(_)
            | Call::RemoveSite(_)
            | Call::Certify(_)
            | Call::CertifyLog => unreachable!("light operations certify nothing"),
            Call::SetRole(who, role) => client.set_role(*who, *role).await.map(|()| Answer::Nothing),
            Call::Configure(settings) => client.configure(settings).await.map(Answer::Config),
            Call::Back(_) => unreachable!("the clock of a canister's host is not set back"),
            Call::Wait(nanoseconds) => {
                self.harness.advance_time(*nanoseconds).await;
                Ok(Answer::Nothing)
            }
            Call::Reopen | Call::Upgrade { sealed: false } => {
                self.harness.upgrade_skipping_pre_upgrade().await;
                Ok(Answer::Nothing)
            }
            Call::Upgrade { sealed: true } => {
                self.harness.upgrade().await;
                Ok(Answer::Nothing)
            }
        }
    }

    /// Compares the metadata that the canister returns with the model.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub async fn assert_state(&self) {
        let client = self.harness.client();
        let state = State {
            config: client.get_config().await.expect(READS),
            objects: client.list_all("").await.expect(READS),
            uploads: client.list_uploads().await.expect(READS),
            regions: client.region_list().await.expect(READS),
            roles: client.list_roles().await.expect(READS),
            prefixes: client.certified_prefixes().await.expect(READS),
            sites: client.list_sites().await.expect(READS),
            totals: (&client.status().await.expect(READS)).into(),
        };
        assert_eq!(state, self.model.state());
    }

    /// Compares everything that can be read with the model.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub async fn assert_holds(&self) {
        self.assert_state().await;
        let client = self.harness.client();
        for (key, revision, value) in self.model.values() {
            for (number, part) in (0..).zip(value.chunks(CHUNK_BYTES as usize)) {
                let (offset, revision) = (number * CHUNK_BYTES, Some(revision));
                let read = ReadArgs { key: key.into(), offset, length: Some(CHUNK_BYTES), revision };
                assert!(client.read(&read).await.expect(READS) == part, "{read:?} differs from the model");
            }
        }
        let log = client.read_log_all(0).await.expect(READS);
        assert!(
            log.iter().eq(self.model.log().iter().map(|entry| &**entry)),
            "the log differs from the model"
        );
        for (id, start, bytes) in self.model.region_pages() {
            let loaded = client.region_load_blob(id, start, bytes.len() as u64).await.expect(READS);
            assert!(loaded == *bytes, "the page at {start} of region {id} differs from the model");
        }
    }
}

fn writer(number: u8) -> Principal {
    Principal::self_authenticating([number; 8])
}

/// Returns whether `put` can express it.
fn is_plain(put: &PutArgs) -> bool {
    let PutArgs { key, value, condition, .. } = put.clone();
    matches!(condition, None | Some(Condition::Any))
        && *put == PutArgs { condition, ..PutArgs::new(key, value.into_vec()) }
}
