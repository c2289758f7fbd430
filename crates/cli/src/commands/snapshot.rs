//! The command `snapshot`, for images of a store's memory.

use std::{fs, io::Write, path::Path};

use anyhow::{Context as _, Result};
use embedded_ic::EmbeddedIc;
use serde::Serialize;
use stable_storage_api::limits::PAGE_BYTES;
use storage_wasm::STORAGE_WASM;
use tempfile::TempPath;

use crate::{
    args::SnapshotCommand,
    context::Context,
    failure::with_help,
    idle::{Idle, Stdout},
    image::Image,
    input::is_stream,
    links::{folder_of, resolve},
    output::Output,
    store::{Store, no_settings},
    text,
};

/// Bytes of memory written to standard output in one step.
const PIECE_BYTES: u64 = 1 << 20;

pub(crate) async fn run(store: &Store, context: &Context, command: SnapshotCommand) -> Result<()> {
    let output = &context.output;
    match command {
        SnapshotCommand::Export { file } => export(store, context, &file),
        SnapshotCommand::Import { file, replace } => {
            // Checks first that the store is in a folder, before anything is read from a canister on a network.
            store.with_host(|_| ())?;
            let status = store.client().status().await?;
            let is_empty =
                status.objects == 0 && status.log_entries == 0 && status.uploads == 0 && status.regions == 0;
            if !is_empty && !replace {
                return Err(with_help("the store is not empty", "discard its contents with --replace"));
            }
            import(store, output, &file)
        }
    }
}

/// Image that was written, as JSON.
#[derive(Serialize)]
struct Written {
    file: String,
    size: u64,
}

/// Image that was read, as JSON.
#[derive(Serialize)]
struct Imported {
    file: String,
}

/// Writes an image, completely or not at all.
fn export(store: &Store, context: &Context, file: &Path) -> Result<()> {
    let output = &context.output;
    if is_stream(file) {
        return print(store, output);
    }
    let failed = || format!("cannot write {}", text::path(file));
    if file.try_exists().with_context(failed)? {
        return Err(with_help(format!("{} already exists", text::path(file)), "choose another name"));
    }
    // Not even a temporary file is created in the folder of a store.
    let resolved = resolve(folder_of(file)).with_context(failed)?;
    context.store_folders.check_outside(&resolved).with_context(failed)?;
    let folder = tempfile::Builder::new().prefix(".storage-").suffix(".part").tempdir_in(folder_of(file));
    let folder = folder.with_context(failed)?;
    let part = TempPath::try_from_path(folder.path().join("image")).with_context(failed)?;
    store.with_host(|host| host.export_stable(&part))??;
    part.persist_noclobber(file).map_err(|error| error.error).with_context(failed)?;
    let size = fs::metadata(file).with_context(failed)?.len();
    let text = format!("wrote {} of memory to {}", output.sizes.full(size), text::path(file));
    output.done(&Written { file: text::path(file), size }, &text)
}

/// Writes the memory to standard output. The store stays open until the end, so that the image is consistent.
fn print(store: &Store, output: &Output) -> Result<()> {
    if output.is_guarded {
        return Err(with_help(
            "an image is not printed to a terminal",
            "name a file, or redirect the output",
        ));
    }
    let mut out = Stdout::open(&Idle::default());
    let size = store.with_host(|host| host.stable_pages())? * PAGE_BYTES;
    let mut piece = vec![0; PIECE_BYTES as usize];
    for offset in (0..size).step_by(PIECE_BYTES as usize) {
        let piece = &mut piece[..PIECE_BYTES.min(size - offset) as usize];
        store.with_host(|host| host.read_stable(offset, piece))??;
        out.write_all(piece)?;
    }
    Ok(out.finish()?)
}

/// Replaces the store's memory, and restarts its canister on it.
fn import(store: &Store, output: &Output, file: &Path) -> Result<()> {
    let failed = || format!("cannot import {}", text::path(file));
    // An image that the canister could not open is rejected before anything is replaced.
    storage_engine::Store::open(Image::open(file)?).with_context(failed)?;
    store.with_host(|host| replace(host, file))?.with_context(failed)?;
    let text = format!("imported {}; storage check checks all of it", text::path(file));
    output.done(&Imported { file: text::path(file) }, &text)
}

fn replace(host: &mut EmbeddedIc, file: &Path) -> Result<()> {
    // Memory and canister are replaced in one step, because the canister's heap belongs to the old memory.
    host.upgrade_onto(file, STORAGE_WASM, &no_settings()).context("the store is unchanged")?;
    Ok(())
}
