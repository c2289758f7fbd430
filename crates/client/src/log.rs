//! Calls for the log.

use candid::Nat;
use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{Appended, LogInfo, LogPage, ReadLogArgs, check};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Appends a text, like Motoko's StableLog.
    pub async fn log(&self, text: &str) -> Result<()> {
        self.check("log", || check::payload(text.len()))?;
        self.call_plain(method!("log"), (text,)).await
    }

    /// Returns the last entries, newest first: as many as requested and fit one reply.
    pub async fn read_last(&self, count: impl Into<Nat> + Send) -> Result<Vec<String>> {
        let count: Nat = count.into();
        let (texts,) = self.call_plain(method!("readLast"), (count,)).await?;
        Ok(texts)
    }

    /// Appends binary entries: all of them or none.
    pub async fn append(&self, entries: &[impl AsRef<[u8]> + Sync]) -> Result<Appended> {
        let entries: Vec<&Bytes> = entries.iter().map(|entry| Bytes::new(entry.as_ref())).collect();
        self.check("append", || {
            check::batch(entries.len(), "entries in one append")?;
            entries.iter().try_for_each(|entry| check::payload(entry.len()))
        })?;
        self.call(method!("append"), (entries,)).await
    }

    /// Returns a page of entries from an index on, oldest first: at most `limit`, or as many as fit one reply.
    pub async fn read_log(&self, from: u64, limit: impl Into<Option<u32>> + Send) -> Result<LogPage> {
        let args = ReadLogArgs { from, limit: limit.into() };
        self.check("read_log", || args.check())?;
        self.call(method!("read_log"), (args,)).await
    }

    /// Returns all entries from an index to the end of the log, as of the last page, oldest first.
    pub async fn read_log_all(&self, from: u64) -> Result<Vec<Vec<u8>>> {
        let mut next = from;
        let mut entries = Vec::new();
        loop {
            let page = self.read_log(next, None).await?;
            let is_last = page.entries.is_empty() || page.next >= page.length;
            entries.extend(page.entries.into_iter().map(ByteBuf::into_vec));
            next = page.next;
            if is_last {
                return Ok(entries);
            }
        }
    }

    /// Returns the number of entries and bytes of the log.
    pub async fn log_info(&self) -> Result<LogInfo> {
        self.call(method!("log_info"), ()).await
    }
}
