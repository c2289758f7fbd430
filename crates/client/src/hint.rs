//! Help texts for errors.

use stable_storage_api::{Error, Method, Unanswered};

use crate::{ClientError, TransferError};

impl ClientError {
    /// Returns what to do about the error, if there is more to say than the error itself: a sentence or two.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Storage { error, .. } => return of_storage(error),
            Self::Rejected { code, error_code, .. } => of_reject(*code, error_code.as_deref())?,
            Self::Refused { .. } => {
                "Nothing has changed. Check the URL, the canister's identifier and the clock."
            }
            Self::Transport { method, .. } => of_unanswered(method),
            Self::Host { hint, .. } => hint,
            Self::Decode { .. } => {
                "Check that it is a storage canister. Use a client of the same version, or upgrade the canister."
            }
        };
        Some(hint.to_owned())
    }
}

impl TransferError {
    /// Returns what to do about the error, if there is more to say than the error itself.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Client(error) => return error.hint(),
            Self::SourceEndsEarly { .. } | Self::SourceIsLonger { .. } | Self::SourceChanged { .. } => {
                "Nothing was committed. Upload it again when nothing is writing to it."
            }
            Self::OtherUpload { .. } => {
                "Open a new upload, or resume one that was opened with these arguments."
            }
            Self::WrongLength { .. } | Self::WrongDigest { .. } => {
                "Download it again. If that fails again, verify the object on the canister."
            }
            Self::Read { .. } | Self::Write { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn of_storage(error: &Error) -> Option<String> {
    let hint = match error {
        Error::Unauthorized { needed } => {
            return Some(format!(
                "Use an identity with the role {needed:?}, or ask an admin of the canister to grant it."
            ));
        }
        Error::RevisionMismatch { .. } => {
            "Another caller has changed the object. Read it, and try again with its new revision."
        }
        Error::TooLarge { .. } => "Use an upload to store a larger object, and ranged reads to fetch it.",
        Error::OutOfMemory { .. } => "Delete objects, abort open uploads, or raise the canister's capacity.",
        Error::ChunkConflict { .. } => "Abort the upload and start again: its source has changed.",
        Error::Incomplete { .. } => "Resume the upload to send the missing chunks.",
        Error::Corrupted { .. } => {
            "Stop writing to the canister. Check a copy of its memory, and restore it from a snapshot."
        }
        Error::NotFound
        | Error::AlreadyExists
        | Error::InvalidArgument { .. }
        | Error::LimitExceeded { .. }
        | Error::OutOfRange { .. } => return None,
    };
    Some(hint.to_owned())
}

/// Returns the hint for a reject, by the error code of the replica, else by the reject code.
fn of_reject(code: u32, error_code: Option<&str>) -> Option<&'static str> {
    let hint = match (code, error_code) {
        (_, Some("IC0207")) => "The canister is out of cycles. Top it up and try again.",
        (_, Some("IC0301")) => {
            "There is no such canister on this network. Check its identifier and the network."
        }
        (_, Some("IC0508" | "IC0509")) => "The canister is stopped. Ask a controller to start it.",
        (_, Some("IC0536" | "IC0302")) => {
            "The canister has no such method. Check that it is a storage canister of the same version as this client."
        }
        (_, Some("IC0537")) => "No code is installed in the canister. Install it first.",
        (_, Some("IC0406")) => {
            "The caller lacks the required role. Use another identity, or ask an admin to grant the role."
        }
        (_, Some("IC0502" | "IC0503" | "IC0522" | "IC0524")) => {
            "The canister trapped, and nothing has changed. See its log, and please report this."
        }
        (2, _) => "The network is busy. Nothing was executed; try again later.",
        _ => return None,
    };
    Some(hint)
}

/// What to do after a call without a reply, which may have been executed or not.
fn of_unanswered(method: &str) -> &'static str {
    match Method::named(method).map(|method| method.unanswered) {
        Some(Unanswered::CheckUploads) => {
            "The call may have been executed: list the open uploads before you repeat it."
        }
        Some(Unanswered::CheckObject) => {
            "The object may be stored: compare its size, digest and revision. If it is not, resume the upload if it is still open."
        }
        Some(Unanswered::CheckLog) => {
            "The entries may be in the log: read the end of the log before you append them again."
        }
        Some(Unanswered::CheckState) => {
            "The change may have been made: read the current state before you repeat it."
        }
        Some(Unanswered::Repeat) | None => "Try again when the replica can be reached.",
    }
}

#[cfg(test)]
mod tests {
    use stable_storage_api::METHODS;

    use super::*;

    /// A call that must not be repeated blindly has a hint that names what to read first.
    #[test]
    fn hint_after_silence_says_what_to_read_first() {
        for method in &METHODS {
            let hint = of_unanswered(method.name);
            assert_eq!(
                hint.starts_with("Try again"),
                method.unanswered == Unanswered::Repeat,
                "{}",
                method.name
            );
        }
    }
}
