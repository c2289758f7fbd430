//! Calls of the management canister that a client of one canister makes.

use candid::Principal;
use embedded_ic::EmbeddedIc;
use ic_transport_types::{RejectCode, RejectResponse};

use crate::error::HttpError;
use crate::outcome::{Outcome, reject};
use crate::replica::Shared;

/// Refuses a message to another canister than that of this server, or one about another.
pub(crate) fn check_destination(
    shared: &Shared,
    effective: Principal,
    canister: Principal,
    _method: &str,
    _arg: &[u8],
) -> Result<(), HttpError> {
    if canister == shared.canister && effective == canister {
        return Ok(());
    }
    if canister == Principal::management_canister() {
        return Ok(());
    }
    Err(HttpError::bad_request(format!(
        "Canister {canister} is not on this server, whose only canister is {}.",
        shared.canister
    )))
}

/// Executes a call.
pub(crate) fn update(
    _host: &mut EmbeddedIc,
    _shared: &Shared,
    _sender: Principal,
    method: &str,
    _arg: &[u8],
) -> Result<Outcome, RejectResponse> {
    Err(unknown(method))
}

/// Answers a query.
pub(crate) fn query(_host: &mut EmbeddedIc, _sender: Principal, method: &str, _arg: &[u8]) -> Outcome {
    Outcome::Rejected(unknown(method))
}

fn unknown(method: &str) -> RejectResponse {
    reject(
        RejectCode::DestinationInvalid,
        "IC0536",
        format!("Management canister has no method '{method}' on this server"),
    )
}
