//! Objects.

use ic_cdk::api::time;
use serde_bytes::{ByteBuf, Bytes};
use storage_api::{
    Condition, DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, ObjectInfo, ReadArgs, RenameArgs,
    Result, ScanPage,
};
use storage_engine::Put;
use storage_wire::{Batch, Wire};

use crate::endpoints::BATCH;
use crate::state::CanisterStore;

pub(crate) fn put(store: &mut CanisterStore, key: &str, value: &Bytes) -> Result<ObjectInfo> {
    store.put(Put::new(key, value), time())
}

/// [`PutArgs`](storage_api::PutArgs), borrowed from the argument of the message, so that a batch of 2 MiB takes no more heap.
#[derive(Wire)]
pub(crate) struct BorrowedPut<'a> {
    key: &'a str,
    value: &'a Bytes,
    content_type: Option<&'a str>,
    condition: Option<Condition>,
}

impl<'a> From<BorrowedPut<'a>> for Put<'a> {
    fn from(put: BorrowedPut<'a>) -> Self {
        let BorrowedPut { key, value, content_type, condition } = put;
        Self { key, value, content_type, condition: condition.unwrap_or_default() }
    }
}

pub(crate) fn put_many(
    store: &mut CanisterStore,
    puts: Batch<BorrowedPut<'_>, BATCH>,
) -> Result<Vec<ObjectInfo>> {
    let puts: Vec<_> = puts.0.into_iter().map(Put::from).collect();
    store.put_many(&puts, time())
}

pub(crate) fn get(store: &CanisterStore, room: &mut [u8], key: &str) -> Result<usize> {
    store.get_into(key, room)
}

pub(crate) fn get_many(store: &CanisterStore, keys: Batch<String, BATCH>) -> Result<Vec<Option<ByteBuf>>> {
    let values = store.get_many(&keys.0)?;
    Ok(values.into_iter().map(|value| value.map(ByteBuf::from)).collect())
}

pub(crate) fn stat(store: &CanisterStore, key: &str) -> Result<ObjectInfo> {
    store.stat(key)
}

pub(crate) fn read(store: &CanisterStore, room: &mut [u8], args: ReadArgs) -> Result<usize> {
    store.read_into(&args, room)
}

pub(crate) fn list(store: &CanisterStore, args: ListArgs) -> Result<ListPage> {
    store.list(&args)
}

pub(crate) fn scan(store: &CanisterStore, args: ListArgs) -> Result<ScanPage> {
    store.scan(&args)
}

pub(crate) fn delete(store: &mut CanisterStore, key: &str) -> Result<bool> {
    store.delete(key)
}

pub(crate) fn delete_prefix(store: &mut CanisterStore, args: DeletePrefixArgs) -> Result<Deleted> {
    store.delete_prefix(&args)
}

pub(crate) fn take_first(store: &mut CanisterStore, prefix: &str) -> Result<Option<Entry>> {
    store.take_first(prefix)
}

pub(crate) fn rename(store: &mut CanisterStore, args: RenameArgs) -> Result<ObjectInfo> {
    store.rename(&args, time())
}
