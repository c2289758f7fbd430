//! Files and objects, in the same form.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result};
use stable_storage_api::{ChecksumState, MetadataPair, ObjectInfo};

use crate::{links::linked, text};

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

    /// Creates the entry of standard input, whose size is unknown.
    pub(crate) fn of_stream(name: String) -> Self {
        let content = Content::File(PathBuf::from("-"));
        Self { name, size: 0, modified_ns: 0, content, attributes: None }
    }

    /// Returns the metadata, if this is an object.
    pub(crate) fn object(&self) -> Option<&ObjectInfo> {
        match &self.content {
            Content::Object(info) => Some(info),
            Content::File(_) => None,
        }
    }

    /// Returns the file that this leads to, if it is a link.
    pub(crate) fn linked(&self) -> Option<PathBuf> {
        match &self.content {
            Content::File(path) => linked(path),
            Content::Object(_) => None,
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
