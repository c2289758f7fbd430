//! What to do about an error.

use stable_storage_api::Error;

use crate::{ClientError, TransferError};

impl ClientError {
    /// What to do about it, where there is something to say beyond the error itself: a sentence or two for a person.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Storage { error, .. } => return of_storage(error),
            Self::Rejected { code, error_code, .. } => of_reject(*code, error_code.as_deref())?,
            Self::Refused { .. } => {
                "Nothing has changed. Look at the URL, at the canister's identifier, and at the clock."
            }
            Self::Transport { method, .. } => of_silence(method),
            Self::Host { hint, .. } => hint,
            Self::Decode { .. } => {
                "Use the client of the canister's version, or upgrade the canister; and make sure that it is a storage canister."
            }
        };
        Some(hint.to_owned())
    }
}

impl TransferError {
    /// What to do about it, where there is something to say beyond the error itself.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Client(error) => return error.hint(),
            Self::SourceEndsEarly { .. } | Self::SourceIsLonger { .. } | Self::SourceChanged { .. } => {
                "Nothing was committed. Upload it again when nothing writes to it."
            }
            Self::OtherUpload { .. } => {
                "Open a new upload, or resume the one that was opened with these arguments."
            }
            Self::WrongLength { .. } | Self::WrongDigest { .. } => {
                "Download it again. If that fails too, verify the object: the canister then says whether its bytes are those that were declared."
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
                "Call in the name of a principal that has the role {needed:?}, or have an admin of the canister give it to yours."
            ));
        }
        Error::RevisionMismatch { .. } => {
            "Somebody has changed the object. Look at it, and try again with its new revision."
        }
        Error::TooLarge { .. } => "Larger objects are sent by an upload and fetched by ranges.",
        Error::OutOfMemory { .. } => {
            "Delete what is not needed, abort uploads that nobody goes on with, or raise the canister's capacity."
        }
        Error::Incomplete { .. } => "Go on with the upload; it sends what is missing.",
        Error::Corrupted { .. } => {
            "Do not write to the canister. Check a copy of its memory, and restore it from a snapshot."
        }
        Error::NotFound
        | Error::AlreadyExists
        | Error::InvalidArgument { .. }
        | Error::LimitExceeded { .. }
        | Error::OutOfRange { .. } => return None,
    };
    Some(hint.to_owned())
}

/// By the error code of the replica, else by its reject code.
fn of_reject(code: u32, error_code: Option<&str>) -> Option<&'static str> {
    let hint = match (code, error_code) {
        (_, Some("IC0207")) => "The canister is out of cycles. Top it up, and try again.",
        (_, Some("IC0301")) => {
            "There is no such canister on this network. Look at its identifier and at the network."
        }
        (_, Some("IC0508" | "IC0509")) => "The canister is stopped. A controller can start it.",
        (_, Some("IC0536" | "IC0302")) => {
            "The canister has no such method. Is it a storage canister of this client's version?"
        }
        (_, Some("IC0537")) => "Nothing is installed in the canister. Install it first.",
        (_, Some("IC0406")) => {
            "The canister refuses callers who may not do this. Call in the name of another principal, or have an admin give yours a role."
        }
        (_, Some("IC0502" | "IC0503" | "IC0522" | "IC0524")) => {
            "The canister failed, and nothing has changed. Its log says more; please report it."
        }
        (2, _) => "The network is busy. Nothing was executed; try again later.",
        _ => return None,
    };
    Some(hint)
}

/// Nobody knows whether the call was carried out; what to do depends on what it would have done.
fn of_silence(method: &str) -> &'static str {
    match method {
        "create_upload" => {
            "The upload may have been opened: look at the open uploads, and go on with it or abort it."
        }
        "commit_upload" => {
            "The object may be there: look at its size, digest and revision. If it is not, go on with the upload, which is open still."
        }
        "abort_upload" => "The upload may be gone: look at the open uploads.",
        "log" | "append" => "The entries may be in the log: read its end before you append them again.",
        "put" | "put_with" | "put_many" | "rename" | "delete" | "delete_many" | "delete_prefix"
        | "take_first" | "region_new" | "region_grow" | "region_store" | "region_store_blob"
        | "region_set_owner" | "configure" | "set_role" => {
            "The change may have been made: look before you make it again."
        }
        _ => "Try again when the replica can be reached.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::Kind,
        repeat::{may_repeat, tests::updates},
    };

    /// Nobody is told to simply call again what may not be called twice.
    #[test]
    fn what_may_have_been_done_is_to_be_looked_for_first() {
        for method in updates() {
            let is_careful =
                of_silence(method).contains("look") || of_silence(method).contains("read its end");
            assert_eq!(is_careful, !may_repeat(Kind::Update, method), "{method}");
        }
        assert!(of_silence("get").starts_with("Try again"));
    }
}
