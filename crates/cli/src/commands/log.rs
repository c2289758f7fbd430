//! Commands for the log: appending.

use std::io::{self, BufRead};

use anyhow::{Context, Result};
use storage_api::limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES};

use super::log_read;
use crate::{
    args::LogCommand,
    output::{Output, counted},
    store::StoreClient,
};

pub(crate) async fn run(client: &StoreClient, output: Output, command: LogCommand) -> Result<()> {
    match command {
        LogCommand::Append { texts } if texts == ["-"] => {
            append_lines(client, output, io::stdin().lock()).await
        }
        LogCommand::Append { texts } => append_texts(client, output, &texts).await,
        LogCommand::Tail { count, .. } => log_read::tail(client, output, count).await.map(drop),
        LogCommand::Read { from, count } => log_read::read(client, output, from, count).await,
    }
}

async fn append_texts(client: &StoreClient, output: Output, texts: &[String]) -> Result<()> {
    let mut batch = Batch::default();
    for text in texts {
        batch.add(client, text.clone().into_bytes()).await?;
    }
    batch.finish(client, output).await
}

async fn append_lines(client: &StoreClient, output: Output, mut input: impl BufRead) -> Result<()> {
    let mut batch = Batch::default();
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line).context("cannot read standard input")? == 0 {
            return batch.finish(client, output).await;
        }
        line.pop_if(|last| *last == b'\n');
        batch.add(client, line).await?;
    }
}

/// Entries that are appended together, because a call for each line would take far longer.
#[derive(Default)]
struct Batch {
    entries: Vec<Vec<u8>>,
    bytes: u64,
    appended: u64,
}

impl Batch {
    async fn add(&mut self, client: &StoreClient, entry: Vec<u8>) -> Result<()> {
        let bytes = entry.len() as u64;
        let is_full = self.entries.len() as u64 == MAX_BATCH_ITEMS;
        if is_full || self.bytes + bytes > MAX_PAYLOAD_BYTES / 2 {
            self.flush(client).await?;
        }
        self.bytes += bytes;
        self.entries.push(entry);
        Ok(())
    }

    async fn flush(&mut self, client: &StoreClient) -> Result<()> {
        if !self.entries.is_empty() {
            let appended = client.append(&self.entries).await;
            appended
                .with_context(|| format!("stopped after {}", counted(self.appended, "entry", "entries")))?;
            self.appended += self.entries.len() as u64;
        }
        self.entries.clear();
        self.bytes = 0;
        Ok(())
    }

    async fn finish(mut self, client: &StoreClient, output: Output) -> Result<()> {
        self.flush(client).await?;
        output.note(&format!("appended {}", counted(self.appended, "entry", "entries")));
        Ok(())
    }
}
