//! Compare-and-set for writers.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// Precondition on the object under a key. A change is made only if it holds.
///
/// The condition is checked in the message that makes the change, so two writers that both read revision 7 cannot both replace it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// No condition: insert or overwrite.
    #[default]
    Any,
    /// There must be no object under the key; otherwise the call fails with [`Error::AlreadyExists`](crate::Error::AlreadyExists).
    Absent,
    /// The object must have exactly this revision; otherwise the call fails with
    /// [`Error::RevisionMismatch`](crate::Error::RevisionMismatch).
    Revision(u64),
}
