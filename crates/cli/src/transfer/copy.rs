//! One file or object that a job copies.

use std::path::{Path, PathBuf};

use anyhow::Result;
use stable_storage_api::{Condition, MetadataPair, ObjectInfo, headers};

use super::job::Options;
use crate::{
    content_type,
    tree::{Attributes, Content, Entry, Root, place},
    upload::ObjectSpec,
};

/// One file or object to copy.
#[derive(Debug)]
pub(crate) enum Copy {
    /// A file into a store.
    Upload { file: PathBuf, size: u64, spec: ObjectSpec },
    /// An object to a file.
    Fetch { info: Box<ObjectInfo>, file: PathBuf },
    /// An object to a key in a store, which may be the same.
    Across { info: Box<ObjectInfo>, spec: ObjectSpec },
    /// A file to a file.
    Local { from: PathBuf, size: u64, to: PathBuf },
}

impl Copy {
    /// Plans the copy of an entry to its name below a root.
    pub(crate) fn new(
        entry: Entry,
        existing: Option<&Entry>,
        target: &Root<'_>,
        options: &Options,
    ) -> Result<Self> {
        let condition = if options.if_absent { Condition::Absent } else { Condition::Any };
        Ok(match (entry.content, target) {
            (Content::File(file), Root::Prefix { prefix, .. }) => {
                let existing = existing.and_then(Entry::object);
                let content_type = type_of_file(&file, existing, options);
                let metadata = existing.and_then(kept_metadata);
                let given = entry.attributes.unwrap_or_else(|| {
                    let content_encoding = existing.and_then(|info| info.content_encoding.clone());
                    Box::new(Attributes { content_encoding, ..Attributes::default() })
                });
                let spec = ObjectSpec {
                    key: format!("{prefix}{}", entry.name),
                    content_type: given.content_type.or(content_type),
                    content_encoding: given.content_encoding,
                    metadata: given.metadata.or(metadata),
                    condition,
                };
                Self::Upload { file, size: entry.size, spec }
            }
            (content, Root::Folder(folder)) => {
                Self::to_file(content, entry.size, place(folder, &entry.name)?)
            }
            (Content::Object(info), Root::Prefix { prefix, .. }) => {
                let own = || info.content_type.clone();
                let spec = ObjectSpec {
                    key: format!("{prefix}{}", entry.name),
                    content_type: content_type::choose(options.content_type.as_deref(), own),
                    content_encoding: info.content_encoding.clone(),
                    metadata: info.metadata.clone(),
                    condition,
                };
                Self::Across { info, spec }
            }
        })
    }

    pub(super) fn to_file(content: Content, size: u64, file: PathBuf) -> Self {
        match content {
            Content::Object(info) => Self::Fetch { info, file },
            Content::File(from) => Self::Local { from, size, to: file },
        }
    }

    /// Returns the file that is written.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Fetch { file, .. } | Self::Local { to: file, .. } => Some(file),
            Self::Upload { .. } | Self::Across { .. } => None,
        }
    }

    /// Returns the object that is copied.
    pub(super) fn object(&self) -> Option<&ObjectInfo> {
        match self {
            Self::Fetch { info, .. } | Self::Across { info, .. } => Some(info),
            Self::Upload { .. } | Self::Local { .. } => None,
        }
    }

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Upload { size, .. } | Self::Local { size, .. } => *size,
            Self::Fetch { info, .. } | Self::Across { info, .. } => info.size,
        }
    }
}

/// Returns what describes an object whose bytes are replaced: its metadata without what a gateway recorded of the bytes.
fn kept_metadata(existing: &ObjectInfo) -> Option<Vec<MetadataPair>> {
    let mut pairs = existing.metadata.clone()?;
    pairs.retain(|pair| !headers::is_about_bytes(&pair.name));
    Some(pairs).filter(|pairs| !pairs.is_empty())
}

/// Returns the type of a file's object: the given one, else that of the existing object, else one guessed from the name.
fn type_of_file(file: &Path, existing: Option<&ObjectInfo>, options: &Options) -> Option<String> {
    content_type::choose(options.content_type.as_deref(), || {
        existing.and_then(|info| info.content_type.clone()).or_else(|| content_type::guess(file))
    })
}
