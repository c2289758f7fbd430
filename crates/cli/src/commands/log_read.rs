//! The commands `log tail` and `log read`.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_bytes::ByteBuf;
use storage_verify::Verifier;

use crate::{
    output::Output,
    proof,
    store::{Store, StoreClient},
};

/// Polling interval of `tail -f`.
const POLL: Duration = Duration::from_secs(1);

/// Entry as JSON: a text, or bytes that are not text.
#[derive(Serialize)]
struct Line {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl Line {
    fn new(index: u64, bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { index, text: Some(text), hex: None },
            Err(error) => Self { index, text: None, hex: Some(hex::encode(error.as_bytes())) },
        }
    }

    /// Returns the text, or the escaped bytes if the entry is not text.
    fn render(&self) -> String {
        match &self.text {
            Some(text) => text.clone(),
            None => format!("0x{}", self.hex.as_deref().unwrap_or_default()),
        }
    }
}

/// The log of a store, as it is printed.
pub(crate) struct Log<'a> {
    client: &'a StoreClient,
    output: &'a Output,
    verifier: Option<Verifier>,
}

impl<'a> Log<'a> {
    /// Prepares reading the log, verified or not.
    pub(crate) async fn new(client: &'a StoreClient, output: &'a Output, verify: bool) -> Result<Self> {
        let verifier = proof::verifier_if(verify, client, output.notes()).await?;
        Ok(Self { client, output, verifier })
    }

    /// Prints the last entries, and returns the index of the next one.
    pub(crate) async fn tail(&self, count: u64) -> Result<u64> {
        let length = self.length().await?;
        self.print(length.saturating_sub(count), length).await
    }

    /// Prints entries from an index on.
    pub(crate) async fn read(&self, from: u64, count: Option<u64>) -> Result<()> {
        let length = self.length().await?;
        let end = count.map_or(length, |count| from.saturating_add(count).min(length));
        self.print(from, end).await.map(drop)
    }

    /// Returns the number of entries.
    async fn length(&self) -> Result<u64> {
        match &self.verifier {
            None => Ok(self.client.log_info().await?.length),
            Some(verifier) => {
                let page = self.client.verified(verifier).log(0, Some(1)).await;
                Ok(page.map_err(proof::explain)?.1)
            }
        }
    }

    /// Returns a page of entries.
    async fn page(&self, from: u64, limit: u32) -> Result<Vec<ByteBuf>> {
        match &self.verifier {
            None => Ok(self.client.read_log(from, limit).await?.entries),
            Some(verifier) => {
                let page = self.client.verified(verifier).log(from, Some(limit)).await;
                Ok(page.map_err(proof::explain)?.0)
            }
        }
    }

    /// Prints the entries from one index to another, page by page.
    async fn print(&self, from: u64, end: u64) -> Result<u64> {
        let mut next = from;
        while next < end {
            let limit = u32::try_from(end - next).unwrap_or(u32::MAX);
            let entries = self.page(next, limit).await?;
            if entries.is_empty() {
                break;
            }
            let entries = entries.into_iter().map(ByteBuf::into_vec);
            let lines: Vec<_> = (next..).zip(entries).map(|(index, bytes)| Line::new(index, bytes)).collect();
            self.output.lines(&lines, Line::render)?;
            next += lines.len() as u64;
        }
        Ok(next)
    }
}

/// Prints the last entries and then new ones, until Ctrl-C.
///
/// The store in a folder is released between two polls, so that other commands can append to it.
pub(crate) async fn follow(store: &Store, output: &Output, count: u64, verify: bool) -> Result<()> {
    let log = Log::new(store.client(), output, verify).await?;
    let mut next = log.tail(count).await?;
    loop {
        store.release();
        tokio::time::sleep(POLL).await;
        let length = log.length().await?;
        next = log.print(next, length).await?;
    }
}
