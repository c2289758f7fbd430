//! Turning a complete upload into an object.

use ic_stable_structures::Memory;
use storage_api::{Error, ObjectInfo};

use super::record::Record;
use super::status::missing;
use super::{Caller, Extents};
use crate::ledger::Ledger;
use crate::objects::{Body, Digest, Entry, Key, Present, check_condition, present};
use crate::space::Promised;
use crate::store::Store;
use storage_api::ChecksumState;

impl<M: Memory + Clone> Store<M> {
    /// Makes an upload that has all of its chunks the object under its key, in place of what is there. No bytes are
    /// moved.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] with the first chunk that is missing; [`Error::AlreadyExists`] and
    /// [`Error::RevisionMismatch`] where the condition has ceased to hold; [`Error::NotFound`] and
    /// [`Error::Unauthorized`]; and [`Error::OutOfMemory`] only where the capacity was lowered since the upload was opened,
    /// or the platform does not give what the capacity allows. The upload stays open then.
    pub fn commit_upload(&mut self, id: u64, caller: &Caller, now_ns: u64) -> Result<ObjectInfo, Error> {
        let record = self.upload_record(id, caller, now_ns)?;
        self.check_complete(&record)?;
        let key = Key::new(&record.key)?;
        let mut index = self.index.begin();
        let present = present(&mut index, &key)?;
        check_condition(record.condition, present)?;

        let mut extents = Extents::<M>::of(&self.arena);
        extents.free(present)?;
        let body = self.body_of(&record, &mut extents)?;
        let ledger = self.ledger.after(1, record.size, present.map_or(0, |present| present.size))?;
        let entry = committed(&record, present, body, ledger, now_ns);
        index.insert(&key, &entry.encode())?;
        let mut records = self.uploads.0.begin();
        records.remove(&id)?;
        let (uploads, index_pages) = (self.uploads.len().saturating_sub(1), index.unused_pages());
        let after = Promised { uploads, index_pages, ..self.promised() };
        self.ensure_pages(&[index.demand(), records.demand()], &mut extents, after)?;

        // From here on nothing can fail.
        extents.commit();
        index.commit();
        records.commit();
        let info = entry.info(record.key.clone());
        self.write_ledger(ledger);
        Ok(info)
    }

    fn check_complete(&self, record: &Record) -> Result<(), Error> {
        if record.received == record.size {
            return Ok(());
        }
        let table = record.table();
        let bitmap = table.bitmap(&self.arena)?;
        match missing(&bitmap, table.chunks()).next() {
            Some(range) => Err(Error::Incomplete { first_missing: range.first }),
            None => Err(Error::corrupted("an upload has all its chunks and not all its bytes", 0)),
        }
    }

    /// Where the bytes of the object are. One that has a single extent does not need its table.
    fn body_of(&self, record: &Record, extents: &mut Extents<'_, M>) -> Result<Body<'static>, Error> {
        let table = record.table();
        if table.extents() > 1 {
            return Ok(Body::Table(table));
        }
        let only = table.require(&self.arena, 0)?;
        extents.free_extent(table.extent(), table.bytes())?;
        Ok(Body::Extent(only))
    }
}

fn committed<'r>(
    record: &'r Record,
    present: Option<Present>,
    body: Body<'static>,
    ledger: Ledger,
    now_ns: u64,
) -> Entry<'r> {
    Entry {
        size: record.size,
        revision: ledger.revision,
        created_ns: present.map_or(now_ns, |present| present.created_ns),
        modified_ns: now_ns,
        content_type: record.content_type.as_deref(),
        digest: record.sha256.map(|bytes| Digest { bytes, state: ChecksumState::Declared }),
        progress: None,
        body,
    }
}
