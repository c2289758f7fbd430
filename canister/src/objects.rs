//! Objects.

use candid::Principal;
use ic_cdk::api::time;
use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{
    Condition, CopyArgs, DeleteArgs, DeletePrefixArgs, Deleted, Entry, Error, ListArgs, Object, ObjectInfo,
    ReadArgs, Result, Written,
};
use storage_engine::{Caller, ObjectView, PageEnd, Put};
use storage_wire::{Batch, Decode, Encode, Encoded, Input, Output, Text, Type, Typed, Wire};

use crate::message::BATCH;
use crate::message::Room;
use crate::state::CanisterStore;

pub(crate) fn put(store: &mut CanisterStore, caller: &Caller, key: &str, value: &Bytes) -> Result<Written> {
    store.put(Put { owner: owner(caller), ..Put::new(key, value) }, time())
}

/// Returns the owner of an object that the caller writes; `None` for an admin.
fn owner(caller: &Caller) -> Option<Principal> {
    (!caller.is_admin).then_some(caller.principal)
}

/// [`PutArgs`](stable_storage_api::PutArgs), borrowed from the argument of the message, so that a batch of 2
/// MiB is not copied to the heap.
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

/// User metadata: named fields in the contract, tuples in the engine.
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
    /// Returns the put for this owner.
    pub(crate) fn by(&'a self, owner: Option<Principal>) -> Put<'a> {
        Put {
            key: self.key,
            value: self.value,
            content_type: self.content_type,
            content_encoding: self.content_encoding,
            metadata: self.metadata.as_ref().map_or(&[], |pairs| &pairs.0),
            sha256: self.sha256.map(|digest| &**digest),
            owner,
            condition: self.condition.clone().unwrap_or_default(),
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

pub(crate) fn get_many<'m>(
    store: &CanisterStore,
    mut room: Room<'m>,
    keys: Batch<&str, BATCH>,
) -> Result<Encoded<'m, Option<ByteBuf>>> {
    store.get_many_with(keys.0.into_iter(), |value| {
        room.array([u8::from(value.is_some())]);
        room.count();
        match value {
            Some(value) => room.blob(value.size() as usize, |place| value.read(place)),
            None => Ok(()),
        }
    })?;
    room.finish(0)
}

pub(crate) fn stat(store: &CanisterStore, key: &str) -> Result<ObjectInfo> {
    store.stat(key)
}

pub(crate) fn read(store: &CanisterStore, room: &mut [u8], args: ReadArgs) -> Result<usize> {
    store.read_into(&args, room)
}

/// [`ListPage`](stable_storage_api::ListPage) with encoded objects.
#[derive(Wire)]
#[wire(encode)]
pub(crate) struct EncodedListPage<'m> {
    objects: Encoded<'m, ObjectInfo>,
    prefixes: Vec<String>,
    next: Option<String>,
}

/// The encoding of an [`ObjectInfo`] if no object of a page has metadata.
#[derive(Wire)]
#[wire(encode)]
struct PlainInfo<'a> {
    key: Text<'a>,
    size: u64,
    revision: u64,
    created_ns: u64,
    modified_ns: u64,
}

pub(crate) fn list<'m>(
    store: &CanisterStore,
    mut room: Room<'m>,
    args: ListArgs,
) -> Result<EncodedListPage<'m>> {
    // The type contains the optional fields of all objects, which are known only after all are encoded. If an
    // object has a field that the previous ones did not have, they are encoded again.
    let mut present = 0;
    loop {
        let end = store.list_with(&args, |object| {
            if present == 0 && !object.has_metadata() {
                room.item(&plain(object)?, 0);
                return Ok(true);
            }
            let info = object.info()?;
            let known = present;
            present |= info.present();
            room.item(&info, present);
            Ok(present == known)
        })?;
        match end {
            Some(PageEnd { prefixes, next }) => {
                return Ok(EncodedListPage { objects: room.finish(present)?, prefixes, next });
            }
            None => room.clear(),
        }
    }
}

fn plain<'a>(object: &ObjectView<'a>) -> Result<PlainInfo<'a>> {
    Ok(PlainInfo {
        key: text_of(object.key())?,
        size: object.size(),
        revision: object.revision(),
        created_ns: object.created_ns(),
        modified_ns: object.modified_ns(),
    })
}

/// Returns a key that was read as text.
fn text_of(key: &[u8]) -> Result<Text<'_>> {
    Text::new(key).ok_or_else(|| Error::corrupted("a key of the object index is not UTF-8", 0))
}

/// [`ScanPage`](stable_storage_api::ScanPage) with encoded entries.
#[derive(Wire)]
#[wire(encode)]
pub(crate) struct EncodedScanPage<'m> {
    entries: Encoded<'m, Entry>,
    next: Option<String>,
}

pub(crate) fn scan<'m>(
    store: &CanisterStore,
    mut room: Room<'m>,
    args: ListArgs,
) -> Result<EncodedScanPage<'m>> {
    let next = store.scan_with(&args, |key, value| {
        text_of(key)?.encode(0, &mut room);
        room.count();
        room.blob(value.size() as usize, |place| value.read(place))
    })?;
    Ok(EncodedScanPage { entries: room.finish(0)?, next })
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

/// [`RenameArgs`](stable_storage_api::RenameArgs), borrowed from the argument of the message.
#[derive(Wire)]
pub(crate) struct BorrowedRename<'a> {
    from: &'a str,
    to: &'a str,
    condition: Option<Condition>,
}

pub(crate) fn rename(store: &mut CanisterStore, args: BorrowedRename<'_>) -> Result<Written> {
    store.rename_when(args.from, args.to, args.condition.unwrap_or_default(), time())
}

pub(crate) fn copy(store: &mut CanisterStore, caller: &Caller, args: CopyArgs) -> Result<Written> {
    store.copy(&args, caller, time())
}
