//! Whether two entries with the same name are equal.

use anyhow::{Context as _, Result, anyhow};
use stable_storage_api::ChecksumState;
use storage_client::transfer::Unobserved;

use super::job::{Compare, Options};
use crate::{
    context::Context,
    input::Input,
    progress::Bar,
    tree::{Content, Entry, Root, known_digest},
};

/// Whether an entry equals its counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sameness {
    Same,
    Different,
    /// The digests decide.
    Undecided,
}

impl Sameness {
    /// Compares without reading: sizes, types and times.
    pub(crate) fn of(entry: &Entry, other: Option<&Entry>, options: &Options) -> Self {
        let Some(other) = other else { return Self::Different };
        if options.if_absent {
            return Self::Same;
        }
        match options.compare {
            Compare::Nothing => Self::Different,
            _ if entry.size != other.size || !has_type(other, options) => Self::Different,
            _ if !has_attributes(entry, other) => Self::Different,
            Compare::Sizes => Self::Same,
            Compare::Content => Self::Undecided,
            Compare::Known => match (&entry.content, &other.content) {
                (Content::Object(info), Content::Object(copy)) => {
                    match (known_digest(info), known_digest(copy)) {
                        (Some(_), Some(_)) => Self::Undecided,
                        _ if is_corrupt(info)
                            || is_corrupt(copy)
                            || other.modified_ns < entry.modified_ns =>
                        {
                            Self::Different
                        }
                        _ => Self::Same,
                    }
                }
                (Content::Object(info), Content::File(_)) | (Content::File(_), Content::Object(info)) => {
                    match known_digest(info) {
                        Some(_) => Self::Undecided,
                        // Comparing would read the object, each time.
                        None => Self::Different,
                    }
                }
                (Content::File(_), Content::File(_)) => Self::Undecided,
            },
        }
    }

    /// Returns the number of bytes of this machine to hash.
    pub(crate) fn hashed_bytes(self, entry: &Entry, other: Option<&Entry>) -> u64 {
        let of = |entry: &Entry| if entry.object().is_none() { entry.size } else { 0 };
        if self == Self::Undecided { of(entry) + other.map_or(0, of) } else { 0 }
    }

    /// Returns whether the entries are equal.
    pub(crate) async fn decide(
        self,
        digests: &mut Digests,
        one: (&Root<'_>, &Entry),
        other: (&Root<'_>, &Entry),
    ) -> Result<bool> {
        match self {
            Self::Same => Ok(true),
            Self::Different => Ok(false),
            Self::Undecided => {
                // An object with a wrong digest equals nothing.
                let (one, other) = (digests.of(one.0, one.1).await?, digests.of(other.0, other.1).await?);
                Ok(one.is_some() && one == other)
            }
        }
    }
}

/// Returns whether an object has the type that is given for all. A guessed type is not a reason to store a file again.
fn has_type(entry: &Entry, options: &Options) -> bool {
    match (&options.content_type, &entry.content) {
        (Some(given), Content::Object(info)) => info.content_type.as_deref().unwrap_or_default() == given,
        _ => true,
    }
}

/// Returns whether the object of a file has what is set for it.
fn has_attributes(entry: &Entry, other: &Entry) -> bool {
    match (&entry.attributes, &other.content) {
        (Some(attributes), Content::Object(info)) => attributes.are_of(info),
        _ => true,
    }
}

fn is_corrupt(info: &stable_storage_api::ObjectInfo) -> bool {
    info.sha256.as_ref().is_some_and(|checksum| checksum.state == ChecksumState::Mismatch)
}

/// Determines the SHA-256 of entries, with a bar for those that are computed.
pub(crate) struct Digests {
    bar: Bar,
    hashed: u64,
}

impl Digests {
    /// Prepares hashing this number of bytes.
    pub(crate) fn new(context: &Context, bytes: u64) -> Self {
        Self { bar: context.bars.bar("comparing", bytes), hashed: 0 }
    }

    /// Returns the SHA-256: of a file by reading it, of an object as the store knows it, or else as the canister computes it.
    /// Returns `None` for an object that does not have its declared digest.
    pub(crate) async fn of(&mut self, root: &Root<'_>, entry: &Entry) -> Result<Option<Vec<u8>>> {
        let info = match &entry.content {
            Content::Object(info) => info,
            Content::File(path) => {
                let failed = || format!("cannot read {}", crate::text::path(path));
                let input = Input::open_regular(path).with_context(failed)?;
                let digest = input.sha256(&self.bar.part(self.hashed)).await.with_context(failed)?;
                self.hashed += entry.size;
                storage_client::Progress::safe(&self.bar.part(0), self.hashed, 0);
                return Ok(Some(digest.to_vec()));
            }
        };
        if info.sha256.is_some() {
            return Ok(known_digest(info).map(<[u8]>::to_vec));
        }
        let Root::Prefix { client, .. } = root else { return Err(anyhow!("an object is in a store")) };
        client.verify_all(&info.key, &Unobserved).await?;
        // The node that executes a query may not have the digest yet.
        let now = client.stat_replicated(&info.key).await?;
        Ok(known_digest(&now).map(<[u8]>::to_vec))
    }
}
