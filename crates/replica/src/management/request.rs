//! Decoding of calls of the management canister.

use candid::{CandidType, DecoderConfig, Principal, decode_one_with_config};
use ic_management_canister_types::{
    CanisterIdRecord, CanisterLogFilter, CanisterSettings, FetchCanisterLogsArgs, InstallChunkedCodeArgs,
    InstallCodeArgs, UpdateSettingsArgs, UploadChunkArgs,
};
use ic_transport_types::{RejectCode, RejectResponse};
use serde::Deserialize;

use super::invalid;
use crate::outcome::reject;

/// Candid's quota for decoding an argument, which has at most 2 MiB.
const DECODING_QUOTA: usize = 50_000_000;
/// Candid's quota for skipping unknown values.
const SKIPPING_QUOTA: usize = 100_000;

/// A call of the management canister about the canister of this server.
#[derive(Debug)]
pub(crate) enum Request {
    Status,
    UpdateSettings(Box<CanisterSettings>),
    Start,
    Stop,
    InstallCode(Box<InstallCodeArgs>),
    InstallChunkedCode(Box<InstallChunkedCodeArgs>),
    UploadChunk(Vec<u8>),
    ClearChunks,
    StoredChunks,
    Logs(Option<CanisterLogFilter>),
}

impl Request {
    /// Decodes a call. Returns the canister that it is about, and the request.
    pub(crate) fn decode(method: &str, arg: &[u8]) -> Result<(Principal, Self), RejectResponse> {
        let about = |request: Self| move |record: CanisterIdRecord| (record.canister_id, request);
        match method {
            "canister_status" => decode(arg).map(about(Self::Status)),
            "start_canister" => decode(arg).map(about(Self::Start)),
            "stop_canister" => decode(arg).map(about(Self::Stop)),
            "clear_chunk_store" => decode(arg).map(about(Self::ClearChunks)),
            "stored_chunks" => decode(arg).map(about(Self::StoredChunks)),
            "update_settings" => decode(arg).map(|args: UpdateSettingsArgs| {
                (args.canister_id, Self::UpdateSettings(Box::new(args.settings)))
            }),
            "install_code" => {
                decode(arg).map(|args: InstallCodeArgs| (args.canister_id, Self::InstallCode(Box::new(args))))
            }
            "install_chunked_code" => decode(arg).map(|args: InstallChunkedCodeArgs| {
                (args.target_canister, Self::InstallChunkedCode(Box::new(args)))
            }),
            "upload_chunk" => {
                decode(arg).map(|args: UploadChunkArgs| (args.canister_id, Self::UploadChunk(args.chunk)))
            }
            "fetch_canister_logs" => {
                decode(arg).map(|args: FetchCanisterLogsArgs| (args.canister_id, Self::Logs(args.filter)))
            }
            _ => Err(unknown(method)),
        }
    }

    /// Returns the method's name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status => "canister_status",
            Self::UpdateSettings(_) => "update_settings",
            Self::Start => "start_canister",
            Self::Stop => "stop_canister",
            Self::InstallCode(_) => "install_code",
            Self::InstallChunkedCode(_) => "install_chunked_code",
            Self::UploadChunk(_) => "upload_chunk",
            Self::ClearChunks => "clear_chunk_store",
            Self::StoredChunks => "stored_chunks",
            Self::Logs(_) => "fetch_canister_logs",
        }
    }
}

fn decode<T: CandidType + for<'a> Deserialize<'a>>(arg: &[u8]) -> Result<T, RejectResponse> {
    let mut config = DecoderConfig::new();
    config
        .set_decoding_quota(DECODING_QUOTA)
        .set_skipping_quota(SKIPPING_QUOTA)
        .set_full_error_message(false);
    decode_one_with_config(arg, &config).map_err(|error| invalid(format!("Error decoding candid: {error}")))
}

fn unknown(method: &str) -> RejectResponse {
    reject(
        RejectCode::DestinationInvalid,
        "IC0536",
        format!("Management canister has no method '{}' on this server", method.escape_debug()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_or_not_understood_is_a_reject() {
        let reject = Request::decode("create_canister", b"").unwrap_err();
        assert_eq!(reject.error_code.as_deref(), Some("IC0536"));
        assert!(reject.reject_message.contains("create_canister"), "{reject:?}");
        for arg in [&b""[..], b"DIDL", b"DIDL\0\0", &[0xff; 100]] {
            let reject = Request::decode("canister_status", arg).unwrap_err();
            assert!(reject.reject_message.starts_with("Error decoding candid"), "{reject:?}");
        }
    }

    #[test]
    fn a_request_says_which_canister_it_is_about() {
        let canister_id = Principal::from_slice(&[1, 2, 3]);
        let arg = candid::encode_one(CanisterIdRecord { canister_id }).unwrap();
        for method in
            ["canister_status", "start_canister", "stop_canister", "clear_chunk_store", "stored_chunks"]
        {
            let (about, request) = Request::decode(method, &arg).unwrap();
            assert_eq!((about, request.name()), (canister_id, method));
        }
    }

    #[test]
    fn an_argument_that_takes_too_much_work_is_refused() {
        // A vector of 2^28 nulls takes few bytes and much time.
        let mut arg =
            b"DIDL\x02\x6c\x02\xb3\xc4\xb1\xf2\x04\x68\xf4\x90\xfe\x93\x06\x01\x6d\x7f\x01\0".to_vec();
        arg.extend([1, 0, 0x80, 0x80, 0x80, 0x80, 0x01]);
        assert!(Request::decode("canister_status", &arg).is_err());
    }
}
