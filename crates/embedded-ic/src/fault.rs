//! Failures of an execution, with the replica's code and text for each.

use candid::Principal;

use crate::error::{CallError, HostError, Reject, RejectCode};
use crate::limits::{MAX_REJECT_MESSAGE_BYTES, OS_PAGE_BYTES, PerMessage};

/// Reason why wasm trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trap {
    #[error("stack overflow")]
    StackOverflow,
    #[error("heap out of bounds")]
    HeapOutOfBounds,
    #[error("stable memory out of bounds")]
    StableOutOfBounds,
    #[error("integer division by 0")]
    IntegerDivByZero,
    #[error("unreachable")]
    Unreachable,
    #[error("table out of bounds")]
    TableOutOfBounds,
    #[error("unknown")]
    Other,
}

/// Failed execution. The texts are a replica's, without the part that names the canister.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("Canister trapped: {0}")]
    Trapped(Trap),
    #[error("Canister called `ic0.trap` with message: '{0}'")]
    CalledTrap(String),
    #[error("Canister violated contract: {0}")]
    Contract(String),
    #[error("Canister provided invalid principal id")]
    InvalidPrincipal,
    #[error("Canister exceeded the limit of {0} instructions for single message execution.")]
    InstructionLimit(u64),
    #[error(
        "Canister exceeded memory access limits: Exceeded the limit for the number of {what} pages in the stable \
         memory in a single execution: limit {} KB for regular messages, {} KB for upgrade messages and {} KB for \
         queries.",
        kib(limits.update), kib(limits.install), kib(limits.query)
    )]
    MemoryAccess { what: &'static str, limits: PerMessage },
    #[error(
        "Canister exceeded its current Wasm memory limit of {limit} bytes. The peak Wasm memory usage was {bytes} \
         bytes. If the canister reaches 4GiB, then it may stop functioning and may become unrecoverable. Please reach \
         out to the canister owner to investigate the reason for the increased memory usage. It might be necessary to \
         move data from the Wasm memory to the stable memory. If such high Wasm memory usage is expected and safe, \
         then the developer can increase the Wasm memory limit in the canister settings."
    )]
    HeapLimit { bytes: u64, limit: u64 },
    #[error("Canister's Wasm module is not valid: {0}")]
    InvalidWasm(String),
    #[error("Canister encountered a Wasm engine error: {0}")]
    Engine(String),
    #[error("Attempted to execute a message, but the canister contains no Wasm module.")]
    NoModule,
    #[error(
        "Canister cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead."
    )]
    NotEmpty,
    #[error("Canister has no {kind} method '{name}'.")]
    MethodNotFound { kind: &'static str, name: String },
    #[error("Composite query cannot be called in replicated mode.")]
    CompositeInReplicatedMode,
    #[error("Canister did not reply to the call")]
    DidNotReply,
    #[error("Canister rejected the message")]
    NotAccepted,
    /// The canister called `msg_reject`; the text is its own.
    #[error("{0}")]
    Rejected(String),
    #[error("Canister {0} is not running")]
    NotRunning(Principal),
    #[error(transparent)]
    Host(HostError),
}

fn kib(pages: u64) -> u64 {
    pages * (OS_PAGE_BYTES / 1_024)
}

