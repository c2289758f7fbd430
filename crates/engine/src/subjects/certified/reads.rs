//! Reads with a witness.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::{Error, ListArgs, Object, ObjectInfo};

use super::{CertifiedObjects, PREFIXES_LABEL};
use crate::core::certified::damaged;
use crate::core::key::Key;
use crate::structures::hash_tree::{HashTree, leaf};
use crate::subjects::objects::{Entry, OBJECTS_LABEL, ValueView, check_fits_reply, record};
use crate::subjects::scopes::{Prefix, Progress};

/// Largest size of the metadata of a page, in bytes: the witness is a little longer, and both fit one reply.
const PAGE_BYTES: u64 = 700_000;

/// Bytes of an object of a page besides its key and its optional fields, in the reply and in the witness.
const OBJECT_BYTES: u64 = 200;

/// Contents of a reply, and the hash tree that proves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed<T> {
    /// What was asked for.
    pub contents: T,
    /// The hash tree, in CBOR.
    pub witness: Vec<u8>,
}

/// A page of the metadata of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InfoPage {
    /// The objects, in the order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// The `start_after` of the next page; `None` on the last page.
    pub next: Option<String>,
}

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Returns an object with its value, or `None`, with a witness of its presence or absence.
    pub(crate) fn get(&self, key: &str) -> Result<Witnessed<Option<Object>>, Error> {
        self.witnessed(key, |entry| {
            check_fits_reply(entry.size)?;
            let value = ValueView::of_entry(self.objects.core, &entry).to_vec()?;
            Ok(Object { info: entry.info(key.to_owned())?, value: ByteBuf::from(value) })
        })
    }

    /// Returns the metadata of an object, or `None`, with a witness of its presence or absence.
    pub(crate) fn stat(&self, key: &str) -> Result<Witnessed<Option<ObjectInfo>>, Error> {
        self.witnessed(key, |entry| entry.info(key.to_owned()))
    }

    fn witnessed<T>(
        &self,
        key: &str,
        contents: impl FnOnce(Entry<'_>) -> Result<T, Error>,
    ) -> Result<Witnessed<Option<T>>, Error> {
        stable_storage_api::check::key(key)?;
        let prefix = self.certified_prefix(key)?;
        let core = self.objects.core;
        let found = core.index.get_with(key.as_bytes(), |bytes| {
            let entry = Entry::decode(bytes)?;
            Ok::<_, Error>((record(&entry)?, contents(entry)?))
        })?;
        let path = [OBJECTS_LABEL, key.as_bytes()];
        let tree = &core.certified().ok_or_else(not_in_tree)?.tree;
        let stored = tree.get(&path)?;
        let Some((record, contents)) = found.transpose()? else {
            if stored.is_some() {
                return Err(not_in_tree());
            }
            let witness = self.with_prefix(&prefix, tree.witness(&path, HashTree::Empty)?)?;
            return Ok(Witnessed { contents: None, witness: witness.to_cbor() });
        };
        if stored != Some(leaf(&record)) {
            return Err(not_in_tree());
        }
        let witness = tree.witness(&path, HashTree::Leaf(record))?;
        Ok(Witnessed { contents: Some(contents), witness: witness.to_cbor() })
    }

    /// Returns a page of the objects under a prefix, and the `start_after` of the next one, with a witness that none is missing.
    pub(crate) fn list(&self, args: &ListArgs) -> Result<Witnessed<InfoPage>, Error> {
        if args.delimiter.is_some() || args.descending == Some(true) {
            return Err(Error::invalid("a certified list has no delimiter, and is in ascending order"));
        }
        args.check()?;
        let prefix = self.certified_prefix(&args.prefix)?;
        let (mut objects, mut bytes) = (Vec::new(), 0);
        let end = self.objects.list_with(args, |object| {
            bytes += object.key().len() as u64 + object.fields_bytes() + OBJECT_BYTES;
            let fits = objects.is_empty() || bytes <= PAGE_BYTES;
            if fits {
                objects.push(object.info()?);
            }
            Ok(fits)
        })?;
        let has_more = end.is_none_or(|end| end.next.is_some());
        let next = objects.last().filter(|_| has_more).map(|last: &ObjectInfo| last.key.clone());
        let witness = self.witness_of_page(args, &objects, next.as_deref())?;
        let witness = self.with_prefix(&prefix, witness)?;
        Ok(Witnessed { contents: InfoPage { objects, next }, witness: witness.to_cbor() })
    }

    fn witness_of_page(
        &self,
        args: &ListArgs,
        objects: &[ObjectInfo],
        next: Option<&str>,
    ) -> Result<HashTree, Error> {
        let core = self.objects.core;
        let tree = &core.certified().ok_or_else(not_in_tree)?.tree;
        let first =
            args.start_after.as_deref().filter(|after| *after > args.prefix.as_str()).unwrap_or(&args.prefix);
        let last = match next {
            Some(next) => next.as_bytes().to_vec(),
            // No byte of UTF-8 is the largest byte.
            None if args.prefix.is_empty() => vec![0xff],
            None => Key::after_all(args.prefix.as_bytes()).as_bytes().to_vec(),
        };
        let mut listed = objects.iter().map(|object| object.key.as_bytes()).peekable();
        let witness =
            tree.witness_of_range(&[OBJECTS_LABEL], first.as_bytes(), &last, &mut |label, pruned| {
                if listed.next_if_eq(&label).is_none() {
                    // The end of the range is a label of the tree, but not one of the page.
                    let is_end =
                        Some(label) == args.start_after.as_deref().map(str::as_bytes) || label == last;
                    return if is_end { Ok(pruned) } else { Err(not_in_tree()) };
                }
                let record = self.objects.record_of(label)?.ok_or_else(not_in_tree)?;
                if pruned != HashTree::Pruned(leaf(&record)) {
                    return Err(not_in_tree());
                }
                Ok(HashTree::Leaf(record))
            })?;
        if listed.peek().is_some() {
            return Err(not_in_tree());
        }
        Ok(witness)
    }

    /// Adds to a witness that a prefix is certified. Only then does it prove that an object is absent: all objects under the
    /// prefix are in the tree.
    fn with_prefix(&self, prefix: &str, witness: HashTree) -> Result<HashTree, Error> {
        let tree = &self.objects.core.certified().ok_or_else(not_in_tree)?.tree;
        let path = [PREFIXES_LABEL, prefix.as_bytes()];
        if tree.get(&path)? != Some(leaf(b"")) {
            return Err(not_in_tree());
        }
        Ok(witness.merged(tree.witness(&path, HashTree::Leaf(Vec::new()))?))
    }

    /// Returns the certified prefix of a key or prefix. All objects under it are certified.
    fn certified_prefix(&self, key: &str) -> Result<String, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        match known.prefix_of(key.as_bytes()) {
            Some(Prefix { prefix, progress: Progress::Complete }) => Ok(prefix.clone()),
            Some(Prefix { progress: Progress::After(_), .. }) => Err(Error::invalid(format!(
                "not all objects under {key:?} are certified; call certify until it is done"
            ))),
            Some(Prefix { progress: Progress::Removing, .. }) | None => {
                Err(Error::invalid(format!("{key:?} is not under a certified prefix")))
            }
        }
    }
}

/// Returns the error for a tree that does not agree with the index.
#[cold]
fn not_in_tree() -> Error {
    damaged("the hash tree does not agree with the object index")
}
