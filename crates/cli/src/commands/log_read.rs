//! The commands `log tail` and `log read`.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::{
    output::Output,
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

/// Prints the last entries, and returns the index of the next one.
pub(crate) async fn tail(client: &StoreClient, output: &Output, count: u64) -> Result<u64> {
    let length = client.log_info().await?.length;
    print(client, output, length.saturating_sub(count), length).await
}

/// Prints entries from an index on.
pub(crate) async fn read(client: &StoreClient, output: &Output, from: u64, count: Option<u64>) -> Result<()> {
    let length = client.log_info().await?.length;
    let end = count.map_or(length, |count| from.saturating_add(count).min(length));
    print(client, output, from, end).await.map(drop)
}

/// Prints the last entries and then new ones, until Ctrl-C.
///
/// The store in a folder is released between two polls, so that other commands can append to it.
pub(crate) async fn follow(store: &Store, output: &Output, count: u64) -> Result<()> {
    let client = store.client();
    let mut next = tail(client, output, count).await?;
    loop {
        store.release();
        tokio::time::sleep(POLL).await;
        let length = client.log_info().await?.length;
        next = print(client, output, next, length).await?;
    }
}

/// Prints the entries from one index to another, page by page.
async fn print(client: &StoreClient, output: &Output, from: u64, end: u64) -> Result<u64> {
    let mut next = from;
    while next < end {
        let limit = u32::try_from(end - next).unwrap_or(u32::MAX);
        let page = client.read_log(next, limit).await?;
        if page.entries.is_empty() {
            break;
        }
        let entries = page.entries.into_iter().map(ByteBuf::into_vec);
        let lines: Vec<_> = (next..).zip(entries).map(|(index, bytes)| Line::new(index, bytes)).collect();
        output.lines(&lines, Line::render)?;
        next += lines.len() as u64;
    }
    Ok(next)
}
