//! `…/read_state`: certified parts of the state tree.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use candid::Principal;
use ic_transport_types::{EnvelopeContent, ReadStateResponse};

use crate::cbor;
use crate::envelope::Verified;
use crate::error::HttpError;
use crate::limits::{MAX_LABELS, MAX_PATHS};
use crate::message::Message;
use crate::shared::Shared;
use crate::threads::blocking;

/// The canister or subnet in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Canister(Principal),
    Subnet(Principal),
}

type Path = Vec<Vec<u8>>;

/// Returns a certificate with the requested paths.
pub(crate) async fn read_state(
    shared: &Arc<Shared>,
    target: Target,
    message: Message,
) -> Result<Response, HttpError> {
    let verified = message.verified;
    let EnvelopeContent::ReadState { sender, paths, .. } = &verified.content else {
        return Err(HttpError::bad_request("Expected a request of type read_state."));
    };
    let mut paths: Vec<Path> =
        paths.iter().map(|path| path.iter().map(|label| label.as_bytes().to_vec()).collect()).collect();
    let request = check(shared, target, &verified, *sender, &paths)?;
    paths.push(vec![b"time".to_vec()]);
    let bytes = request.as_ref().map_or(0, |id| shared.requests().outcome_bytes(id));
    let memory = shared.room.for_response(bytes).await?;
    let shared = Arc::clone(shared);
    blocking(move || {
        let requests: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let certificate = shared.certify(&requests, &paths);
        cbor::large_response(&ReadStateResponse { certificate }, memory)
    })
    .await
}

/// Checks that the sender may read the paths. Returns the id of the requested call, if there is one.
fn check(
    shared: &Shared,
    target: Target,
    verified: &Verified,
    sender: Principal,
    paths: &[Path],
) -> Result<Option<Vec<u8>>, HttpError> {
    check_target(shared, target)?;
    if paths.len() > MAX_PATHS {
        return Err(HttpError::new(
            StatusCode::NOT_FOUND,
            format!("Can only request {MAX_PATHS} paths in one request."),
        ));
    }
    let mut request: Option<&[u8]> = None;
    for path in paths {
        if path.len() > MAX_LABELS {
            return Err(HttpError::new(
                StatusCode::NOT_FOUND,
                format!("A path has at most {MAX_LABELS} labels."),
            ));
        }
        let path: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        match *path.as_slice() {
            [b"time"] | [b"subnet", ..] | [b"canister_ranges", ..] | [b"api_boundary_nodes", ..] => {}
            [b"request_status", id, ..] => {
                if request.is_some_and(|other| other != id) {
                    return Err(HttpError::bad_request(
                        "Can only request a single request ID in request_status paths.",
                    ));
                }
                check_request(shared, target, verified, sender, id)?;
                request = Some(id);
            }
            [b"canister", id, ref rest @ ..] => check_canister(shared, target, sender, id, rest)?,
            _ => return Err(invalid_path()),
        }
    }
    Ok(request.map(<[u8]>::to_vec))
}

fn check_target(shared: &Shared, target: Target) -> Result<(), HttpError> {
    match target {
        Target::Canister(id) if id == shared.canister || id == Principal::management_canister() => Ok(()),
        Target::Subnet(id) if id == shared.signer.subnet_id() => Ok(()),
        Target::Canister(id) => Err(HttpError::bad_request(format!(
            "Canister {id} is not on this server, whose only canister is {}.",
            shared.canister
        ))),
        Target::Subnet(id) => Err(HttpError::bad_request(format!(
            "Subnet {id} is not on this server, whose only subnet is {}.",
            shared.signer.subnet_id()
        ))),
    }
}

/// Checks that the sender made the call whose status is requested.
fn check_request(
    shared: &Shared,
    target: Target,
    verified: &Verified,
    sender: Principal,
    id: &[u8],
) -> Result<(), HttpError> {
    // The certificate proves that an unknown call is absent.
    let Some(origin) = shared.requests().origin(id) else { return Ok(()) };
    if origin.sender != sender {
        return Err(HttpError::forbidden("Request IDs must be for requests signed by the caller."));
    }
    if !verified.is_for(&origin.canister) {
        return Err(HttpError::forbidden(format!(
            "Canister {} is not one of the delegation targets.",
            origin.canister
        )));
    }
    if target != Target::Canister(origin.effective) {
        return Err(HttpError::bad_request("Request IDs must be for requests to the canister of the path."));
    }
    Ok(())
}

fn check_canister(
    shared: &Shared,
    target: Target,
    sender: Principal,
    id: &[u8],
    rest: &[&[u8]],
) -> Result<(), HttpError> {
    let is_same = matches!(target, Target::Canister(canister) if canister.as_slice() == id);
    if !is_same {
        return Err(HttpError::bad_request(
            "Effective principal id in URL does not match the canister of a path.",
        ));
    }
    match rest {
        [b"module_hash"] | [b"controllers"] => Ok(()),
        [b"metadata", name] => {
            let Ok(name) = std::str::from_utf8(name) else {
                return Err(HttpError::bad_request("The name of a custom section is not UTF-8."));
            };
            let view = shared.view();
            let is_private = view.private_metadata.iter().any(|private| private == name);
            if is_private && !view.controllers.contains(&sender) {
                return Err(HttpError::forbidden(format!(
                    "Custom section {name} can only be requested by the controllers of the canister."
                )));
            }
            Ok(())
        }
        _ => Err(invalid_path()),
    }
}

fn invalid_path() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "Invalid path requested.")
}
