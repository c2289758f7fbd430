//! Objects.

use candid::CandidType;
use ic_cdk::api::time;
use ic_cdk::{query, update};
use serde::Deserialize;
use serde_bytes::{ByteBuf, Bytes};
use storage_api::{
    Condition, DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, ObjectInfo, ReadArgs, RenameArgs,
    Result, ScanPage,
};
use storage_engine::Put;

use crate::state::{self, method};
use crate::wire::{Arguments, Blob, endpoint};

endpoint!("canister_update put": update fn put(key: &str, value: &Bytes) -> Result<ObjectInfo>);

fn put(key: &str, value: &Bytes) -> Result<ObjectInfo> {
    state::update(method!("put"), |store| store.put(Put::new(key, value), time()))
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
    let puts: Vec<_> = puts.into_iter().map(Put::from).collect();
    state::update(method!("put_many"), |store| store.put_many(&puts, time()))
}

endpoint!("canister_query get": query fn get(key: String) -> Result<Blob>);

fn get(key: String) -> Result<Blob> {
    Blob::fill(|place| state::query(method!("get"), |store| store.get_into(&key, place)))
}

#[query]
fn get_many(keys: Vec<String>) -> Result<Vec<Option<ByteBuf>>> {
    let values = state::query(method!("get_many"), |store| store.get_many(&keys))?;
    Ok(values.into_iter().map(|value| value.map(ByteBuf::from)).collect())
}

endpoint!("canister_query stat": query fn stat(key: String) -> Result<ObjectInfo>);

fn stat(key: String) -> Result<ObjectInfo> {
    state::query(method!("stat"), |store| store.stat(&key))
}

impl Arguments<'_> for (ReadArgs,) {}

endpoint!("canister_query read": query fn read(args: ReadArgs) -> Result<Blob>);

fn read(args: ReadArgs) -> Result<Blob> {
    Blob::fill(|place| state::query(method!("read"), |store| store.read_into(&args, place)))
}

#[query]
fn list(args: ListArgs) -> Result<ListPage> {
    state::query(method!("list"), |store| store.list(&args))
}

#[query]
fn scan(args: ListArgs) -> Result<ScanPage> {
    state::query(method!("scan"), |store| store.scan(&args))
}

endpoint!("canister_update delete": update fn delete(key: &str) -> Result<bool>);

fn delete(key: &str) -> Result<bool> {
    state::update(method!("delete"), |store| store.delete(key))
}

#[update]
fn delete_prefix(args: DeletePrefixArgs) -> Result<Deleted> {
    state::update(method!("delete_prefix"), |store| store.delete_prefix(&args))
}

#[update]
fn take_first(prefix: String) -> Result<Option<Entry>> {
    state::update(method!("take_first"), |store| store.take_first(&prefix))
}

#[update]
fn rename(args: RenameArgs) -> Result<ObjectInfo> {
    state::update(method!("rename"), |store| store.rename(&args, time()))
}
