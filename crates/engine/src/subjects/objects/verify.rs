//! Computing the SHA-256 of an object in bounded steps.
//!
//! Hashing costs about 60 times as much as storing, so an uploader declares the digest, and verification is a
//! separate call. Between two steps the state of the compression function (FIPS 180-4) is stored in the
//! object's entry, so a verification resumes after an upgrade. Overwriting the object ends it, because the
//! entry is replaced.

use ic_stable_structures::Memory;
use stable_storage_api::limits::VERIFY_STEP_BYTES;
use stable_storage_api::{ChecksumState, Error, VerifyProgress, check};

use super::Objects;
use super::entry::Entry;
use super::metadata::{Digest, HashProgress, Metadata};
use super::read::read_range;
use crate::base::sha256::{INITIAL, compress, finish};
use crate::core::change::Change;

/// Number of bytes per read: whole blocks.
pub(crate) const HASHED_READ_BYTES: u64 = 65_536;

const _: () = assert!(VERIFY_STEP_BYTES.is_multiple_of(HASHED_READ_BYTES));

impl<M: Memory + Clone> Objects<'_, M> {
    /// Hashes up to 64 MiB more of an object. At the end, compares the digest with the declared one, or
    /// records it if none was declared. The result is kept; the object remains readable in either case. A
    /// call after the result starts again.
    pub(crate) fn verify(&self, key: &str) -> Result<VerifyProgress, Error> {
        self.verify_in_steps(key, VERIFY_STEP_BYTES)
    }

    /// Hashes up to `step_bytes` more of an object, a multiple of 65,536.
    pub(crate) fn verify_in_steps(&self, key: &str, step_bytes: u64) -> Result<VerifyProgress, Error> {
        check::key(key)?;
        let mut change = Change::new(self.core);
        let located = change.index.locate(key.as_bytes())?;
        let raw = change.index.look(located, <[u8]>::to_vec)?.ok_or(Error::NotFound)?;
        let entry = Entry::decode(&raw)?;
        let start = entry.metadata.progress.unwrap_or(HashProgress { hashed: 0, state: INITIAL });
        let end = entry.size.min(start.hashed + step_bytes);
        let stepped = self.hash(&entry, start, end)?;
        let (metadata, verdict) = match stepped {
            Step::Paused(progress) => (Metadata { progress: Some(progress), ..entry.metadata }, None),
            Step::Finished(computed) => {
                let digest = judge(entry.metadata.digest, computed);
                let metadata = Metadata { digest: Some(digest), progress: None, ..entry.metadata };
                (metadata, Some(digest.state))
            }
        };
        let judged = Entry { metadata, ..entry }.encode();
        self.write(&mut change, located, key.as_bytes(), (&judged.0, &[]))?;
        change.reserve()?.commit();
        Ok(VerifyProgress { hashed: end, size: entry.size, verdict })
    }

    /// Returns the number of bytes that earlier steps have hashed.
    pub(crate) fn hashed_bytes(&self, key: &str) -> Result<u64, Error> {
        self.with_entry(key, |header| {
            Ok(header.entry()?.metadata.progress.map_or(0, |progress| progress.hashed))
        })
    }

    /// Hashes a whole object, and compares the digest with the declared one.
    pub(super) fn verdict_on(&self, entry: &Entry<'_>) -> Result<Digest, Error> {
        let start = HashProgress { hashed: 0, state: INITIAL };
        match self.hash(entry, start, entry.size)? {
            Step::Finished(computed) => Ok(judge(entry.metadata.digest, computed)),
            Step::Paused(_) => unreachable!("the step ends with the object"),
        }
    }

    fn hash(&self, entry: &Entry<'_>, start: HashProgress, end: u64) -> Result<Step, Error> {
        let HashProgress { mut hashed, mut state } = start;
        let mut buffer = vec![0; HASHED_READ_BYTES.min(end - hashed) as usize];
        while hashed < end {
            let bytes = &mut buffer[..HASHED_READ_BYTES.min(end - hashed) as usize];
            read_range(&self.core.arena, entry.location, hashed, bytes)?;
            hashed += bytes.len() as u64;
            let rest = compress(&mut state, bytes);
            if hashed == entry.size {
                return Ok(Step::Finished(finish(state, rest, hashed)));
            }
        }
        Ok(if end == entry.size {
            Step::Finished(finish(state, &[], end))
        } else {
            Step::Paused(HashProgress { hashed, state })
        })
    }
}

