//! Hashing on a separate thread.

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use sha2::{Digest, Sha256};

/// Shorter pieces are hashed on the caller's thread.
const MIN_BYTES: usize = 256 << 10;
/// The most pieces that wait to be hashed.
const WAITING: usize = 2;

/// Computes the SHA-256 of a sequence of pieces. Large pieces are hashed on a separate thread. Holds a few pieces in
/// memory.
#[derive(Debug, Default)]
pub struct Hasher {
    hash: Sha256,
    /// Receives the hash when the thread ends.
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    pieces: SyncSender<Arc<Vec<u8>>>,
    handle: JoinHandle<Sha256>,
}

impl Hasher {
    /// Adds the next piece. Waits if several pieces are queued.
    pub fn update(&mut self, piece: Arc<Vec<u8>>) {
        if self.thread.is_none() && piece.len() >= MIN_BYTES {
            self.thread = Thread::start(self.hash.clone());
        }
        match &self.thread {
            Some(thread) => {
                if thread.pieces.send(piece).is_err() {
                    self.join();
                }
            }
            // Without a thread, for example at the system's limit, the piece is hashed here.
            None => self.hash.update(&*piece),
        }
    }

    /// Returns the SHA-256 of all pieces, and starts again with none.
    pub fn finish(&mut self) -> [u8; 32] {
        self.join();
        self.hash.finalize_reset().into()
    }

    /// Takes the hash back from the thread.
    fn join(&mut self) {
        let Some(Thread { pieces, handle }) = self.thread.take() else { return };
        drop(pieces);
        self.hash = handle.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
}

impl Thread {
    /// Starts a thread that continues a hash until there are no more pieces.
    fn start(mut hash: Sha256) -> Option<Self> {
        let (pieces, receiver) = sync_channel::<Arc<Vec<u8>>>(WAITING);
        let run = move || {
            for piece in receiver {
                hash.update(&*piece);
            }
            hash
        };
        let handle = thread::Builder::new().name("sha256".to_owned()).spawn(run).ok()?;
        Some(Self { pieces, handle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small and large pieces in any order have the hash of their concatenation.
    #[test]
    fn the_hash_is_that_of_all_bytes_in_order() {
        let sizes = [0, 1, MIN_BYTES - 1, MIN_BYTES, 3, MIN_BYTES + 5, 2 * MIN_BYTES, 0, MIN_BYTES, 7];
        let (mut hasher, mut all) = (Hasher::default(), Vec::new());
        for _ in 0..2 {
            for (size, byte) in sizes.into_iter().zip(1..) {
                let piece = vec![byte; size];
                all.extend_from_slice(&piece);
                hasher.update(Arc::new(piece));
            }
            assert_eq!(hasher.finish(), <[u8; 32]>::from(Sha256::digest(&all)));
            all.clear();
        }
        assert_eq!(hasher.finish(), <[u8; 32]>::from(Sha256::digest(b"")));
    }
}
