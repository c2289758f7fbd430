//! Turning a complete upload into an object.

use ic_stable_structures::Memory;
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{Error, UploadEnd, Written, check};

use super::Uploads;
use super::record::Record;
use super::status::missing;
use crate::base::caller::Caller;
use crate::core::change::Change;
use crate::core::extents::Extents;
use crate::core::ledger::Ledger;
use crate::core::table::Table;
use crate::memory::space::StoreMemory;
use crate::subjects::objects::{
    Digest, Entry, ExistingObject, Metadata, Pairs, ValueLocation, check_kept_condition, existing_at, free,
};

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Makes a complete upload the object under its key, replacing an existing object. No bytes are copied.
    pub(crate) fn commit_upload(&self, id: u64, caller: &Caller, now_ns: u64) -> Result<Written, Error> {
        self.commit_upload_with(id, None, caller, now_ns)
    }

    /// Commits an upload with its end: the size, if it was opened without one, and optionally a digest that
    /// was not declared then.
    pub(crate) fn commit_upload_with(
        &self,
        id: u64,
        end: Option<&UploadEnd>,
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Written, Error> {
        let (record, size) = ended(self.upload_record(id, caller, now_ns)?, end)?;
        self.check_complete(&record, size)?;
        let mut change = Change::new(self.core);
        let located = change.index.locate(record.key.as_bytes())?;
        let existing = existing_at(&mut change, located)?;
        check_kept_condition(record.condition, existing)?;

        free(&mut change.extents, existing)?;
        let ObjectLocation { location, table } = self.object_location(&record, size, &mut change.extents)?;
        if let Some((table, bytes)) = table {
            change.write(table.extent(), 0, bytes);
        }
        change.ledger = change.ledger.after(1, size, existing.map_or(0, |existing| existing.size))?;
        let entry = committed(&record, size, existing, location, change.ledger, now_ns).encode();
        self.objects().write(&mut change, located, record.key.as_bytes(), (&entry.0, &[]))?;
        change.uploads().remove(&id)?;
        let revision = change.ledger.revision;
        change.reserve()?.commit();
        Ok(Written { revision })
    }

    fn check_complete(&self, record: &Record, size: u64) -> Result<(), Error> {
        let chunks = size.div_ceil(CHUNK_BYTES);
        if record.reach > chunks {
            return Err(Error::invalid(format!(
                "the upload has {} chunks, and an object of {size} bytes has {chunks}",
                record.reach
            )));
        }
        if record.received == size {
            return Ok(());
        }
        let bitmap = record.table().bitmap(&self.core.arena)?;
        match missing(&bitmap, chunks).next() {
            Some(range) => Err(Error::Incomplete { first_missing: range.first }),
            None if record.is_unsized => Err(Error::invalid(format!(
                "the upload has {} bytes, and the commit gives {size} as its size",
                record.received
            ))),
            None => Err(Error::corrupted("an upload has all its chunks but not all its bytes", 0)),
        }
    }

    /// Returns the location of the object's bytes. An object with a single extent does not need the table.
    /// For an upload without a size, the table and the last extent are too large and are shrunk.
    fn object_location(
        &self,
        record: &Record,
        size: u64,
        extents: &mut Extents<'_, StoreMemory<M>>,
    ) -> Result<ObjectLocation, Error> {
        let open = record.table();
        let table = Table::at(open.extent(), size);
        let last = table.extents() - 1;
        if record.is_unsized {
            let extent = open.require(&self.core.arena, last)?;
            extents.shrink_extent(extent, open.extent_bytes(last), table.extent_bytes(last))?;
        }
        if last == 0 {
            let only = open.require(&self.core.arena, 0)?;
            extents.free_extent(open.extent(), open.bytes())?;
            return Ok(ObjectLocation { location: ValueLocation::Extent(only), table: None });
        }
        if !record.is_unsized {
            return Ok(ObjectLocation { location: ValueLocation::Table(table), table: None });
        }
        let bytes = open.bytes_for(table, &self.core.arena)?;
        extents.free_extent(open.extent(), open.bytes())?;
        let table = Table::at(extents.allocate(table.bytes())?, size);
        Ok(ObjectLocation { location: ValueLocation::Table(table), table: Some((table, bytes)) })
    }
}

/// The location of an object's bytes, and the bytes of its table if that differs from the upload's table.
struct ObjectLocation {
    location: ValueLocation<'static>,
    table: Option<(Table, Vec<u8>)>,
}

/// Returns the upload with the information of its end, and its size.
fn ended(record: Record, end: Option<&UploadEnd>) -> Result<(Record, u64), Error> {
    let Some(end) = end else {
        let size = record.size;
        let unknown = || Error::invalid("the upload was opened without a size; the commit must give it");
        return Ok((record, size.ok_or_else(unknown)?));
    };
    end.check()?;
    if let Some(size) = record.size.filter(|size| *size != end.size) {
        return Err(Error::invalid(format!(
            "the upload is of {size} bytes, and the commit gives {} as its size",
            end.size
        )));
    }
    let given = end.sha256.as_ref().map(|digest| check::sha256(digest)).transpose()?;
    if given.is_some() && record.sha256.is_some_and(|declared| Some(declared) != given) {
        return Err(Error::invalid("the commit gives another SHA-256 than the upload was opened with"));
    }
    Ok((Record { sha256: record.sha256.or(given), ..record }, end.size))
}

fn committed<'r>(
    record: &'r Record,
    size: u64,
    existing: Option<ExistingObject>,
    location: ValueLocation<'static>,
    ledger: Ledger,
    now_ns: u64,
) -> Entry<'r> {
    Entry {
        size,
        revision: ledger.revision,
        created_ns: existing.map_or(now_ns, |existing| existing.created_ns),
        modified_ns: now_ns,
        metadata: Metadata {
            content_type: record.content_type.as_deref(),
            content_encoding: record.content_encoding.as_deref(),
            pairs: Pairs(&record.pairs),
            owner: record.is_owned.then_some(record.creator),
            digest: record.sha256.map(Digest::declared),
            ..Metadata::default()
        },
        location,
    }
}
