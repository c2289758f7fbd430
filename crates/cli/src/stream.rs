//! Streams of unknown size.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result};
use futures_util::{Stream, stream};
use stable_storage_api::limits::CHUNK_BYTES;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    context::Context,
    failure::Interrupted,
    idle::{SILENCE, Stdin},
    input::is_stream,
    text,
};

/// Pieces read ahead.
const AHEAD: usize = 2;

/// Opens standard input, or a file that can be read only once, for example a named pipe. Returns `None` for a regular
/// file or one that does not exist.
pub(crate) fn open(file: &Path, context: &Context) -> Result<Option<Box<dyn Read + Send>>> {
    if is_stream(file) {
        let stdin = Stdin::open(&context.output.idle).context("cannot read standard input")?;
        return Ok(Some(Box::new(stdin.into_file())));
    }
    match fs::metadata(file) {
        Ok(metadata) if metadata.file_type().is_fifo() => {
            Ok(Some(Box::new(Pipe { path: file.to_owned(), opened: None })))
        }
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            let opened = File::open(file).with_context(|| format!("cannot open {}", text::path(file)))?;
            Ok(Some(Box::new(opened)))
        }
        _ => Ok(None),
    }
}

/// Named pipe that is opened when it is read. Opening waits for a writer, which must not block Ctrl-C.
struct Pipe {
    path: PathBuf,
    opened: Option<File>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.opened.is_none() {
            let failed = |error: io::Error| {
                let text = format!("cannot open {}: {error}", text::path(&self.path));
                io::Error::new(error.kind(), text)
            };
            self.opened = Some(File::open(&self.path).map_err(failed)?);
        }
        let Some(file) = &mut self.opened else { return Ok(0) };
        file.read(buffer)
    }
}

/// Returns the stream in pieces of the size of a chunk. A separate thread reads it, at most a few pieces ahead. While a
/// piece is filled slowly, a store in a folder is released. Ctrl-C ends the stream with an error.
pub(crate) fn pieces(
    source: impl Read + Send + 'static,
    context: &Context,
) -> impl Stream<Item = io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    // A thread that is blocked on a pipe ends with the process.
    thread::spawn(move || read(source, &sender));
    stream::try_unfold((receiver, 0_u64), move |(mut receiver, count)| async move {
        let piece = next(&mut receiver, context).await?;
        // From the second chunk on there is an upload, which the consumer aborts on an error.
        if count == 1 && !piece.is_empty() {
            context.interrupt.take_over();
        }
        Ok((!piece.is_empty()).then_some((piece, (receiver, count + 1))))
    })
}

/// Reads to the end, which an empty piece marks, or to an error.
fn read(mut source: impl Read, sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::new();
        let piece = source.by_ref().take(CHUNK_BYTES).read_to_end(&mut piece).map(|_| piece);
        let is_last = piece.as_ref().map_or(true, |piece| (piece.len() as u64) < CHUNK_BYTES);
        // A terminal reports its end of input only once, so there is no reading after the end.
        let is_ended = piece.as_ref().map_or(true, Vec::is_empty);
        if sender.blocking_send(piece).is_err() {
            return;
        }
        if is_last {
            if !is_ended {
                let _ = sender.blocking_send(Ok(Vec::new()));
            }
            return;
        }
    }
}

/// Returns the next piece. Releases the store if it does not arrive soon.
async fn next(receiver: &mut mpsc::Receiver<io::Result<Vec<u8>>>, context: &Context) -> io::Result<Vec<u8>> {
    let piece_or_release = async {
        match timeout(SILENCE, receiver.recv()).await {
            Ok(piece) => piece,
            Err(_) => {
                context.output.idle.release();
                receiver.recv().await
            }
        }
    };
    tokio::select! {
        biased;
        () = context.interrupt.wait() => Err(io::Error::other(Interrupted)),
        // A reader that is gone without having sent the end has not read to the end.
        piece = piece_or_release => piece.unwrap_or_else(|| Err(io::Error::other("reading ended before the end"))),
    }
}
