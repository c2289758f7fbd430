//! Compare-and-set for writers.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

/// Precondition on the object under a key. A change is made only if it holds.
///
/// The condition is checked in the message that makes the change, so two writers that both read revision 7 cannot both replace it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// No condition: insert or overwrite.
    #[default]
    Any,
    /// There must be no object under the key; otherwise the call fails with [`Error::AlreadyExists`](crate::Error::AlreadyExists).
    Absent,
    /// The object must have exactly this revision; otherwise the call fails with
    /// [`Error::RevisionMismatch`](crate::Error::RevisionMismatch).
    Revision(u64),
    /// The object must have exactly this SHA-256, declared or computed: 32 bytes. Otherwise, and if the object has none, the call
    /// fails with [`Error::RevisionMismatch`](crate::Error::RevisionMismatch). For writers that know the bytes and not the revision,
    /// which differs between stores.
    Sha256(ByteBuf),
}

/// [`Condition`] that an open upload has for its commit: a SHA-256 has become the revision that had it when the upload was opened.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadCondition {
    /// [`Condition::Any`].
    #[default]
    Any,
    /// [`Condition::Absent`].
    Absent,
    /// [`Condition::Revision`].
    Revision(u64),
}

impl From<UploadCondition> for Condition {
    fn from(condition: UploadCondition) -> Self {
        match condition {
            UploadCondition::Any => Self::Any,
            UploadCondition::Absent => Self::Absent,
            UploadCondition::Revision(revision) => Self::Revision(revision),
        }
    }
}
