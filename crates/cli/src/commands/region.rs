//! Commands for regions.

use std::{
    io::{self, Read, Write},
    path::Path,
    pin::pin,
};

use anyhow::{Context as _, Error as AnyError, Result, anyhow, bail};
use futures_util::StreamExt;
use serde::Serialize;
use stable_storage_api::{
    Error, RegionLoad, RegionStore,
    limits::{MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES, PAGE_BYTES},
};
use storage_client::{ClientError, Progress};

use super::number::{kind_of, parse, to_json};
use crate::{
    args::{HumanArgs, RegionCommand},
    context::Context,
    failure::{Interrupted, NotFound, add_help, with_help},
    idle::Stdout,
    input::Input,
    output::Output,
    size::Sizes,
    store::StoreClient,
    stream,
    text::{self, grouped},
    view::Region,
};

/// Growth of a region, as JSON.
#[derive(Serialize)]
struct Grown {
    id: u64,
    pages_before: u64,
    pages: u64,
}

/// Number that was written, as JSON.
#[derive(Serialize)]
struct Set {
    id: u64,
    offset: u64,
    value: serde_json::Value,
}

/// Bytes that were written, as JSON.
#[derive(Serialize)]
struct Stored {
    id: u64,
    offset: u64,
    stored_bytes: u64,
}

pub(crate) async fn run(client: &StoreClient, context: &Context, command: RegionCommand) -> Result<()> {
    let output = &context.output;
    match command {
        RegionCommand::New { pages } => new(client, output, pages).await,
        RegionCommand::Ls(human) => {
            let regions = client.region_list().await?;
            let views: Vec<_> = regions.iter().map(Region::new).collect();
            output.print(&views, |views| views.iter().map(|info| line(info, &human, output.sizes)).collect())
        }
        RegionCommand::Info { id } => {
            let info = client.region_info(id).await.map_err(|error| explain(error, id))?;
            output.print(&Region::new(&info), |info| describe(info, output.sizes))
        }
        RegionCommand::Grow { id, pages } => {
            let before = client.region_grow(id, pages).await.map_err(|error| explain(error, id))?;
            let grown = Grown { id, pages_before: before, pages: before + pages };
            output.print(&grown, |grown| vec![grown.pages_before.to_string()])
        }
        RegionCommand::Load { id, offset, length } => load(client, context, id, offset, length).await,
        RegionCommand::Store { id, offset, file } => store(client, context, id, offset, &file).await,
        RegionCommand::Get { id, offset, kind } => {
            let load = RegionLoad { offset, kind: kind_of(kind) };
            let values = client.region_load(id, &[load]).await.map_err(|error| explain(error, id))?;
            let value = values.first().context("expected a number, got nothing")?;
            output.print(&to_json(value)?, |value| vec![value.to_string()])
        }
        RegionCommand::Set { id, offset, kind, value } => {
            let store = RegionStore { offset, value: parse(kind, &value)? };
            let set = Set { id, offset, value: to_json(&store.value)? };
            client.region_store(id, &[store]).await.map_err(|error| explain(error, id))?;
            if output.json { output.print(&set, |_| Vec::new()) } else { Ok(()) }
        }
        RegionCommand::Give { id, owner } => {
            let info = client.region_set_owner(id, owner).await.map_err(|error| explain(error, id))?;
            output.done(&Region::new(&info), &format!("region {id} now belongs to {owner}"))
        }
    }
}

async fn new(client: &StoreClient, output: &Output, pages: u64) -> Result<()> {
    let mut info = client.region_new().await?;
    if pages > 0 {
        let id = info.id;
        let grown = client.region_grow(id, pages).await;
        grown.map_err(|error| {
            let help = format!("add pages with: storage region grow {id} PAGES");
            add_help(error, format!("region {id} was created without pages"), help)
        })?;
        info.pages = pages;
    }
    output.print(&Region::new(&info), |info| vec![info.id.to_string()])
}

async fn load(
    client: &StoreClient,
    context: &Context,
    id: u64,
    offset: u64,
    length: Option<u64>,
) -> Result<()> {
    let size = client.region_info(id).await.map_err(|error| explain(error, id))?.pages * PAGE_BYTES;
    let end = match length {
        Some(length) => offset.checked_add(length),
        None => Some(size.max(offset)),
    };
    // A range that exceeds the region is not printed in part.
    let Some(end) = end.filter(|end| *end <= size) else {
        return Err(out_of_range(id, size, offset, length.unwrap_or(0)));
    };
    if context.output.is_guarded {
        return Err(with_help(
            "binary data is not printed to a terminal",
            "redirect the output, or add --raw",
        ));
    }
    let mut out = Stdout::open(&context.output.idle);
    let mut at = offset;
    while at < end {
        let bytes = client.region_load_blob(id, at, MAX_REPLY_BYTES.min(end - at)).await?;
        out.write_all(&bytes)?;
        at += bytes.len() as u64;
    }
    Ok(out.finish()?)
}

