//! Compare-and-set for writers.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// What must hold of the object under a key for a change to be made.
///
/// It is checked in the message that makes the change, so two writers that both saw revision 7 cannot both replace it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: insert or overwrite.
    #[default]
    Any,
    /// There is no object under the key; otherwise the call fails with [`Error::AlreadyExists`](crate::Error::AlreadyExists).
    Absent,
    /// The object has exactly this revision; otherwise the call fails with
    /// [`Error::RevisionMismatch`](crate::Error::RevisionMismatch).
    Revision(u64),
}
