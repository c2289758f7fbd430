//! Files of a folder and objects under a prefix of a store, in the same form.

mod filter;
mod folder;

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result};
use stable_storage_api::{ChecksumState, MetadataPair, ObjectInfo};
use storage_verify::Verifier;

pub(crate) use self::filter::Filter;
use crate::{
    args::FilterArgs,
    failure::{NotFound, with_help},
    failures::Failures,
    proof,
    store::StoreClient,
    text,
};

/// File or object.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Path below the root of the tree, with slashes as separators.
    pub(crate) name: String,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Time of the last modification, in nanoseconds since 1970.
    pub(crate) modified_ns: u64,
    pub(crate) content: Content,
    /// What the object of a file is to have; `None` if it keeps what it has.
    pub(crate) attributes: Option<Box<Attributes>>,
}

/// Content type, content encoding and metadata of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// `None` keeps the type of the object.
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// `None` keeps the metadata of the object.
    pub(crate) metadata: Option<Vec<MetadataPair>>,
}

impl Attributes {
    /// Returns whether an object has the attributes.
    pub(crate) fn are_of(&self, info: &ObjectInfo) -> bool {
        let Self { content_type, content_encoding, metadata } = self;
        info.content_encoding == *content_encoding
            && (content_type.is_none() || info.content_type == *content_type)
            && (metadata.is_none() || info.metadata == *metadata)
    }
}

/// Where the bytes of an entry are.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// In a file on this machine.
    File(PathBuf),
    /// In a store.
    Object(Box<ObjectInfo>),
}

impl Entry {
    /// Creates the entry of an object.
    pub(crate) fn of_object(name: &str, info: ObjectInfo) -> Self {
        let (name, size, modified_ns) = (name.to_owned(), info.size, info.modified_ns);
        Self { name, size, modified_ns, content: Content::Object(Box::new(info)), attributes: None }
    }

    /// Creates the entry of a file.
    pub(crate) fn of_file(name: String, path: &Path, metadata: &fs::Metadata) -> Self {
        let since_1970 = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_ns = since_1970.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        Self {
            name,
            size: metadata.len(),
            modified_ns,
            content: Content::File(path.to_owned()),
            attributes: None,
        }
    }

    /// Creates the entry of a file, which is looked up.
    pub(crate) fn read_file(name: String, path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", text::path(path)))?;
        Ok(Self::of_file(name, path, &metadata))
    }

    /// Returns the metadata, if this is an object.
    pub(crate) fn object(&self) -> Option<&ObjectInfo> {
        match &self.content {
            Content::Object(info) => Some(info),
            Content::File(_) => None,
        }
    }

    /// Returns the path or the quoted key, for a message.
    pub(crate) fn shown(&self) -> String {
        match &self.content {
            Content::File(path) => text::path(path),
            Content::Object(info) => format!("{:?}", info.key),
        }
    }
}

/// Returns the digest that an object is known to have. One that does not match its content is not.
pub(crate) fn known_digest(info: &ObjectInfo) -> Option<&[u8]> {
    let checksum = info.sha256.as_ref().filter(|checksum| checksum.state != ChecksumState::Mismatch)?;
    Some(&checksum.digest)
}

/// Entries of a folder or a prefix.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Selected entries, in byte order of their names.
    pub(crate) entries: Vec<Entry>,
    /// Names that exist and are not selected: special files, and entries of another age or size.
    pub(crate) left_out: BTreeSet<String>,
    /// Special files that are left out, with the reasons.
    pub(crate) skipped: Vec<String>,
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
    /// Verifier of listings.
    pub(crate) verifier: Option<&'a Verifier>,
}

/// Returns the selected objects of a folder in a store. A folder without objects does not exist, unless it is the store.
pub(crate) async fn objects_in(
    client: &StoreClient,
    folder: &str,
    filter: &FilterArgs,
) -> Result<Vec<Entry>> {
    let prefix = prefix_of(folder)?;
    let filter = Filter::new(filter)?;
    let root = Root::Prefix { client, prefix, label: String::new() };
    let reading = Reading { filter: &filter, stores: &[], verifier: None };
    let tree = root.read(&reading, &mut Failures::default()).await?;
    if tree.existing == 0 && !folder.is_empty() {
        return Err(NotFound::under(folder).into());
    }
    Ok(tree.entries)
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

/// Returns the path of an entry within a folder. Rejects a name that leads out of the folder, or to the path of another name.
pub(crate) fn path_of(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let names: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    // A path composed of names has no empty name, no dot and no trailing slash.
    if name.is_empty() || name.contains('\0') || names.as_os_str() != path.as_os_str() {
        return Err(with_help(
            "the key is not a path within a folder",
            "read the object with: storage get KEY FILE",
        ));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key leads to a file within the folder and not elsewhere.
    #[test]
    fn keys_stay_within_the_folder() {
        for name in ["a", "a/b", "..a/b", "a b/\n", ".hidden"] {
            assert_eq!(path_of(name).unwrap(), Path::new(name));
        }
        for name in ["", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a/./b", ".", "..", "a\0b"] {
            assert!(path_of(name).is_err(), "{name:?}");
        }
    }
}