/// Stores bytes piece by piece. Only a single call is all or nothing.
async fn store(client: &StoreClient, context: &Context, id: u64, offset: u64, file: &Path) -> Result<()> {
    let stored = match stream::open(file, context)? {
        Some(source) => store_stream(client, context, (id, offset), source).await?,
        None => store_file(client, context, (id, offset), file).await?,
    };
    let text = format!("stored {} at byte {offset} of region {id}", context.output.sizes.full(stored));
    context.output.done(&Stored { id, offset, stored_bytes: stored }, &text)
}

/// Stores a file. Nothing is stored if the file does not fit.
async fn store_file(
    client: &StoreClient,
    context: &Context,
    (id, offset): (u64, u64),
    file: &Path,
) -> Result<u64> {
    let input = Input::open(file, &context.output.idle)?;
    let length = input.size();
    let size = client.region_info(id).await.map_err(|error| explain(error, id))?.pages * PAGE_BYTES;
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(out_of_range(id, size, offset, length));
    }
    let mut input = input.into_large()?;
    let bar = context.bars.bar("storing", length);
    let mut stored = 0;
    while stored < length {
        let mut bytes = Vec::new();
        let piece = MAX_PAYLOAD_BYTES.min(length - stored);
        Read::by_ref(&mut input).take(piece).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != piece {
            let (stored, length) = (grouped(stored), grouped(length));
            bail!("{} was truncated: {stored} of {length} bytes were stored", text::path(file));
        }
        client.region_store_blob(id, offset + stored, &bytes).await?;
        stored += piece;
        bar.safe(stored, length);
    }
    Ok(length)
}

/// Stores a stream of unknown length, with bounded memory. If it fails, the error states how much has been stored.
async fn store_stream(
    client: &StoreClient,
    context: &Context,
    (id, offset): (u64, u64),
    source: impl Read + Send + 'static,
) -> Result<u64> {
    let mut pieces = pin!(stream::pieces(source, context));
    let bar = context.bars.counter("storing");
    let progress = bar.part(0);
    let mut stored = 0;
    while let Some(piece) = pieces.next().await {
        let done = match piece {
            Ok(piece) => store_piece(client, id, offset.checked_add(stored), &piece).await,
            Err(error) if is_interrupt(&error) => Err(Interrupted.into()),
            Err(error) => Err(AnyError::new(error).context("cannot read standard input")),
        };
        let length = match done {
            Err(error) if stored > 0 => {
                return Err(error.context(format!("only the first {} bytes were stored", grouped(stored))));
            }
            done => done?,
        };
        stored += length;
        progress.safe(stored, stored);
    }
    if stored == 0 {
        client.region_info(id).await.map_err(|error| explain(error, id))?;
    }
    Ok(stored)
}

/// Stores a piece, and returns its length.
async fn store_piece(client: &StoreClient, id: u64, at: Option<u64>, piece: &[u8]) -> Result<u64> {
    let length = piece.len() as u64;
    let at = at.context("the offset is too large")?;
    match client.region_store_blob(id, at, piece).await {
        Ok(()) => Ok(length),
        Err(error) => Err(match error.storage_error() {
            Some(Error::OutOfRange { size, .. }) => out_of_range(id, *size, at, length),
            _ => explain(error, id),
        }),
    }
}

fn out_of_range(id: u64, size: u64, offset: u64, length: u64) -> anyhow::Error {
    let (size, offset, length) = (grouped(size), grouped(offset), grouped(length));
    with_help(
        format!("{length} bytes at offset {offset} exceed region {id} of {size} bytes"),
        format!("add pages with: storage region grow {id} PAGES"),
    )
}

fn is_interrupt(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<Interrupted>())
}

fn line(info: &Region, human: &HumanArgs, sizes: Sizes) -> String {
    let size = match human.human_readable {
        true => sizes.short(info.size),
        false => format!("{} pages", info.pages),
    };
    format!("{}  {size}  {}  {}", info.id, info.created, info.owner)
}

fn describe(info: &Region, sizes: Sizes) -> Vec<String> {
    vec![
        format!("region   {}", info.id),
        format!("owner    {}", info.owner),
        format!("pages    {}", info.pages),
        format!("size     {}", sizes.full(info.size)),
        format!("created  {}", info.created),
    ]
}

fn explain(error: ClientError, id: u64) -> anyhow::Error {
    match error.storage_error() {
        Some(Error::NotFound) => anyhow!(NotFound::region(id)),
        _ => error.into(),
    }
}
