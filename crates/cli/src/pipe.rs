//! Bounded queue of byte pieces between two threads.

use std::{
    collections::VecDeque,
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The most pieces in the queue.
const CAPACITY: usize = 2;

/// Bounded queue with one writer and one reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Vec<u8>>,
    /// Whether the reader is processing a piece.
    is_busy: bool,
    is_closed: bool,
    /// Error of the reader.
    failure: Option<io::Error>,
    has_failed: bool,
}

impl State {
    fn is_full(&self) -> bool {
        self.pieces.len() >= CAPACITY && !self.has_failed
    }

    fn is_at_work(&self) -> bool {
        (!self.pieces.is_empty() || self.is_busy) && !self.has_failed
    }

    fn check(&mut self) -> io::Result<()> {
        match mem::take(&mut self.failure) {
            Some(error) => Err(error),
            None if self.has_failed => Err(io::ErrorKind::BrokenPipe.into()),
            None => Ok(()),
        }
    }
}

impl Pipe {
    /// Returns whether there is space for a piece within this time.
    pub(crate) fn has_room(&self, within: Duration) -> bool {
        !self.wait(within, |state| state.is_full()).is_full()
    }

    /// Adds a piece, as soon as there is space. Returns the error of a failed reader.
    pub(crate) fn put(&self, piece: Vec<u8>) -> io::Result<()> {
        let changed = &self.0.changed;
        let state = changed.wait_while(self.lock(), |state| state.is_full());
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.check()?;
        state.pieces.push_back(piece);
        changed.notify_all();
        Ok(())
    }

    /// Closes the queue. Returns whether the reader has processed all pieces within this time.
    pub(crate) fn close(&self, within: Duration) -> bool {
        self.lock().is_closed = true;
        self.0.changed.notify_all();
        !self.wait(within, |state| state.is_at_work()).is_at_work()
    }

    /// Takes the next piece, waiting for one; `None` after the last.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        let changed = &self.0.changed;
        let mut state = self.lock();
        state.is_busy = false;
        changed.notify_all();
        let state = changed.wait_while(state, |state| state.pieces.is_empty() && !state.is_closed);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let piece = state.pieces.pop_front()?;
        state.is_busy = true;
        changed.notify_all();
        Some(piece)
    }

    /// Records the failure of the reader.
    pub(crate) fn fail(&self, error: io::Error) {
        let mut state = self.lock();
        state.failure = Some(error);
        state.has_failed = true;
        self.0.changed.notify_all();
    }

    /// Returns the error of a failed reader, unless [`put`](Self::put) has returned it.
    pub(crate) fn failure(&self) -> io::Result<()> {
        self.lock().check()
    }

    fn wait(&self, within: Duration, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.0.changed.wait_timeout_while(self.lock(), within, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Pieces arrive in order, followed by the end.
    #[test]
    fn pieces_arrive_in_order() {
        let pipe = Pipe::default();
        let reader = pipe.clone();
        let reader = thread::spawn(move || std::iter::from_fn(|| reader.take()).collect::<Vec<_>>());
        for number in 0..100 {
            pipe.put(vec![number]).unwrap();
        }
        pipe.close(Duration::MAX);
        assert_eq!(reader.join().unwrap(), (0..100).map(|number| vec![number]).collect::<Vec<_>>());
        pipe.failure().unwrap();
    }

    /// The writer detects a reader that takes nothing, before the end and at the end.
    #[test]
    fn stalled_reader_is_detected() {
        let pipe = Pipe::default();
        assert!(pipe.has_room(Duration::ZERO));
        pipe.put(vec![1]).unwrap();
        pipe.put(vec![2]).unwrap();
        assert!(!pipe.has_room(Duration::ZERO));
        assert!(!pipe.close(Duration::ZERO));
        // A piece that was taken is not written yet.
        pipe.take();
        pipe.take();
        assert!(!pipe.close(Duration::ZERO));
        assert!(pipe.take().is_none());
        assert!(pipe.close(Duration::ZERO));
    }

    /// An error of the reader is returned to a waiting writer, once.
    #[test]
    fn an_error_of_the_reader_reaches_the_writer() {
        let pipe = Pipe::default();
        pipe.put(vec![1]).unwrap();
        pipe.put(vec![2]).unwrap();
        let reader = pipe.clone();
        let reader = thread::spawn(move || reader.fail(io::ErrorKind::StorageFull.into()));
        assert_eq!(pipe.put(vec![3]).unwrap_err().kind(), io::ErrorKind::StorageFull);
        reader.join().unwrap();
        assert_eq!(pipe.failure().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(pipe.close(Duration::ZERO));
    }
}
