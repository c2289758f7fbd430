//! The progress of uploads.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{MAX_MISSING_RANGES, MAX_MISSING_RANGES_IN_LIST};
use stable_storage_api::{ChunkRange, Error, UploadStatus};

use super::Uploads;
use super::record::Record;
use crate::base::caller::Caller;
use crate::subjects::objects::Pairs;

impl<M: Memory + Clone> Uploads<'_, M> {
    /// Returns the progress of an upload, and its missing chunks.
    pub(crate) fn upload_status(&self, id: u64, caller: &Caller, now_ns: u64) -> Result<UploadStatus, Error> {
        let record = self.upload_record(id, caller, now_ns)?;
        let metadata = Pairs(&record.pairs).decode()?;
        Ok(UploadStatus { metadata, ..self.status_of(id, &record, MAX_MISSING_RANGES)? })
    }

    /// Returns the caller's open uploads, or all open uploads for an admin, in the order of creation. Their
    /// metadata is omitted, so that a thousand of them fit in one reply.
    pub(crate) fn list_uploads(&self, caller: &Caller, now_ns: u64) -> Result<Vec<UploadStatus>, Error> {
        let idle_ns = self.core.config().upload_idle_ns;
        let mut statuses = Vec::new();
        for upload in self.all_uploads() {
            let (id, record) = upload?;
            if caller.may_use(record.creator) && !record.has_expired(now_ns, idle_ns) {
                statuses.push(self.status_of(id, &record, MAX_MISSING_RANGES_IN_LIST)?);
            }
        }
        Ok(statuses)
    }

    fn status_of(&self, id: u64, record: &Record, max_ranges: usize) -> Result<UploadStatus, Error> {
        let table = record.table();
        let bitmap = table.bitmap(&self.core.arena)?;
        let mut ranges = missing(&bitmap, record.chunks());
        let missing: Vec<_> = ranges.by_ref().take(max_ranges).collect();
        Ok(UploadStatus {
            upload: record.upload(id, self.core.config().upload_idle_ns),
            creator: record.creator,
            content_type: record.content_type.clone(),
            content_encoding: record.content_encoding.clone(),
            metadata: None,
            sha256: record.sha256.map(|digest| ByteBuf::from(digest.to_vec())),
            condition: record.condition,
            received: record.received,
            missing,
            more_missing: ranges.next().is_some(),
        })
    }
}

/// Returns the ranges of chunks whose bits are not set, in order.
pub(super) fn missing(bitmap: &[u8], chunks: u64) -> impl Iterator<Item = ChunkRange> + '_ {
    // A table that has not grown yet has no bits for later chunks.
    let byte = move |index: u64| bitmap.get((index / 8) as usize).copied().unwrap_or(0);
    let is_missing = move |index: u64| byte(index) >> (index % 8) & 1 == 0;
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = (start..chunks).find(|index| is_missing(*index))?;
        let end = (first..chunks).find(|index| !is_missing(*index)).unwrap_or(chunks);
        start = end;
        Some(ChunkRange { first, last: end - 1 })
    })
}
