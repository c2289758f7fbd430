//! A store with the certified tree of the canister, on `ic-certified-map`, and the replies with their proofs.

use std::collections::BTreeMap;

use candid::Principal;
use ic_certified_map::{AsHashTree, HashTree, RbTree, fork, labeled};
use sha2::{Digest as _, Sha256};
use stable_storage_api::{
    CertifiedInfo, CertifiedLogPage, CertifiedObject, CertifiedPage, Checksum, ChecksumState, ListArgs,
    MetadataPair, Object, ObjectInfo, Proof, ReadLogArgs,
};

use crate::mountains;
use crate::network::{certify, to_cbor};

type Map = RbTree<Vec<u8>, Vec<u8>>;

/// Objects, certified prefixes, and entries of the log.
pub(crate) struct Store {
    pub(crate) values: BTreeMap<String, Object>,
    objects: Map,
    prefixes: Map,
    log: Vec<Vec<u8>>,
}

/// The metadata of an object with everything that metadata can have.
pub(crate) fn info(key: &str, value: &[u8], revision: u64) -> ObjectInfo {
    ObjectInfo {
        key: key.into(),
        size: value.len() as u64,
        revision,
        content_type: Some("text/plain".into()),
        content_encoding: Some("br".into()),
        metadata: Some(vec![MetadataPair::new("name", "value"), MetadataPair::new("empty", "")]),
        owner: Some(Principal::from_slice(&[9, 8, 7])),
        created_ns: 11,
        modified_ns: 12,
        sha256: Some(Checksum {
            digest: Sha256::digest(value).to_vec().into(),
            state: ChecksumState::Verified,
        }),
    }
}

impl Store {
    /// A store in which all is certified that is under the prefixes.
    pub(crate) fn new(prefixes: &[&str]) -> Self {
        let mut certified = Map::new();
        prefixes.iter().for_each(|prefix| certified.insert(prefix.as_bytes().to_vec(), Vec::new()));
        Self { values: BTreeMap::new(), objects: Map::new(), prefixes: certified, log: Vec::new() }
    }

    /// A store with these objects, whose values are their keys, and the entries of a log.
    pub(crate) fn with(prefixes: &[&str], keys: &[&str], entries: u64) -> Self {
        let mut store = Self::new(prefixes);
        for (revision, key) in keys.iter().enumerate() {
            store.put(info(key, key.as_bytes(), revision as u64), key.as_bytes());
        }
        store.log = (0..entries).map(|index| format!("entry {index}").into_bytes()).collect();
        store
    }

    pub(crate) fn put(&mut self, info: ObjectInfo, value: &[u8]) {
        self.objects.insert(info.key.as_bytes().to_vec(), reference_record(&info));
        self.values.insert(info.key.clone(), Object { info, value: value.to_vec().into() });
    }

    /// The proof with these parts of the tree shown.
    pub(crate) fn proof(&self, log: HashTree<'_>, objects: HashTree<'_>, prefixes: HashTree<'_>) -> Proof {
        let rest = fork(labeled(b"objects", objects), labeled(b"prefixes", prefixes));
        let tree = fork(labeled(b"log", log), rest);
        Proof { certificate: certify(&tree.reconstruct()).into(), witness: to_cbor(&tree).into() }
    }

    fn proof_of_objects(&self, objects: HashTree<'_>, certified: &str) -> Proof {
        let log = HashTree::Pruned(HashTree::Leaf(self.head().into()).reconstruct());
        self.proof(log, objects, self.shown_prefix(certified))
    }

