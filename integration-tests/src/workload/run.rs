//! Doing an operation to a canister and to the model, which must agree.

use std::fmt::Debug;

use candid::Principal;
use storage_api::limits::{MAX_REPLY_BYTES, PAGE_BYTES};
use storage_api::{Condition, Error, ObjectInfo, PutArgs, ReadArgs, UploadArgs};
use storage_client::ClientError;

use super::model::{Model, OpenUpload};
use super::op::Op;
use crate::{Harness, SuiteClient, data};

/// How an operation went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Everything that was answered. Of a reject only its codes, because its text names the canister.
    pub text: String,
    /// The time that the canister has recorded, in nanoseconds since 1970, where it has recorded one.
    pub time_ns: Option<u64>,
}

impl Outcome {
    fn of<T: Debug>(result: &Result<T, ClientError>, time_ns: impl FnOnce(&T) -> Option<u64>) -> Self {
        match result {
            Ok(answer) => Self { text: format!("{answer:?}"), time_ns: time_ns(answer) },
            Err(ClientError::Storage { error, .. }) => Self { text: format!("{error:?}"), time_ns: None },
            Err(ClientError::Rejected { code, error_code, .. }) => {
                Self { text: format!("rejected with {code} {error_code:?}"), time_ns: None }
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn modified(info: &ObjectInfo) -> Option<u64> {
    Some(info.modified_ns)
}

fn timeless<T>(_: &T) -> Option<u64> {
    None
}

fn principal(number: u8) -> Principal {
    Principal::self_authenticating([number; 8])
}

/// The error of the contract that a call has answered.
fn error_of<T: Debug>(result: &Result<T, ClientError>) -> &Error {
    match result {
        Err(ClientError::Storage { error, .. }) => error,
        other => panic!("an error of the contract was expected, not {other:?}"),
    }
}

/// Does an operation to the canister, as its controller, and to the model.
///
/// # Panics
///
/// Where the two do not agree.
pub async fn run(op: &Op, harness: &Harness, model: &mut Model) -> Outcome {
    let client = &harness.client();
    match op {
        Op::Put { .. } | Op::PutIfAbsent { .. } | Op::PutBoth { .. } => put(op, client, model).await,
        Op::Rename { .. } | Op::Delete { .. } | Op::DeletePrefix { .. } | Op::TakeFirst { .. } => {
            change_keys(op, client, model).await
        }
        Op::Append { .. } | Op::Log { .. } => log(op, client, model).await,
        Op::CreateUpload { .. } | Op::WriteChunk { .. } | Op::Commit { .. } | Op::Abort { .. } => {
            upload(op, client, model).await
        }
        Op::RegionNew | Op::RegionGrow { .. } | Op::RegionStore { .. } => region(op, client, model).await,
        Op::SetRole { who, role } => {
            let result = client.set_role(principal(*who), *role).await;
            match role {
                Some(role) => drop(model.roles.insert(principal(*who), *role)),
                None => drop(model.roles.remove(&principal(*who))),
            }
            Outcome::of(&result, timeless)
        }
        Op::Configure(settings) => {
            let result = client.configure(settings).await;
            let allowed = model.configure(settings);
            assert_eq!(result.is_ok(), allowed, "{settings:?}: {result:?}");
            Outcome::of(&result, timeless)
        }
        Op::Upgrade { skip_pre_upgrade } => {
            match skip_pre_upgrade {
                false => drop(harness.upgrade().await),
                true => drop(harness.upgrade_skipping_pre_upgrade().await),
            }
            Outcome { text: "upgraded".into(), time_ns: None }
        }
    }
}

async fn put(op: &Op, client: &SuiteClient, model: &mut Model) -> Outcome {
    match op {
        Op::Put { key, size, seed } => {
            let value = data::bytes(*seed, *size);
            let result = client.put(key, &value).await;
            assert_eq!(result.as_ref().map(|info| info.size).ok(), Some(*size as u64));
            model.objects.insert((*key).into(), value);
            Outcome::of(&result, modified)
        }
        Op::PutIfAbsent { key, size, seed } => {
            let value = data::bytes(*seed, *size);
            let result = client.put_with(PutArgs::new(*key, value.clone()).when(Condition::Absent)).await;
            if model.objects.contains_key(*key) {
                assert_eq!(error_of(&result), &Error::AlreadyExists);
            } else {
                model.objects.insert((*key).into(), value);
            }
            Outcome::of(&result, modified)
        }
        Op::PutBoth { keys, size, seed } => {
            let value = data::bytes(*seed, *size);
            let result = client.put_many(&keys.map(|key| PutArgs::new(key, value.clone()))).await;
            if keys[0] == keys[1] {
                assert!(matches!(error_of(&result), Error::InvalidArgument { .. }));
            } else {
                model.objects.extend(keys.map(|key| (key.to_owned(), value.clone())));
            }
            Outcome::of(&result, |infos| infos.first().and_then(modified))
        }
        other => unreachable!("{other:?} stores no value"),
    }
}

async fn change_keys(op: &Op, client: &SuiteClient, model: &mut Model) -> Outcome {
    match op {
        Op::Rename { from, to } => {
            let result = client.rename(from, to).await;
            match model.objects.remove(*from) {
                None => assert_eq!(error_of(&result), &Error::NotFound),
                Some(value) => drop(model.objects.insert((*to).into(), value)),
            }
            Outcome::of(&result, modified)
        }
        Op::Delete { key } => {
            let result = client.delete(key).await;
            assert_eq!(result.as_ref().ok(), Some(&model.objects.remove(*key).is_some()));
            Outcome::of(&result, timeless)
        }
        Op::DeletePrefix { prefix } => {
            let before = model.objects.len();
            model.objects.retain(|key, _| !key.starts_with(prefix));
            let result = client.delete_all(prefix).await;
            assert_eq!(result.as_ref().ok(), Some(&((before - model.objects.len()) as u64)));
            Outcome::of(&result, timeless)
        }
        Op::TakeFirst { prefix } => {
            let first = model.objects.keys().find(|key| key.starts_with(prefix)).cloned();
            let result = client.take_first(prefix).await;
            if first.as_ref().is_some_and(|first| model.objects[first].len() as u64 > MAX_REPLY_BYTES) {
                assert!(matches!(error_of(&result), Error::TooLarge { .. }));
                return Outcome::of(&result, timeless);
            }
            let expected = first.and_then(|first| model.objects.remove_entry(&first));
            let taken = result.as_ref().ok().and_then(Option::as_ref);
            assert!(
                taken.map(|entry| (&entry.key, &**entry.value)) == expected.as_ref().map(|(k, v)| (k, &**v))
            );
            Outcome::of(&result, timeless)
        }
        other => unreachable!("{other:?} changes no keys"),
    }
}

async fn log(op: &Op, client: &SuiteClient, model: &mut Model) -> Outcome {
    match op {
        Op::Append { sizes } => {
            let first = model.log.len();
            let entries: Vec<_> = sizes
                .iter()
                .enumerate()
                .map(|(number, size)| data::bytes((first + number) as u64, *size))
                .collect();
            let result = client.append(&entries).await;
            assert_eq!(result.as_ref().ok().map(|appended| appended.first), Some(first as u64));
            model.log.extend(entries);
            Outcome::of(&result, timeless)
        }
        Op::Log { text } => {
            let result = client.log(text).await;
            model.log.push(text.clone().into_bytes());
            Outcome::of(&result, timeless)
        }
        other => unreachable!("{other:?} is not about the log"),
    }
}

async fn upload(op: &Op, client: &SuiteClient, model: &mut Model) -> Outcome {
    let none = Outcome { text: "there is no such upload".into(), time_ns: None };
    let idle_ns = model.config.upload_idle_ns;
    match op {
        Op::CreateUpload { key, size, seed } => {
            let result = client.create_upload(&UploadArgs::new(*key, *size)).await;
            let limit = model.config.max_uploads;
            if model.uploads.len() as u64 >= limit {
                let expected = Error::LimitExceeded { what: "open uploads".into(), limit };
                assert_eq!(error_of(&result), &expected);
            } else if let Ok(upload) = &result {
                let bytes = data::bytes(*seed, *size as usize);
                model.uploads.push(OpenUpload { id: upload.id, key, bytes, received: Default::default() });
            } else {
                panic!("{result:?}");
            }
            Outcome::of(&result, |upload| Some(upload.expires_ns - idle_ns))
        }
        Op::WriteChunk { upload, chunk } => {
            let Some(upload) = model.uploads.get_mut(*upload) else { return none };
            let index = chunk % upload.chunks();
            let result = client.write_chunk(upload.id, index, upload.chunk(index)).await;
            upload.received.insert(index);
            let received: u64 = upload.received.iter().map(|index| upload.chunk(*index).len() as u64).sum();
            assert_eq!(result.as_ref().ok().map(|received| received.received), Some(received));
            let status = client.upload_status(upload.id).await.expect("the upload is open");
            Outcome::of(&result, |_| Some(status.upload.expires_ns - idle_ns))
        }
        Op::Commit { upload } => {
            let Some(open) = model.uploads.get(*upload) else { return none };
            let result = client.commit_upload(open.id).await;
            match (0..open.chunks()).find(|index| !open.received.contains(index)) {
                Some(first_missing) => assert_eq!(error_of(&result), &Error::Incomplete { first_missing }),
                None => {
                    let done = model.uploads.remove(*upload);
                    model.objects.insert(done.key.into(), done.bytes);
                }
            }
            Outcome::of(&result, modified)
        }
        Op::Abort { upload } => {
            if *upload >= model.uploads.len() {
                return none;
            }
            let result = client.abort_upload(model.uploads.remove(*upload).id).await;
            assert!(result.is_ok(), "{result:?}");
            Outcome::of(&result, timeless)
        }
        other => unreachable!("{other:?} is not about uploads"),
    }
}

async fn region(op: &Op, client: &SuiteClient, model: &mut Model) -> Outcome {
    let none = Outcome { text: "there is no such region".into(), time_ns: None };
    match op {
        Op::RegionNew => {
            let result = client.region_new().await;
            let region = result.as_ref().expect("there is room for a region");
            model.regions.push((region.id, Vec::new()));
            Outcome::of(&result, |region| Some(region.created_ns))
        }
        Op::RegionGrow { region, pages } => {
            let Some((id, bytes)) = model.regions.get_mut(*region) else { return none };
            let result = client.region_grow(*id, *pages).await;
            assert_eq!(result.as_ref().ok(), Some(&(bytes.len() as u64 / PAGE_BYTES)));
            bytes.resize(bytes.len() + (pages * PAGE_BYTES) as usize, 0);
            Outcome::of(&result, timeless)
        }
        Op::RegionStore { region, offset, size, seed } => {
            let Some((id, bytes)) = model.regions.get_mut(*region) else { return none };
            let stored = data::bytes(*seed, *size);
            let result = client.region_store_blob(*id, *offset, &stored).await;
            match bytes.get_mut(*offset as usize..*offset as usize + size) {
                Some(place) => place.copy_from_slice(&stored),
                None => assert!(matches!(error_of(&result), Error::OutOfRange { .. })),
            }
            Outcome::of(&result, timeless)
        }
        other => unreachable!("{other:?} is not about regions"),
    }
}

/// Compares everything that can be read with the model.
///
/// # Panics
///
/// Where they differ.
pub async fn assert_holds(client: &SuiteClient, model: &Model) {
    const READS: &str = "a controller may read";
    let objects = client.list_all("").await.expect(READS);
    let sizes = objects.iter().map(|info| (&info.key, info.size as usize));
    assert!(
        sizes.eq(model.objects.iter().map(|(key, value)| (key, value.len()))),
        "the objects differ from the model"
    );
    for (key, value) in &model.objects {
        for (number, part) in value.chunks(1 << 20).enumerate() {
            let (offset, length) = ((number as u64) << 20, 1 << 20);
            let read = client.read(&ReadArgs { key: key.clone(), offset, length, revision: None }).await;
            assert!(read.expect(READS) == part, "{key:?} differs from the model");
        }
    }
    assert!(client.read_log_all(0).await.expect(READS) == model.log, "the log differs from the model");
    let uploads = client.list_uploads().await.expect(READS);
    assert_eq!(uploads.len(), model.uploads.len());
    for (status, open) in uploads.iter().zip(&model.uploads) {
        let missing = status.missing.iter().map(|range| range.last - range.first + 1).sum::<u64>();
        assert_eq!((status.upload.id, missing), (open.id, open.chunks() - open.received.len() as u64));
    }
    for (id, bytes) in &model.regions {
        for (number, part) in bytes.chunks(1 << 20).enumerate() {
            let loaded = client.region_load_blob(*id, (number as u64) << 20, part.len() as u64).await;
            assert!(loaded.expect(READS) == part, "region {id} differs from the model");
        }
        assert_eq!(client.region_info(*id).await.expect(READS).pages, bytes.len() as u64 / PAGE_BYTES);
    }
    let roles = client.list_roles().await.expect(READS);
    let roles = roles.into_iter().map(|grant| (grant.who, grant.role)).collect();
    assert_eq!(model.roles, roles);
    assert_eq!(client.get_config().await.expect(READS), model.config);
    let status = client.status().await.expect(READS);
    assert_eq!(status.object_bytes, model.objects.values().map(|value| value.len() as u64).sum::<u64>());
}
