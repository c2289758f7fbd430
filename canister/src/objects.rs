//! Objects.

use candid::CandidType;
use ic_cdk::api::time;
use ic_cdk::{query, update};
use serde::Deserialize;
use serde_bytes::{ByteBuf, Bytes};
use storage_api::{
    Condition, DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, ObjectInfo, ReadArgs, RenameArgs,
    Result, Role, ScanPage,
};
use storage_engine::Put;

use crate::access::require;
use crate::state::{self, write};
use crate::wire::{Arguments, Blob, endpoint};

endpoint!("canister_update put": update fn put(key: &str, value: &Bytes) -> Result<ObjectInfo>);

fn put(key: &str, value: &Bytes) -> Result<ObjectInfo> {
    require(Role::Writer)?;
    write(|store| store.put(Put::new(key, value), time()))
}

/// [`PutArgs`](storage_api::PutArgs), borrowed from the argument of the message, so that a batch of 2 MiB takes no more heap.
#[derive(CandidType, Deserialize)]
pub(crate) struct BorrowedPut<'a> {
    key: &'a str,
    #[serde(borrow)]
    value: &'a Bytes,
    #[serde(borrow)]
    content_type: Option<&'a str>,
    condition: Option<Condition>,
}

impl<'a> Arguments<'a> for (Vec<BorrowedPut<'a>>,) {}

impl<'a> From<BorrowedPut<'a>> for Put<'a> {
    fn from(put: BorrowedPut<'a>) -> Self {
        let BorrowedPut { key, value, content_type, condition } = put;
        Self { key, value, content_type, condition: condition.unwrap_or_default() }
    }
}

endpoint!("canister_update put_many": update fn put_many(puts: Vec<BorrowedPut>) -> Result<Vec<ObjectInfo>>);

fn put_many(puts: Vec<BorrowedPut<'_>>) -> Result<Vec<ObjectInfo>> {
    require(Role::Writer)?;
    let puts: Vec<_> = puts.into_iter().map(Put::from).collect();
    write(|store| store.put_many(&puts, time()))
}

endpoint!("canister_query get": query fn get(key: String) -> Result<Blob>);

fn get(key: String) -> Result<Blob> {
    require(Role::Reader)?;
    Blob::fill(|place| state::read(|store| store.get_into(&key, place)))
}

#[query]
fn get_many(keys: Vec<String>) -> Result<Vec<Option<ByteBuf>>> {
    require(Role::Reader)?;
    let values = state::read(|store| store.get_many(&keys))?;
    Ok(values.into_iter().map(|value| value.map(ByteBuf::from)).collect())
}

endpoint!("canister_query stat": query fn stat(key: String) -> Result<ObjectInfo>);

fn stat(key: String) -> Result<ObjectInfo> {
    require(Role::Reader)?;
    state::read(|store| store.stat(&key))
}

impl Arguments<'_> for (ReadArgs,) {}

endpoint!("canister_query read": query fn read(args: ReadArgs) -> Result<Blob>);

fn read(args: ReadArgs) -> Result<Blob> {
    require(Role::Reader)?;
    Blob::fill(|place| state::read(|store| store.read_into(&args, place)))
}

#[query]
fn list(args: ListArgs) -> Result<ListPage> {
    require(Role::Reader)?;
    state::read(|store| store.list(&args))
}

#[query]
fn scan(args: ListArgs) -> Result<ScanPage> {
    require(Role::Reader)?;
    state::read(|store| store.scan(&args))
}

endpoint!("canister_update delete": update fn delete(key: &str) -> Result<bool>);

fn delete(key: &str) -> Result<bool> {
    require(Role::Writer)?;
    write(|store| store.delete(key))
}

#[update]
fn delete_prefix(args: DeletePrefixArgs) -> Result<Deleted> {
    require(Role::Writer)?;
    write(|store| store.delete_prefix(&args))
}

#[update]
fn take_first(prefix: String) -> Result<Option<Entry>> {
    require(Role::Writer)?;
    write(|store| store.take_first(&prefix))
}

#[update]
fn rename(args: RenameArgs) -> Result<ObjectInfo> {
    require(Role::Writer)?;
    write(|store| store.rename(&args, time()))
}
