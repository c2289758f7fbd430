//! Comparison of what is certified: each reply with a witness shows what the model has, and has the root that is certified.

use ic_certification::hash_tree::{HashTree, LookupResult, empty};
use stable_storage_api::limits::MAX_KEY_BYTES;
use stable_storage_api::{Error, ListArgs, ReadLogArgs};
use storage_verify::record;

use super::{Differential, MAX_TRIES, SOUND};
use crate::call::{Answer, Call};
use crate::domains::{SCOPES, SITES, key, prefix};
use crate::model::Model;
use crate::op::Op;

impl Differential {
    /// Returns whether a step of certification has ended early for lack of memory. Then the model has done as much of it.
    ///
    /// # Panics
    ///
    /// If the store is not as it is after a part of the step.
    pub(super) fn agrees_after_refusals(&mut self, call: &Call, answered: &Result<Answer, Error>) -> bool {
        let (Call::Certify(prefix), Ok(answer)) = (call, answered) else { return false };
        if !(self.is_limited || self.model.may_lack_memory(call)) {
            return false;
        }
        let state = self.state();
        let is_it = |(model, found): &(Model, Answer)| found == answer && model.state() == state;
        let outcome = self.model.certified_with_refusals(prefix).into_iter().find(is_it);
        outcome.map(|(model, _)| self.model = model).is_some()
    }

    pub(super) fn compare_certified(&self) {
        let step = self.step as u8;
        (0..3).for_each(|more| self.compare_witness(&key(step.wrapping_mul(3).wrapping_add(more * 5))));
        self.compare_certified_pages(&prefix(step));
        self.compare_certified_log();
    }

    /// Returns the tree of a witness, whose root is that of the store.
    fn witness(&self, witness: &[u8]) -> HashTree<Vec<u8>> {
        let tree: HashTree<Vec<u8>> = serde_cbor::from_slice(witness).expect("a witness is CBOR");
        assert_eq!(Some(tree.digest()), self.store.certified_digest(), "a witness has another root");
        tree
    }

    fn compare_witness(&self, key: &str) {
        let found = self.store.stat_certified(key);
        let is_key = (1..=MAX_KEY_BYTES).contains(&(key.len() as u64));
        let Some(prefix) = self.model.complete_prefix_of(key).filter(|_| is_key) else {
            return assert!(matches!(found, Err(Error::InvalidArgument { .. })), "{key:?}: {found:?}");
        };
        let found = found.expect(SOUND);
        let tree = self.witness(&found.witness);
        let info = self.model.info(key);
        assert_eq!(found.contents.as_ref(), info);
        match (info, tree.lookup_path([b"objects", key.as_bytes()])) {
            (Some(info), LookupResult::Found(leaf)) => assert_eq!(Some(leaf), record(info).as_deref()),
            (None, LookupResult::Absent) => {
                let shown = tree.lookup_path([b"prefixes", prefix.as_bytes()]);
                assert!(matches!(shown, LookupResult::Found(b"")), "{key:?}: the prefix is not shown");
            }
            (info, shown) => panic!("{key:?}: {info:?}, and the witness shows {shown:?}"),
        }
    }

    fn compare_certified_pages(&self, prefix: &str) {
        let mut args = ListArgs { limit: Some(1 + self.step as u32 % 5), ..ListArgs::prefix(prefix) };
        let mut listed = Vec::new();
        if self.model.complete_prefix_of(prefix).is_none() {
            let refused = self.store.list_certified(&args);
            return assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{prefix:?}: {refused:?}");
        }
        loop {
            let page = self.store.list_certified(&args).expect(SOUND);
            let tree = self.witness(&page.witness);
            for info in &page.contents.objects {
                let shown = tree.lookup_path([b"objects", info.key.as_bytes()]);
                assert!(matches!(shown, LookupResult::Found(leaf) if Some(leaf) == record(info).as_deref()));
            }
            listed.extend(page.contents.objects);
            match page.contents.next {
                Some(next) => args.start_after = Some(next),
                None => break,
            }
        }
        let expected = self.model.values().filter(|(key, ..)| key.starts_with(prefix));
        assert!(
            listed.iter().eq(expected.filter_map(|(key, ..)| self.model.info(key))),
            "{prefix:?} differs"
        );
    }

    fn compare_certified_log(&self) {
        let log = self.model.log();
        let from = (self.step * 31 % (log.len() as u64 + 1)) as usize;
        let page = self.store.log_certified(&ReadLogArgs { from: from as u64, limit: Some(3) });
        if !self.model.has_certified_log() {
            return assert!(matches!(page, Err(Error::InvalidArgument { .. })), "{page:?}");
        }
        let page = page.expect(SOUND);
        let tree = self.witness(&page.witness);
        assert_eq!(page.contents.length, log.len() as u64);
        let entries = page.contents.entries.iter().map(Vec::as_slice);
        assert!(
            entries.eq(log[from..].iter().take(page.contents.entries.len()).map(|entry| entry.as_slice()))
        );
        let LookupResult::Found(leaf) = tree.lookup_path([b"log"]) else { panic!("{tree:?} has no log") };
        assert_eq!(leaf[..8], page.contents.length.to_le_bytes());
    }

    /// Ends all certification of objects: then the hash tree is empty, except for the log.
    pub(super) fn drain_certified(&mut self) {
        for _ in 0..MAX_TRIES {
            if !self.model.certifies_objects() {
                break;
            }
            for scope in 0..SCOPES {
                self.apply(&Op::SetCertified { prefix: scope, is_certified: false });
                self.apply(&Op::Certify { scope });
            }
            for site in (0..SITES).step_by(5) {
                self.apply(&Op::RemoveSite { site });
            }
        }
        assert!(!self.model.certifies_objects(), "something is still certified");
        let is_alone = !self.model.has_certified_log();
        let digest = self.store.certified_digest().filter(|_| is_alone);
        assert!(digest.is_none_or(|digest| digest == empty::<Vec<u8>>().digest()), "the tree is not empty");
    }
}
