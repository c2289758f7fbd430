//! Files of a folder and objects under a prefix of a store, in the same form.

mod entry;
mod filter;
mod folder;
mod place;

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Result;
use storage_verify::Verifier;

pub(crate) use self::{
    entry::{Attributes, Content, Entry, known_digest},
    filter::Filter,
    place::{below, linked_from, path_of, place},
};
use crate::{
    args::FolderArgs,
    download::found,
    failure::{NotFound, with_help},
    failures::Failures,
    proof,
    store::StoreClient,
    store_folders::StoreFolders,
    text,
};

/// Entries of a folder or a prefix.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Selected entries, in byte order of their names.
    pub(crate) entries: Vec<Entry>,
    /// Names that exist and are not selected: special files, and entries of another age or size.
    pub(crate) left_out: BTreeSet<String>,
    /// Folders with temporary files, which are left out.
    pub(crate) unfinished: BTreeSet<PathBuf>,
    /// Special files that are left out, with the reasons.
    pub(crate) skipped: Vec<String>,
    /// Of a target, selected files whose names are not UTF-8. Their entries have similar names.
    pub(crate) extras: Vec<Entry>,
    /// Number of existing entries. Those of a folder do not include excluded ones.
    pub(crate) existing: usize,
}

/// Root of a tree.
#[derive(Clone, Debug)]
pub(crate) enum Root<'a> {
    /// Folder on this machine.
    Folder(PathBuf),
    /// Objects of a store whose keys start with the prefix.
    Prefix {
        client: &'a StoreClient,
        /// Empty, or ends with a slash.
        prefix: String,
        /// Text before the keys of this store in output: empty for the current store.
        label: String,
    },
}

/// How a tree is read.
pub(crate) struct Reading<'a> {
    pub(crate) filter: &'a Filter,
    /// Folders of stores, which change while they are read.
    pub(crate) stores: &'a [PathBuf],
    /// For a target, from which files may be removed: folders of all other stores as well.
    pub(crate) kept: Option<&'a StoreFolders>,
    /// Verifier of listings.
    pub(crate) verifier: Option<&'a Verifier>,
}

/// Selected objects of a folder in a store, or a single object.
pub(crate) struct Selected {
    /// The prefix of the keys, or the key of the single object.
    pub(crate) name: String,
    /// The part of the keys before the names of the entries.
    pub(crate) prefix: String,
    pub(crate) entries: Vec<Entry>,
}

/// Returns the selected objects of a folder, or the object with this key if there is no such folder. A folder without objects does
/// not exist, unless it is the store.
pub(crate) async fn objects_in(
    client: &StoreClient,
    FolderArgs { folder, filter, .. }: &FolderArgs,
) -> Result<Selected> {
    let prefix = prefix_of(folder)?;
    let filter = Filter::new(filter)?;
    let root = Root::Prefix { client, prefix: prefix.clone(), label: String::new() };
    let reading = Reading { filter: &filter, stores: &[], kept: None, verifier: None };
    let tree = root.read(&reading, &mut Failures::default()).await?;
    if tree.existing > 0 || folder.is_empty() {
        return Ok(Selected { name: prefix.clone(), prefix, entries: tree.entries });
    }
    if folder.ends_with('/') {
        return Err(NotFound::under(folder).into());
    }
    let info = found(client.stat(folder).await)?.ok_or_else(|| NotFound::under(folder))?;
    let (prefix, name) = folder.split_at(folder.rfind('/').map_or(0, |slash| slash + 1));
    let mut entries = vec![Entry::of_object(name, info)];
    entries.retain(|entry| filter.names(&entry.name) && filter.selects(entry));
    Ok(Selected { name: folder.clone(), prefix: prefix.to_owned(), entries })
}

impl Root<'_> {
    /// Reads the tree. Adds what cannot be read to the failures and continues.
    pub(crate) async fn read(&self, reading: &Reading<'_>, failures: &mut Failures) -> Result<Tree> {
        let mut tree = match self {
            Self::Folder(folder) => folder::read(folder, reading, failures)?,
            Self::Prefix { client, prefix, .. } => {
                let objects = proof::list_all(client, reading.verifier, prefix).await?;
                let existing = objects.len();
                let entries = objects.into_iter().map(|info| {
                    let name = info.key[prefix.len()..].to_owned();
                    Entry::of_object(&name, info)
                });
                let entries = entries.filter(|entry| reading.filter.names(&entry.name)).collect();
                Tree { entries, existing, ..Tree::default() }
            }
        };
        let (entries, others) =
            tree.entries.into_iter().partition(|entry: &Entry| reading.filter.selects(entry));
        tree.entries = entries;
        tree.left_out.extend(others.into_iter().map(|entry: Entry| entry.name));
        Ok(tree)
    }

    /// Returns the name of the root, for a message.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => text::path(folder),
            Self::Prefix { prefix, label, .. } if prefix.is_empty() && label.is_empty() => {
                "the store".to_owned()
            }
            Self::Prefix { prefix, label, .. } => {
                format!("{:?}", format!("{label}{}", prefix.trim_end_matches('/')))
            }
        }
    }

    /// Returns the nouns for its entries, for a message.
    pub(crate) fn nouns(&self) -> (&'static str, &'static str) {
        match self {
            Self::Folder(_) => ("file", "files"),
            Self::Prefix { .. } => ("object", "objects"),
        }
    }
}

/// Returns the prefix of the keys in a folder of a store.
pub(crate) fn prefix_of(folder: &str) -> Result<String> {
    Ok(match folder.trim_end_matches('/') {
        "" if folder.is_empty() => String::new(),
        // Keys can start with a slash, but a prefix of only slashes is most likely a mistake.
        "" => {
            let what = format!("the prefix {folder:?} consists of slashes");
            return Err(with_help(what, "give '' for no prefix"));
        }
        folder => format!("{folder}/"),
    })
}