/// Result of one step.
enum Step {
    Paused(HashProgress),
    Finished([u8; 32]),
}

fn judge(declared: Option<Digest>, computed: [u8; 32]) -> Digest {
    match declared {
        Some(declared) if declared.bytes != computed => Digest { state: ChecksumState::Mismatch, ..declared },
        _ => Digest { bytes: computed, state: ChecksumState::Verified },
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::Store;
    use crate::subjects::objects::Put;

    #[test]
    fn a_verification_resumes_after_reopening() {
        let memory = VectorMemory::default();
        let value: Vec<u8> = (0..1_000_003u32).map(|i| (i * 7) as u8).collect();
        let revision = Store::open(memory.clone()).unwrap().put(Put::new("k", &value), 1).unwrap().revision;
        let mut steps = 0;
        let verdict = loop {
            let mut store = Store::open(memory.clone()).unwrap();
            let progress = store.verify_in_steps("k", HASHED_READ_BYTES).unwrap();
            steps += 1;
            assert_eq!(progress.hashed, (steps * HASHED_READ_BYTES).min(progress.size));
            assert_eq!(store.get("k").unwrap(), value);
            assert!(store.check().is_sound());
            if let Some(verdict) = progress.verdict {
                break verdict;
            }
        };
        assert_eq!((steps, verdict), (16, ChecksumState::Verified));
        let store = Store::open(memory).unwrap();
        assert_eq!(
            store.objects().hashed_bytes("k"),
            Ok(0),
            "the state of the hash function is no longer kept"
        );
        let info = store.stat("k").unwrap();
        assert_eq!(info.revision, revision, "verifying does not change the revision");
        let sha256 = info.sha256.unwrap();
        assert_eq!(
            (sha256.digest.as_slice(), sha256.state),
            (&Sha256::digest(&value)[..], ChecksumState::Verified)
        );
    }

    /// The progress moves with the object, and is unrelated to the object that was under the new key.
    #[test]
    fn a_verification_resumes_under_another_key() {
        let value: Vec<u8> = (0..200_003u32).map(|i| (i * 11) as u8).collect();
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("from", &value), 0).unwrap();
        store.put(Put::new("to", &[1; 300_000]), 0).unwrap();
        store.verify_in_steps("from", HASHED_READ_BYTES).unwrap();
        store.verify_in_steps("to", 2 * HASHED_READ_BYTES).unwrap();
        let rename = stable_storage_api::RenameArgs { from: "from".into(), to: "to".into(), condition: None };
        store.rename(&rename, 1).unwrap();
        assert!(store.check().is_sound());
        let progress = store.verify_in_steps("to", HASHED_READ_BYTES).unwrap();
        assert_eq!(
            (progress.hashed, progress.size, progress.verdict),
            (2 * HASHED_READ_BYTES, 200_003, None)
        );
        assert_eq!(store.verify("to").unwrap().verdict, Some(ChecksumState::Verified));
        assert_eq!(store.stat("to").unwrap().sha256.unwrap().digest.as_slice(), &Sha256::digest(&value)[..]);
        assert_eq!(store.verify("from"), Err(Error::NotFound));
    }

    #[test]
    fn overwriting_ends_a_verification_and_an_empty_object_has_a_digest() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("k", &[1; 200_000]), 0).unwrap();
        assert_eq!(store.verify_in_steps("k", HASHED_READ_BYTES).unwrap().hashed, HASHED_READ_BYTES);
        store.put(Put::new("k", b""), 0).unwrap();
        assert_eq!(store.stat("k").unwrap().sha256, None);
        let progress = store.verify("k").unwrap();
        assert_eq!((progress.hashed, progress.verdict), (0, Some(ChecksumState::Verified)));
        let digest = store.stat("k").unwrap().sha256.unwrap().digest;
        assert_eq!(digest.as_slice(), &Sha256::digest(b"")[..]);
    }
}
