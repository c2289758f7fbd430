//! Objects.

use ic_cdk::api::time;
use ic_cdk::{query, update};
use serde_bytes::{ByteBuf, Bytes};
use storage_api::{
    DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, ObjectInfo, PutArgs, RenameArgs, Result, Role,
    ScanPage,
};
use storage_engine::Put;

use crate::access::require;
use crate::state::{read, write};
use crate::wire::{Blob, endpoint};

endpoint!("canister_update put": update fn put(key: &str, value: &Bytes) -> Result<ObjectInfo>);

fn put(key: &str, value: &Bytes) -> Result<ObjectInfo> {
    require(Role::Writer)?;
    write(|store| store.put(Put::new(key, value), time()))
}

#[update]
fn put_many(puts: Vec<PutArgs>) -> Result<Vec<ObjectInfo>> {
    require(Role::Writer)?;
    let puts: Vec<_> = puts.iter().map(Put::from).collect();
    write(|store| store.put_many(&puts, time()))
}

endpoint!("canister_query get": query fn get(key: String) -> Result<Blob>);

fn get(key: String) -> Result<Blob> {
    require(Role::Reader)?;
    Blob::fill(|place| read(|store| store.get_into(&key, place)))
}

#[query]
fn get_many(keys: Vec<String>) -> Result<Vec<Option<ByteBuf>>> {
    require(Role::Reader)?;
    let values = read(|store| store.get_many(&keys))?;
    Ok(values.into_iter().map(|value| value.map(ByteBuf::from)).collect())
}

#[query]
fn stat(key: String) -> Result<ObjectInfo> {
    require(Role::Reader)?;
    read(|store| store.stat(&key))
}

#[query]
fn list(args: ListArgs) -> Result<ListPage> {
    require(Role::Reader)?;
    read(|store| store.list(&args))
}

#[query]
fn scan(args: ListArgs) -> Result<ScanPage> {
    require(Role::Reader)?;
    read(|store| store.scan(&args))
}

#[update]
fn delete(key: String) -> Result<bool> {
    require(Role::Writer)?;
    write(|store| store.delete(&key))
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
