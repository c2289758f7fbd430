//! The methods of the management canister that concern an existing canister.

mod chunks;
mod code;
mod request;
mod status;

use candid::{CandidType, Principal};
use embedded_ic::{EmbeddedIc, HostError};
use ic_management_canister_types::CanisterSettings;
use ic_transport_types::{RejectCode, RejectResponse};

use crate::outcome::{Outcome, host_failed, reject};

pub(crate) use chunks::Chunks;
pub(crate) use request::Request;

/// A reply in Candid, or a reject.
type Answer = Result<Vec<u8>, RejectResponse>;

/// Executes a call. An error means that the message was not accepted.
pub(crate) fn update(
    host: &mut EmbeddedIc,
    chunks: &mut Chunks,
    sender: Principal,
    request: Request,
) -> Result<Outcome, RejectResponse> {
    check_controller(host, sender, &request)?;
    let answer = match request {
        Request::Status => status::status(host, chunks.bytes()),
        Request::UpdateSettings(settings) => update_settings(host, *settings),
        Request::Start => changed(host.set_running(true)),
        Request::Stop => changed(host.set_running(false)),
        Request::InstallCode(code) => code::install(host, &code),
        Request::InstallChunkedCode(args) => code::install_chunked(host, chunks, *args),
        Request::UploadChunk(chunk) => chunks.upload(chunk),
        Request::ClearChunks => {
            chunks.clear();
            reply(())
        }
        Request::StoredChunks => reply((chunks.stored(),)),
        Request::Logs(_) => Err(query_only("fetch_canister_logs")),
    };
    Ok(outcome(answer))
}

/// Answers a query.
pub(crate) fn query(host: &EmbeddedIc, chunks: &Chunks, sender: Principal, request: Request) -> Outcome {
    let answer = check_controller(host, sender, &request).and_then(|()| match request {
        Request::Status => status::status(host, chunks.bytes()),
        Request::Logs(filter) => status::logs(host, filter),
        other => Err(reject(
            RejectCode::CanisterReject,
            "IC0406",
            format!("{} has to be called as an update.", other.name()),
        )),
    });
    outcome(answer)
}

fn outcome(answer: Answer) -> Outcome {
    match answer {
        Ok(reply) => Outcome::Replied(reply),
        Err(reject) => Outcome::Rejected(reject),
    }
}

fn check_controller(host: &EmbeddedIc, sender: Principal, request: &Request) -> Result<(), RejectResponse> {
    if host.controllers().contains(&sender) {
        return Ok(());
    }
    Err(reject(
        RejectCode::CanisterError,
        "IC0512",
        format!(
            "Only controllers of canister {} can call ic00 method {}",
            host.canister_id(),
            request.name()
        ),
    ))
}

fn query_only(method: &str) -> RejectResponse {
    reject(
        RejectCode::CanisterReject,
        "IC0406",
        format!("{method} API is only accessible in non-replicated mode"),
    )
}

fn update_settings(host: &mut EmbeddedIc, settings: CanisterSettings) -> Answer {
    let CanisterSettings { controllers, .. } = &settings;
    let others = CanisterSettings { controllers: None, ..settings.clone() };
    if others != CanisterSettings::default() {
        return Err(invalid("Of the settings of a canister, this server has the controllers only."));
    }
    match controllers {
        Some(controllers) => changed(host.set_controllers(controllers.clone())),
        None => reply(()),
    }
}

/// Returns the reply to a change of the host.
fn changed(done: Result<(), HostError>) -> Answer {
    match done {
        Ok(()) => reply(()),
        Err(HostError::BadConfig(text)) => Err(invalid(text)),
        Err(error) => Err(host_failed(&error)),
    }
}

/// Returns a reject for an argument that is not valid.
fn invalid(text: impl Into<String>) -> RejectResponse {
    reject(RejectCode::CanisterError, "IC0408", text)
}

/// Encodes a reply in Candid.
fn reply<T: candid::utils::ArgumentEncoder>(values: T) -> Answer {
    candid::encode_args(values).map_err(|error| invalid(format!("The reply cannot be encoded: {error}")))
}

/// Encodes a reply of one value in Candid.
fn reply_one(value: impl CandidType) -> Answer {
    reply((value,))
}
