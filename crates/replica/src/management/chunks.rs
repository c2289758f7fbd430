//! The Wasm chunk store. It is in memory: chunks are lost when the server ends.

use std::collections::BTreeMap;

use ic_management_canister_types::ChunkHash;
use sha2::{Digest, Sha256};

use super::{Answer, invalid, reply_one};

/// Maximum bytes of a chunk.
const MAX_CHUNK_BYTES: usize = 1 << 20;
/// Maximum number of chunks.
const MAX_CHUNKS: usize = 16;

/// The chunk store of the canister.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    chunks: BTreeMap<[u8; 32], Vec<u8>>,
}

impl Chunks {
    /// Stores a chunk and replies with its hash.
    pub(super) fn upload(&mut self, chunk: Vec<u8>) -> Answer {
        if chunk.len() > MAX_CHUNK_BYTES {
            return Err(invalid(format!(
                "Wasm chunk size {} exceeds the maximum chunk size of {MAX_CHUNK_BYTES}.",
                chunk.len()
            )));
        }
        let hash: [u8; 32] = Sha256::digest(&chunk).into();
        if self.chunks.len() >= MAX_CHUNKS && !self.chunks.contains_key(&hash) {
            return Err(invalid(format!(
                "Wasm chunk store has already reached maximum capacity of {MAX_CHUNKS} chunks."
            )));
        }
        self.chunks.insert(hash, chunk);
        reply_one(ChunkHash { hash: hash.to_vec() })
    }

    /// Removes all chunks.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
    }

    /// Returns the hashes of all chunks.
    pub(super) fn stored(&self) -> Vec<ChunkHash> {
        self.chunks.keys().map(|hash| ChunkHash { hash: hash.to_vec() }).collect()
    }

    /// Concatenates the chunks with these hashes. The error is the first hash that is missing.
    pub(super) fn joined<'a>(&self, hashes: &'a [ChunkHash]) -> Result<Vec<u8>, &'a [u8]> {
        let mut wasm = Vec::new();
        for ChunkHash { hash } in hashes.iter().take(MAX_CHUNKS) {
            let key = <&[u8; 32]>::try_from(hash.as_slice()).map_err(|_| hash.as_slice())?;
            wasm.extend_from_slice(self.chunks.get(key).ok_or(hash.as_slice())?);
        }
        match hashes.get(MAX_CHUNKS) {
            Some(beyond) => Err(&beyond.hash),
            None => Ok(wasm),
        }
    }

    /// Returns the total bytes of all chunks.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(chunk: &[u8]) -> ChunkHash {
        ChunkHash { hash: Sha256::digest(chunk).to_vec() }
    }

    #[test]
    fn chunks_have_a_limit_of_size_and_of_number() {
        let mut chunks = Chunks::default();
        assert!(chunks.upload(vec![0; MAX_CHUNK_BYTES + 1]).is_err());
        chunks.upload(vec![0; MAX_CHUNK_BYTES]).unwrap();
        for number in 1..MAX_CHUNKS {
            chunks.upload(vec![number as u8]).unwrap();
        }
        let said = chunks.upload(vec![0xff]).unwrap_err().reject_message;
        assert!(said.contains("16 chunks"), "{said}");
        chunks.upload(vec![1]).unwrap();
        assert_eq!(chunks.stored().len(), MAX_CHUNKS);
        assert_eq!(chunks.bytes(), MAX_CHUNK_BYTES + MAX_CHUNKS - 1);
        chunks.clear();
        assert_eq!(chunks.bytes(), 0);
    }

    #[test]
    fn chunks_are_joined_in_the_order_that_is_asked_for() {
        let mut chunks = Chunks::default();
        chunks.upload(b"a".to_vec()).unwrap();
        chunks.upload(b"b".to_vec()).unwrap();
        assert_eq!(chunks.joined(&[hash(b"b"), hash(b"a"), hash(b"b")]).unwrap(), b"bab");
        assert!(chunks.joined(&[hash(b"c")]).is_err());
        assert!(chunks.joined(&[ChunkHash { hash: vec![1] }]).is_err());
        assert!(chunks.joined(&vec![hash(b"a"); MAX_CHUNKS + 1]).is_err());
    }
}
