//! The certified log: its length and the root of its digests, in the leaf `log` of the hash tree.
//!
//! # Layout v1
//!
//! The contents of the leaf are the number of entries in 8 bytes, little-endian, and the root in 32 bytes.

use ic_stable_structures::Memory;
use stable_storage_api::limits::{MAX_BATCH_ITEMS, MAX_REPLY_BYTES, VERIFY_STEP_BYTES};
use stable_storage_api::{CertifyProgress, Error, ReadLogArgs};

use super::Witnessed;
use crate::base::problem::Problem;
use crate::core::Core;
use crate::core::certified::damaged;
use crate::core::change::Change;
use crate::memory::space::StoreMemory;
use crate::structures::hash_tree::{Digest, HashTree, leaf};
use crate::structures::log::Log;
use crate::structures::mountain_range::element_digest;

/// Label of the leaf.
const LOG_LABEL: &[u8] = b"log";

/// The most entries of one step, about 200 million instructions.
const STEP_ENTRIES: u64 = 10_000;

/// The most entries of a page.
const PAGE_ENTRIES: u32 = 500;

/// A page of a log, with the digests that lead from each entry to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// The entries, oldest first.
    pub entries: Vec<Vec<u8>>,
    /// Number of entries of the whole log.
    pub length: u64,
    /// For each entry, the digests that lead from it to the root.
    pub paths: Vec<Vec<Vec<u8>>>,
}

/// The certified log of a store.
pub(crate) struct CertifiedLog<'a, M: Memory> {
    pub(crate) core: &'a Core<M>,
    pub(crate) log: &'a Log<StoreMemory<M>>,
}

impl<M: Memory + Clone> CertifiedLog<'_, M> {
    /// Returns whether all entries of the log are certified, so that new ones must be.
    pub(crate) fn is_certified(&self) -> Result<bool, Error> {
        let Some(certified) = self.core.certified() else { return Ok(false) };
        Ok(certified.log()?.elements() == Some(self.log.info().length))
    }

    /// Adds entries to the digests, and the new root to the tree.
    pub(crate) fn stage<E: AsRef<[u8]>>(change: &mut Change<'_, M>, entries: &[E]) -> Result<(), Error> {
        let certified = change.certified()?;
        let range = certified.log()?;
        entries.iter().for_each(|entry| range.append(element_digest(entry.as_ref())));
        let head = head(range.elements(), &range.root());
        certified.tree.set(&[LOG_LABEL], leaf(&head))
    }

    /// Certifies more of the entries that exist. Switches the certification of the log on, at the first call.
    pub(crate) fn certify(&self) -> Result<CertifyProgress, Error> {
        self.certify_step(STEP_ENTRIES, VERIFY_STEP_BYTES)
    }

    pub(crate) fn certify_step(&self, most: u64, bytes: u64) -> Result<CertifyProgress, Error> {
        let length = self.log.info().length;
        let mut change = Change::new(self.core);
        let range = change.certified()?.log()?;
        let (first, mut hashed) = (range.elements(), 0);
        while range.elements() < length && range.elements() - first < most && hashed < bytes {
            let left = (most - (range.elements() - first)).min(MAX_BATCH_ITEMS);
            let args = ReadLogArgs { from: range.elements(), limit: Some(left as u32) };
            self.log.read_log_with(&args, |entry| {
                hashed += entry.len() as u64;
                range.append(element_digest(entry));
            })?;
        }
        let progress =
            CertifyProgress { items: range.elements() - first, hashed, done: range.elements() == length };
        if progress.done {
            Self::stage::<&[u8]>(&mut change, &[])?;
        }
        change.reserve()?.commit();
        Ok(progress)
    }

    /// Returns a page of entries, oldest first, with a witness of the root and the length.
    pub(crate) fn read(&self, args: &ReadLogArgs) -> Result<Witnessed<LogProof>, Error> {
        let certified = match self.core.certified() {
            Some(certified) if self.is_certified()? => certified,
            _ => return Err(Error::invalid("the log is not certified; call certify_log until it is done")),
        };
        let range = certified.log()?;
        let limit = args.limit.unwrap_or(PAGE_ENTRIES).min(PAGE_ENTRIES);
        let mut proof = LogProof { entries: Vec::new(), length: 0, paths: Vec::new() };
        let args = ReadLogArgs { limit: Some(limit), ..*args };
        let (_, length) = self.log.read_log_with(&args, |entry| proof.entries.push(entry.to_vec()))?;
        proof.length = length;
        keep_what_fits(&mut proof.entries, length);
        for number in (args.from..).take(proof.entries.len()) {
            proof.paths.push(range.path(number).into_iter().map(|digest| digest.to_vec()).collect());
        }
        let head = head(length, &range.begin().root());
        if certified.tree.get(&[LOG_LABEL])? != Some(leaf(&head)) {
            return Err(not_in_tree());
        }
        let witness = certified.tree.witness(&[LOG_LABEL], HashTree::Leaf(head))?.to_cbor();
        Ok(Witnessed { contents: proof, witness })
    }

    /// Checks that the digests are those of the entries, and that the leaf has their root.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        problems.extend(self.check_all().err().map(Problem::from));
    }

    fn check_all(&self) -> Result<(), Error> {
        let Some(certified) = self.core.certified() else { return Ok(()) };
        let range = certified.log()?;
        let Some(elements) = range.elements() else { return Ok(()) };
        let mut comparison = range.compare();
        let mut from = 0;
        while from < elements.min(self.log.info().length) {
            let mut result = Ok(());
            let read = self.log.read_log_with(&ReadLogArgs { from, limit: None }, |entry| {
                if result.is_ok() {
                    result = comparison.next(element_digest(entry));
                }
            })?;
            result?;
            from = read.0;
        }
        comparison.end()?;
        let expected = self.is_certified()?.then(|| leaf(&head(elements, &range.begin().root())));
        let stored = certified.tree.get(&[LOG_LABEL])?;
        if expected.is_some() && stored != expected { Err(not_in_tree()) } else { Ok(()) }
    }
}

/// Returns the contents of the leaf.
fn head(length: u64, root: &Digest) -> Vec<u8> {
    [&length.to_le_bytes()[..], root].concat()
}

/// Removes entries from the end until the rest fits one reply with its paths. The first entry stays: it fits with its path.
///
/// A path has at most one digest for each binary digit of the length. Under a mountain of 2^n elements there are n, one is to its
/// right, and one for each mountain to its left, of which each has a higher digit.
fn keep_what_fits(entries: &mut Vec<Vec<u8>>, length: u64) {
    let path = u64::from(u64::BITS - length.leading_zeros()) * 34 + 16;
    let mut bytes = 0;
    let fits = entries.iter().take_while(|entry| {
        bytes += entry.len() as u64 + path;
        bytes <= MAX_REPLY_BYTES
    });
    let fitting = fits.count().max(1);
    entries.truncate(fitting);
}

#[cold]
fn not_in_tree() -> Error {
    damaged("the hash tree does not agree with the digests of the log")
}
