//! Conditions of changes.

use ic_stable_structures::Memory;
use stable_storage_api::{Condition, Error, UploadCondition, check};

use super::entry::{EntryHeader, ExistingObject};
use crate::core::change::Change;
use crate::structures::btree::Located;

/// Checks the condition of a change against the existing object at a located key, or against its absence. Returns the condition
/// as an upload keeps it.
#[inline]
pub(crate) fn check_condition<M: Memory + Clone>(
    change: &mut Change<'_, M>,
    located: Located,
    existing: Option<ExistingObject>,
    condition: &Condition,
) -> Result<UploadCondition, Error> {
    match condition {
        // Nearly all changes.
        Condition::Any => Ok(UploadCondition::Any),
        condition => check_some_condition(change, located, existing, condition),
    }
}

#[inline(never)]
fn check_some_condition<M: Memory + Clone>(
    change: &mut Change<'_, M>,
    located: Located,
    existing: Option<ExistingObject>,
    condition: &Condition,
) -> Result<UploadCondition, Error> {
    let kept = match condition {
        Condition::Any => UploadCondition::Any,
        Condition::Absent => UploadCondition::Absent,
        Condition::Revision(revision) => UploadCondition::Revision(*revision),
        Condition::Sha256(digest) => {
            let expected = check::sha256(digest)?;
            let has_it = change.index.look(located, |bytes| has_digest(bytes, &expected))?.transpose()?;
            let current = existing.map(|existing| existing.revision);
            match current {
                Some(revision) if has_it == Some(true) => UploadCondition::Revision(revision),
                _ => return Err(Error::RevisionMismatch { current }),
            }
        }
    };
    check_kept_condition(kept, existing).map(|()| kept)
}

/// Checks the condition of an upload against the existing object, or against its absence.
pub(crate) fn check_kept_condition(
    condition: UploadCondition,
    existing: Option<ExistingObject>,
) -> Result<(), Error> {
    let current = existing.map(|existing| existing.revision);
    match condition {
        UploadCondition::Any => Ok(()),
        UploadCondition::Absent if current.is_some() => Err(Error::AlreadyExists),
        UploadCondition::Absent => Ok(()),
        UploadCondition::Revision(expected) if current == Some(expected) => Ok(()),
        UploadCondition::Revision(_) => Err(Error::RevisionMismatch { current }),
    }
}

/// Returns whether the object of an entry has a SHA-256, declared or computed.
fn has_digest(entry: &[u8], expected: &[u8; 32]) -> Result<bool, Error> {
    let digest = EntryHeader::decode(entry)?.entry()?.metadata.digest;
    Ok(digest.is_some_and(|digest| digest.held() == Some(expected)))
}
