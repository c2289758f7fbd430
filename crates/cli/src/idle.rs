//! Waiting for the user's pipe or terminal, with the store let go meanwhile.
//!
//! A store in a folder is open in one process at a time. A command that waits for somebody who types, or for a pager that
//! nobody scrolls, would keep all others from it.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{folder::FolderTransport, pipe::Pipe};

/// How long a pipe may keep a command waiting before the command lets its store go.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

/// What is let go while a command waits: the folder, once it is known, of a store in one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Idle(Arc<OnceLock<FolderTransport>>);

impl Idle {
    /// This folder is let go.
    pub(crate) fn set(&self, folder: FolderTransport) {
        // A command uses one store.
        let _ = self.0.set(folder);
    }

    /// Lets the store go. The next call to it opens it again.
    pub(crate) fn release(&self) {
        if let Some(folder) = self.0.get() {
            folder.release();
        }
    }
}

/// Standard input.
pub(crate) struct Stdin {
    file: File,
    idle: Idle,
}

impl Stdin {
    /// Standard input, whose bytes nobody else reads.
    pub(crate) fn open(idle: &Idle) -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { file, idle: idle.clone() })
    }

    /// The bytes alone, for a reader that does not let the store go by itself.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Whether there is something to read, or an end, within this time.
    pub(crate) fn is_ready(&self, within: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(within).expect("the timeouts here are short");
        match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            // Ctrl-C, which its own thread hears.
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Stdin {
    /// Reads, and lets the store go where there is nothing to read for a while.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_ready(SILENCE)? {
            self.idle.release();
        }
        self.file.read(buffer)
    }
}

/// Standard output, written by a thread of its own, so that a reader who takes nothing stops this command and no other.
pub(crate) struct Stdout {
    pipe: Pipe,
    writer: JoinHandle<()>,
    idle: Idle,
}

impl Stdout {
    /// Standard output, to which nobody else writes until [`finish`](Self::finish).
    pub(crate) fn open(idle: &Idle) -> Self {
        let pipe = Pipe::default();
        let theirs = pipe.clone();
        let writer = thread::spawn(move || {
            let mut out = io::stdout().lock();
            while let Some(piece) = theirs.take() {
                if let Err(error) = out.write_all(&piece).and_then(|()| out.flush()) {
                    return theirs.fail(error);
                }
            }
        });
        Self { pipe, writer, idle: idle.clone() }
    }

    /// Waits until everything has been written.
    pub(crate) fn finish(self) -> io::Result<()> {
        if !self.pipe.close(SILENCE) {
            self.idle.release();
        }
        // A thread that panicked has said so.
        let _ = self.writer.join();
        self.pipe.failure()
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

    /// Does nothing: only [`finish`](Self::finish) waits for the reader.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
