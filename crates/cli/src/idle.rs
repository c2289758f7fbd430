//! Waiting for the user's pipe or terminal while the store is released.
//!
//! A store in a folder is open in one process at a time. A command that waits for keyboard input or a pager would block all
//! others.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{folder::FolderTransport, pipe::Pipe};

/// Time that a pipe may block a command before the command releases its store.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

/// The folders that are released while a command waits: those of the stores that it has used so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Idle(Arc<Mutex<Vec<FolderTransport>>>);

impl Idle {
    /// Adds a folder.
    pub(crate) fn add(&self, folder: FolderTransport) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
    }

    /// Releases the stores. The next calls open them again.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(FolderTransport::release);
    }
}

/// Standard input.
pub(crate) struct Stdin {
    file: File,
    idle: Idle,
}

impl Stdin {
    /// Opens standard input, which has no other reader.
    pub(crate) fn open(idle: &Idle) -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { file, idle: idle.clone() })
    }

    /// Returns the plain file, for a reader that does not release the store.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Returns whether there is data or an end of file within this time.
    pub(crate) fn is_ready(&self, within: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(within).expect("the timeouts here are short");
        match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            // Ctrl-C, which another thread handles.
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Stdin {
    /// Reads, and releases the store if there is no data for a while.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_ready(SILENCE)? {
            self.idle.release();
        }
        self.file.read(buffer)
    }
}

/// Standard output, written by a separate thread, so that a slow reader blocks only this command.
pub(crate) struct Stdout {
    pipe: Pipe,
    /// Taken by [`finish`](Self::finish).
    writer: Option<JoinHandle<()>>,
    idle: Idle,
}

impl Stdout {
    /// Opens standard output, which has no other writer until [`finish`](Self::finish).
    pub(crate) fn open(idle: &Idle) -> Self {
        let pipe = Pipe::default();
        let theirs = pipe.clone();
        let writer = thread::spawn(move || {
            let mut out = io::stdout().lock();
            while let Some(piece) = theirs.take() {
                if let Err(error) = out.write_all(&piece).and_then(|()| out.flush()) {
                    let text = format!("cannot write to standard output: {error}");
                    return theirs.fail(io::Error::new(error.kind(), text));
                }
            }
        });
        Self { pipe, writer: Some(writer), idle: idle.clone() }
    }

    /// Waits until everything has been written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if !self.pipe.close(SILENCE) {
            self.idle.release();
        }
        // A thread that panicked has printed its message.
        let _ = self.writer.take().map(JoinHandle::join);
        self.pipe.failure()
    }
}

impl Drop for Stdout {
    /// Ends the thread when it has written what it has, so that standard output can be opened again after an error.
    fn drop(&mut self) {
        self.pipe.close(Duration::ZERO);
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if !self.pipe.has_room(SILENCE) {
            self.idle.release();
        }
        self.pipe.put(bytes.to_vec())?;
        Ok(bytes.len())
    }

    /// Does nothing; only [`finish`](Self::finish) waits for the reader.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
