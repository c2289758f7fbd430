//! Hashing beside whatever else is done with the bytes.

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use sha2::{Digest, Sha256};

/// A piece of fewer bytes is not worth a thread.
const MIN_BYTES: usize = 256 << 10;
/// Pieces that wait to be hashed.
const WAITING: usize = 2;

/// Computes the SHA-256 of bytes that come piece after piece, large ones in a thread of its own. A few pieces are in memory
/// at once.
#[derive(Debug, Default)]
pub struct Hasher {
    hash: Sha256,
    /// Has the hash, once there is one.
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    pieces: SyncSender<Arc<Vec<u8>>>,
    handle: JoinHandle<Sha256>,
}

impl Hasher {
    /// Takes the next piece. Waits where several are still to be hashed.
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
            // There is none where the system gives none, either.
            None => self.hash.update(&*piece),
        }
    }

    /// The SHA-256 of all pieces. What comes after it is hashed anew.
    pub fn finish(&mut self) -> [u8; 32] {
        self.join();
        self.hash.finalize_reset().into()
    }

    /// Takes the hash from the thread.
    fn join(&mut self) {
        let Some(Thread { pieces, handle }) = self.thread.take() else { return };
        drop(pieces);
        self.hash = handle.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
}

impl Thread {
    /// A thread that goes on with a hash until there are no more pieces.
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

    /// Small and large pieces in any order have the hash of their bytes one after the other.
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
