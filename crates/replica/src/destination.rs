//! Which canister a message is for.

use candid::Principal;
use ic_transport_types::RejectResponse;

use crate::error::HttpError;
use crate::management::Request;
use crate::shared::Shared;

/// The recipient of a message.
#[derive(Debug)]
pub(crate) enum Destination {
    /// The canister of this server.
    Canister,
    /// The management canister, about the canister of this server.
    Management(Request),
}

impl Destination {
    /// Returns the recipient of a message. A message that the management canister does not understand is a reject.
    ///
    /// # Errors
    /// 400 if the message is for another canister, or about another canister than the URL.
    pub(crate) fn find(
        shared: &Shared,
        effective: Principal,
        canister: Principal,
        method: &str,
        arg: &[u8],
    ) -> Result<Result<Self, RejectResponse>, HttpError> {
        if canister != Principal::management_canister() {
            check(shared, effective, canister)?;
            return Ok(Ok(Self::Canister));
        }
        match Request::decode(method, arg) {
            Ok((about, request)) => {
                check(shared, effective, about)?;
                Ok(Ok(Self::Management(request)))
            }
            Err(reject) => Ok(Err(reject)),
        }
    }
}

fn check(shared: &Shared, effective: Principal, canister: Principal) -> Result<(), HttpError> {
    if canister != shared.canister {
        return Err(HttpError::bad_request(format!(
            "Canister {canister} is not on this server, whose only canister is {}.",
            shared.canister
        )));
    }
    if effective != canister {
        return Err(HttpError::bad_request(format!(
            "Effective principal id in URL {effective} does not match requested principal id: {canister}."
        )));
    }
    Ok(())
}
