//! Opening an upload.

use ic_stable_structures::Memory;
use stable_storage_api::limits::MAX_STABLE_BYTES;
use stable_storage_api::{Condition, Error, MetadataPair, Upload, UploadArgs, UploadCondition, check};

use super::Uploads;
use super::discard::release;
use super::record::Record;
use crate::base::caller::Caller;
use crate::core::change::Change;
use crate::core::ledger::Ledger;
use crate::structures::arena::{Extent, SLOT_EXTENT_BYTES};
use crate::subjects::objects::{Pairs, check_condition, existing_at};

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Opens an upload: checks the condition, and reserves space for the whole object, if its size is given,
    /// and for its entry in the index. `now_ns` is the time in nanoseconds since 1970.
    pub(crate) fn create_upload(
        &self,
        args: &UploadArgs,
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Upload, Error> {
        let record = self.planned_record(args, caller, now_ns)?;
        let expired = self.expired(now_ns)?;
        let limit = self.core.config().max_uploads;
        if self.core.uploads.len().saturating_sub(expired.len() as u64) >= limit {
            return Err(Error::LimitExceeded { what: "open uploads".into(), limit });
        }
        let mut change = Change::new(self.core);
        release(&mut change, expired.iter().map(|(id, record)| (*id, record)))?;
        let record = Record { table: change.extents.allocate(record.table().bytes())?, ..record };
        // Without a size, every extent is allocated when its first byte arrives.
        let last =
            record.size.and_then(last_extent).map(|bytes| change.extents.allocate(bytes)).transpose()?;
        change.write(record.table, 0, record.table().fresh(last));
        let id = change.ledger.uploads + 1;
        let reserved_slots = change.ledger.reserved_slots + record.reserved_slots;
        change.ledger = Ledger { reserved_slots, uploads: id, ..change.ledger };
        change.uploads().insert(&id, &record.encode())?;
        change.reserve()?.commit();
        Ok(record.upload(id, self.core.config().upload_idle_ns))
    }

    /// Checks the arguments, and returns the record before anything is allocated.
    fn planned_record(&self, args: &UploadArgs, caller: &Caller, now_ns: u64) -> Result<Record, Error> {
        args.check()?;
        let sha256 = args.sha256.as_ref().map(|digest| check::sha256(digest)).transpose()?;
        let condition = self.kept_condition(&args.key, args.condition.as_ref())?;
        if let Some(size) = args.size.filter(|size| *size > MAX_STABLE_BYTES) {
            return Err(self.no_room_for(size)?);
        }
        Ok(Record {
            key: args.key.clone(),
            size: args.size,
            is_unsized: args.size.is_none(),
            room: args.size.unwrap_or(SLOT_EXTENT_BYTES),
            reach: 0,
            content_type: args.content_type.clone().filter(|text| !text.is_empty()),
            content_encoding: args.content_encoding.clone().filter(|text| !text.is_empty()),
            pairs: Pairs::encode(args.pairs().iter().map(MetadataPair::as_strs)),
            is_owned: !caller.is_admin,
            sha256,
            condition,
            creator: caller.principal,
            received: 0,
            reserved_slots: args.size.map_or(0, |size| size / SLOT_EXTENT_BYTES),
            created_ns: now_ns,
            touched_ns: now_ns,
            table: Extent::at(0),
        })
    }

    /// Checks the condition on the object under a key, and returns it as the upload keeps it.
    fn kept_condition(&self, key: &str, condition: Option<&Condition>) -> Result<UploadCondition, Error> {
        let mut change = Change::new(self.core);
        let located = change.index.locate(key.as_bytes())?;
        let existing = existing_at(&mut change, located)?;
        check_condition(&mut change, located, existing, condition.unwrap_or(&Condition::Any))
    }

    pub(super) fn no_room_for(&self, size: u64) -> Result<Error, Error> {
        Ok(Error::OutOfMemory { requested: size, available: self.core.free_bytes()? })
    }
}

/// Returns the size of the last extent of an object if it is smaller than a full one.
fn last_extent(size: u64) -> Option<u64> {
    Some(size % SLOT_EXTENT_BYTES).filter(|bytes| *bytes > 0)
}
