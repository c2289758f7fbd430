//! The command `log append`.

use std::io::Read;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use stable_storage_api::limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES};

use super::log_read::Log;
use crate::{
    args::LogCommand,
    context::Context,
    failure::Interrupted,
    failures::{Failed, Failures},
    idle::{SILENCE, Stdin},
    lines::{Line, Lines},
    store::StoreClient,
    text::{self, pluralize},
};

pub(crate) async fn run(client: &StoreClient, context: &Context, command: LogCommand) -> Result<()> {
    let output = &context.output;
    match command {
        LogCommand::Append { texts } if texts == ["-"] => append_lines(client, context).await,
        LogCommand::Append { texts } => append_texts(client, context, texts).await,
        LogCommand::Tail { count, verify, .. } => {
            let log = Log::new(client, output, verify).await?;
            log.tail(count).await.map(drop)
        }
        LogCommand::Read { from, count, verify } => {
            Log::new(client, output, verify).await?.read(from, count).await
        }
    }
}

async fn append_texts(client: &StoreClient, context: &Context, texts: Vec<String>) -> Result<()> {
    let mut appender = Appender::new(client);
    for (number, text) in (1..).zip(texts) {
        appender.add("entry", number, Line::of(text.into_bytes())).await?;
    }
    appender.finish(context).await
}

/// Appends the lines of standard input. A slow writer does not block other commands, and each line is in the log soon after
/// it was written.
async fn append_lines(client: &StoreClient, context: &Context) -> Result<()> {
    let failed = "cannot read standard input";
    let mut input = Stdin::open(&context.output.idle).context(failed)?;
    context.interrupt.take_over();
    let mut appender = Appender::new(client);
    let (mut lines, mut number) = (Lines::default(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let is_interrupted = context.interrupt.is_pressed();
        if !is_interrupted && !input.is_ready(SILENCE).context(failed)? {
            appender.flush().await?;
            context.output.idle.release();
            continue;
        }
        let read = if is_interrupted { 0 } else { input.read(&mut buffer).context(failed)? };
        let more = if read == 0 { lines.finish().into_iter().collect() } else { lines.add(&buffer[..read]) };
        for line in more {
            number += 1;
            appender.add("line", number, line).await?;
        }
        if is_interrupted {
            let appended = appender.finish(context).await;
            return appended.and(Err(Interrupted.into()));
        }
        if read == 0 {
            return appender.finish(context).await;
        }
    }
}

/// Result, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    appended: u64,
    failed: &'a [Failed],
}

/// Appends entries in batches, because one call for each would be slow.
struct Appender<'a> {
    client: &'a StoreClient,
    entries: Vec<Vec<u8>>,
    bytes: u64,
    appended: u64,
    failures: Failures,
}

impl<'a> Appender<'a> {
    fn new(client: &'a StoreClient) -> Self {
        Self { client, entries: Vec::new(), bytes: 0, appended: 0, failures: Failures::default() }
    }

    async fn add(&mut self, what: &str, number: u64, line: Line) -> Result<()> {
        let Line::Whole(entry) = line else {
            let error = anyhow!("an entry has at most {} bytes", text::grouped(MAX_PAYLOAD_BYTES));
            self.failures.add(format!("{what} {number}"), &error);
            return Ok(());
        };
        let bytes = entry.len() as u64;
        let is_full = self.entries.len() as u64 == MAX_BATCH_ITEMS;
        if is_full || self.bytes + bytes > MAX_PAYLOAD_BYTES / 2 {
            self.flush().await?;
        }
        self.bytes += bytes;
        self.entries.push(entry);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if !self.entries.is_empty() {
            let appended = self.client.append(&self.entries).await;
            appended
                .with_context(|| format!("stopped after {}", pluralize(self.appended, "entry", "entries")))?;
            self.appended += self.entries.len() as u64;
        }
        self.entries.clear();
        self.bytes = 0;
        Ok(())
    }

    async fn finish(mut self, context: &Context) -> Result<()> {
        self.flush().await?;
        let report = Report { appended: self.appended, failed: self.failures.items() };
        let text = format!("appended {}", pluralize(self.appended, "entry", "entries"));
        let printed = context.output.done(&report, &text);
        self.failures.finish("entry", "entries").and(printed)
    }
}