    /// The prefixes with the one shown that covers a key, if there is one.
    fn shown_prefix(&self, key: &str) -> HashTree<'_> {
        let lengths = (0..=key.len()).rev();
        let covering = lengths.map(|length| &key.as_bytes()[..length]);
        let prefix = covering.into_iter().find(|prefix| self.prefixes.get(prefix).is_some());
        prefix.map_or(HashTree::Pruned(self.prefixes.root_hash()), |prefix| self.prefixes.witness(prefix))
    }

    pub(crate) fn get(&self, key: &str) -> CertifiedObject {
        let object = self.values.get(key).cloned();
        CertifiedObject { object, proof: self.proof_of_objects(self.objects.witness(key.as_bytes()), key) }
    }

    pub(crate) fn stat(&self, key: &str) -> CertifiedInfo {
        let CertifiedObject { object, proof } = self.get(key);
        CertifiedInfo { info: object.map(|object| object.info), proof }
    }

    /// The objects and the `next` that a page must have.
    pub(crate) fn listed(&self, args: &ListArgs) -> (Vec<ObjectInfo>, Option<String>) {
        let all: Vec<_> = self
            .values
            .iter()
            .filter(|(key, _)| key.starts_with(&args.prefix))
            .filter(|(key, _)| args.start_after.as_ref().is_none_or(|start| *key > start))
            .map(|(_, object)| object.info.clone())
            .collect();
        let objects: Vec<_> = all.iter().take(args.most() as usize).cloned().collect();
        let is_last = objects.len() == all.len();
        let next = if is_last { None } else { objects.last().map(|info| info.key.clone()) };
        (objects, next)
    }

    pub(crate) fn list(&self, args: &ListArgs) -> CertifiedPage {
        let (objects, next) = self.listed(args);
        let is_before = |key: &&String| {
            **key < args.prefix || args.start_after.as_ref().is_some_and(|start| *key <= start)
        };
        let before = self.values.keys().take_while(is_before).last().cloned().unwrap_or_default();
        let last = objects.last().map_or(&before, |info| &info.key);
        let after = self.values.keys().find(|key| *key > last && !is_before(key));
        let end = after.map_or(&[0xff][..], |key| key.as_bytes());
        let shown = self.objects.value_range(before.as_bytes(), end);
        let proof = self.proof_of_objects(shown, &args.prefix);
        CertifiedPage { objects, next, proof }
    }

    /// The witness of a range of keys, with which a page of another range might be asserted.
    pub(crate) fn range_proof(&self, first: &str, last: &str) -> Proof {
        self.proof_of_objects(self.objects.value_range(first.as_bytes(), last.as_bytes()), "")
    }

    fn head(&self) -> Vec<u8> {
        [&(self.log.len() as u64).to_le_bytes()[..], &mountains::root(&self.log)].concat()
    }

    pub(crate) fn log(&self, args: &ReadLogArgs) -> CertifiedLogPage {
        let from = (args.from as usize).min(self.log.len());
        let limit = args.limit.unwrap_or(u32::MAX) as usize;
        let indexes = from..(from.saturating_add(limit)).min(self.log.len());
        let objects = HashTree::Pruned(self.objects.root_hash());
        let prefixes = HashTree::Pruned(self.prefixes.root_hash());
        CertifiedLogPage {
            entries: self.log[indexes.clone()].iter().map(|entry| entry.clone().into()).collect(),
            length: self.log.len() as u64,
            paths: indexes
                .map(|index| {
                    let path = mountains::path(&self.log, index);
                    path.into_iter().map(|digest| digest.to_vec().into()).collect()
                })
                .collect(),
            proof: self.proof(HashTree::Leaf(self.head().into()), objects, prefixes),
        }
    }
}

/// The record of an object, written down again from the design.
pub(crate) fn reference_record(info: &ObjectInfo) -> Vec<u8> {
    fn sized(bytes: &[u8]) -> Vec<u8> {
        [&[bytes.len() as u8, (bytes.len() >> 8) as u8], bytes].concat()
    }
    let optional = |bytes: Option<&[u8]>| bytes.map_or(vec![0], |bytes| [&[1][..], &sized(bytes)].concat());
    let numbers =
        [info.size, info.revision, info.created_ns, info.modified_ns].map(u64::to_le_bytes).concat();
    let pairs = info.metadata.clone().unwrap_or_default();
    let texts = pairs.iter().map(|pair| [sized(pair.name.as_bytes()), sized(pair.value.as_bytes())].concat());
    let digest = info.sha256.as_ref().map_or(vec![0], |checksum| {
        let state = match checksum.state {
            ChecksumState::Declared => 1,
            ChecksumState::Verified => 2,
            ChecksumState::Mismatch => 3,
        };
        [&[state][..], &checksum.digest].concat()
    });
    [
        vec![1],
        numbers,
        optional(info.content_type.as_deref().map(str::as_bytes)),
        optional(info.content_encoding.as_deref().map(str::as_bytes)),
        optional(info.owner.as_ref().map(Principal::as_slice)),
        vec![pairs.len() as u8, 0],
        texts.collect::<Vec<_>>().concat(),
        digest,
    ]
    .concat()
}
