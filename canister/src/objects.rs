//! Objects.

use candid::Principal;
use ic_cdk::api::time;
use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{
    Condition, DeleteArgs, DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, Object, ObjectInfo,
    ReadArgs, RenameArgs, Result, ScanPage, Written,
};
use storage_engine::{Caller, Put};
use storage_wire::{Batch, Decode, Encode, Input, Output, Type, Typed, Wire};

use crate::endpoints::BATCH;
use crate::state::CanisterStore;

pub(crate) fn put(store: &mut CanisterStore, caller: &Caller, key: &str, value: &Bytes) -> Result<Written> {
    store.put(Put { owner: owner(caller), ..Put::new(key, value) }, time())
}

/// Who an object that the caller writes belongs to: nobody where the caller is an admin.
fn owner(caller: &Caller) -> Option<Principal> {
    (!caller.is_admin).then_some(caller.principal)
}

/// [`PutArgs`](stable_storage_api::PutArgs), borrowed from the argument of the message, so that a batch of 2 MiB takes no more heap.
#[derive(Wire)]
pub(crate) struct BorrowedPut<'a> {
    key: &'a str,
    value: &'a Bytes,
    content_type: Option<&'a str>,
    content_encoding: Option<&'a str>,
    metadata: Option<Pairs<'a>>,
    sha256: Option<&'a Bytes>,
    condition: Option<Condition>,
}

/// User metadata: named fields in the contract, and the tuples that the engine takes.
pub(crate) struct Pairs<'a>(Vec<(&'a str, &'a str)>);

/// [`MetadataPair`](stable_storage_api::MetadataPair), borrowed.
#[derive(Wire)]
struct BorrowedPair<'a> {
    name: &'a str,
    value: &'a str,
}

impl Typed for Pairs<'_> {
    const TYPE: &'static Type = <Vec<BorrowedPair<'_>> as Typed>::TYPE;
}

impl Encode for Pairs<'_> {
    fn encode(&self, present: u32, out: &mut impl Output) {
        let pairs = self.0.iter().map(|&(name, value)| BorrowedPair { name, value });
        pairs.collect::<Vec<_>>().encode(present, out);
    }
}

impl<'a> Decode<'a> for Pairs<'a> {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        let pairs: Vec<BorrowedPair<'a>> = Decode::decode(input)?;
        Some(Self(pairs.into_iter().map(|BorrowedPair { name, value }| (name, value)).collect()))
    }
}

impl<'a> BorrowedPut<'a> {
    /// The put that it asks for, as this owner.
    pub(crate) fn by(&'a self, owner: Option<Principal>) -> Put<'a> {
        Put {
            key: self.key,
            value: self.value,
            content_type: self.content_type,
            content_encoding: self.content_encoding,
            metadata: self.metadata.as_ref().map_or(&[], |pairs| &pairs.0),
            sha256: self.sha256.map(|digest| &**digest),
            owner,
            condition: self.condition.unwrap_or_default(),
        }
    }
}

pub(crate) fn put_with(store: &mut CanisterStore, caller: &Caller, put: BorrowedPut<'_>) -> Result<Written> {
    store.put(put.by(owner(caller)), time())
}

pub(crate) fn put_many(
    store: &mut CanisterStore,
    caller: &Caller,
    puts: Batch<BorrowedPut<'_>, BATCH>,
) -> Result<Vec<Written>> {
    let owner = owner(caller);
    store.put_many(puts.0.iter().map(|put| put.by(owner)), time())
}

pub(crate) fn get(store: &CanisterStore, room: &mut [u8], key: &str) -> Result<usize> {
    store.get_into(key, room)
}

pub(crate) fn get_with_info(store: &CanisterStore, key: &str) -> Result<Object> {
    store.get_with_info(key)
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

pub(crate) fn delete(store: &mut CanisterStore, key: &str, condition: Option<Condition>) -> Result<bool> {
    store.delete_when(key, condition.unwrap_or_default())
}

pub(crate) fn delete_many(store: &mut CanisterStore, deletes: Batch<DeleteArgs, BATCH>) -> Result<Vec<bool>> {
    store.delete_many(&deletes.0)
}

pub(crate) fn delete_prefix(store: &mut CanisterStore, args: DeletePrefixArgs) -> Result<Deleted> {
    store.delete_prefix(&args)
}

pub(crate) fn take_first(store: &mut CanisterStore, prefix: &str) -> Result<Option<Entry>> {
    store.take_first(prefix)
}

pub(crate) fn rename(store: &mut CanisterStore, args: RenameArgs) -> Result<Written> {
    store.rename(&args, time())
}