impl Fault {
    /// Returns the error code; its hundreds digit is the reject code.
    fn error_code(&self) -> &'static str {
        match self {
            Self::Trapped(_) => "IC0502",
            Self::CalledTrap(_) => "IC0503",
            Self::Contract(_) | Self::InvalidPrincipal => "IC0504",
            Self::InvalidWasm(_) => "IC0505",
            Self::DidNotReply => "IC0506",
            Self::NotRunning(_) => "IC0508",
            Self::NotEmpty => "IC0514",
            Self::Engine(_) | Self::Host(_) => "IC0521",
            Self::InstructionLimit(_) => "IC0522",
            Self::MemoryAccess { .. } => "IC0524",
            Self::CompositeInReplicatedMode => "IC0527",
            Self::MethodNotFound { .. } => "IC0536",
            Self::NoModule => "IC0537",
            Self::HeapLimit { .. } => "IC0539",
            Self::Rejected(_) | Self::NotAccepted => "IC0406",
        }
    }

    fn reject_code(&self) -> RejectCode {
        match self.error_code().as_bytes()[3] {
            b'4' => RejectCode::CanisterReject,
            _ => RejectCode::CanisterError,
        }
    }

    /// Returns whether a replica writes the failure to the canister log.
    pub(crate) fn is_logged(&self) -> bool {
        !matches!(self, Self::Host(_) | Self::Rejected(_) | Self::DidNotReply)
    }

    /// Returns the line for the canister log.
    pub(crate) fn log_line(&self) -> Vec<u8> {
        match self {
            Self::CalledTrap(message) if message.is_empty() => b"[TRAP]: (no message)".to_vec(),
            Self::CalledTrap(message) => format!("[TRAP]: {message}").into_bytes(),
            other => format!("[TRAP]: {other}").into_bytes(),
        }
    }

    /// Returns the text for the caller. The canister's own reject is unchanged.
    fn wrapped(&self, canister: Principal) -> String {
        let text = self.to_string();
        match self {
            Self::Rejected(_) => text,
            _ if text.ends_with('.') => format!("Error from Canister {canister}: {text}"),
            _ => format!("Error from Canister {canister}: {text}."),
        }
    }

    pub(crate) fn into_call_error(self, canister: Principal, instructions: u64) -> CallError {
        if let Self::Host(error) = self {
            return CallError::Host(error);
        }
        let mut message = self.wrapped(canister);
        cut(&mut message, MAX_REJECT_MESSAGE_BYTES as usize);
        CallError::Rejected(Reject {
            code: self.reject_code(),
            error_code: self.error_code(),
            message,
            instructions,
        })
    }
}

/// Truncates a text to at most `max` bytes without splitting a character.
fn cut(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Converts an error of wasmtime: the fault of a host function, or a trap.
impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(fault) => return fault,
            Err(error) => error,
        };
        match error.downcast::<wasmtime::Trap>() {
            Ok(trap) => Self::Trapped(match trap {
                wasmtime::Trap::StackOverflow => Trap::StackOverflow,
                wasmtime::Trap::MemoryOutOfBounds => Trap::HeapOutOfBounds,
                wasmtime::Trap::IntegerDivisionByZero => Trap::IntegerDivByZero,
                wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
                wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
                _ => Trap::Other,
            }),
            Err(error) => Self::Engine(format!("{error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(fault: Fault) -> Reject {
        match fault.into_call_error(Principal::management_canister(), 7) {
            CallError::Rejected(reject) => reject,
            CallError::Host(error) => panic!("not a reject: {error}"),
        }
    }

    #[test]
    fn a_trap_is_wrapped_and_has_its_code() {
        let reject = reject(Fault::CalledTrap("no".into()));
        assert_eq!(
            reject.message,
            "Error from Canister aaaaa-aa: Canister called `ic0.trap` with message: 'no'."
        );
        assert_eq!((reject.error_code, reject.code), ("IC0503", RejectCode::CanisterError));
        assert_eq!(reject.instructions, 7);
    }

    #[test]
    fn a_sentence_gets_no_second_full_stop() {
        let reject = reject(Fault::InstructionLimit(40_000_000_000));
        assert_eq!(
            reject.message,
            "Error from Canister aaaaa-aa: Canister exceeded the limit of 40000000000 instructions for single \
             message execution."
        );
    }

    #[test]
    fn a_reject_of_the_canister_is_its_own_words() {
        let reject = reject(Fault::Rejected("not you".into()));
        assert_eq!((reject.message.as_str(), reject.code), ("not you", RejectCode::CanisterReject));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let long = "é".repeat(5_000);
        let reject = reject(Fault::Rejected(long));
        assert_eq!(reject.message.len(), 8_192);
        let odd = format!("x{}", "é".repeat(5_000));
        let mut text = odd;
        cut(&mut text, 8_192);
        assert_eq!(text.len(), 8_191);
    }

    #[test]
    fn page_limits_are_shown_in_kib() {
        let limits = crate::limits::Limits::default().stable_write_pages;
        let text = Fault::MemoryAccess { what: "modified", limits }.to_string();
        assert!(
            text.contains("limit 2097152 KB for regular messages, 8388608 KB for upgrade messages"),
            "{text}"
        );
    }
}
