//! `…/call`: each call is executed once, calls run one after the other, and the response is a certificate.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use candid::Principal;
use embedded_ic::EmbeddedIc;
use ic_transport_types::{EnvelopeContent, RejectResponse, RequestId, TransportCallResponse};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::cbor;
use crate::destination::Destination;
use crate::error::HttpError;
use crate::limits::{MAX_REQUESTS, SYNC_CALL_WAIT};
use crate::management;
use crate::message::Message;
use crate::outcome::{Outcome, rejection};
use crate::requests::{Admission, Origin, Step};
use crate::shared::Shared;
use crate::threads::blocking;
use crate::worker::now_ns;

/// What the response to a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// That the call was accepted. The client polls for the outcome.
    Asynchronous,
    /// The outcome, if it is known in time.
    Synchronous,
}

/// A call to execute.
struct Call {
    id: RequestId,
    origin: Origin,
    destination: Destination,
    method: String,
    arg: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
}

/// Executes a call, or waits for the outcome if the same message has arrived before.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    effective: Principal,
    message: Message,
    mode: Mode,
) -> Result<Response, HttpError> {
    let Message { verified, permit } = message;
    let EnvelopeContent::Call { sender, canister_id, method_name, arg, ingress_expiry, .. } =
        verified.content
    else {
        return Err(HttpError::bad_request("Expected a request of type call."));
    };
    let destination = match Destination::find(shared, effective, canister_id, &method_name, &arg)? {
        Ok(destination) => destination,
        Err(reject) => return Ok(refused(reject)),
    };
    let (id, origin) = (verified.id, Origin { sender, canister: canister_id, effective });
    let admission = shared.requests().admit(id, origin, ingress_expiry, now_ns());
    let mut steps = match admission {
        Admission::Known(steps) => steps,
        Admission::New(sender) => {
            let steps = sender.subscribe();
            execute(shared, Call { id, origin, destination, method: method_name, arg, permit }, sender)
                .await?;
            steps
        }
        Admission::Full => {
            return Err(HttpError::unavailable(format!(
                "The server remembers {MAX_REQUESTS} calls, which is as many as it can; try again in some minutes."
            )));
        }
    };
    // The call continues when this wait ends early.
    match tokio::time::timeout(SYNC_CALL_WAIT, finished(&mut steps)).await {
        Ok(Some(Step::Refused(reject))) => Ok(refused(reject)),
        Ok(Some(_)) if mode == Mode::Synchronous => certified(shared, id).await,
        Ok(None) => {
            Err(HttpError::unavailable("The server shuts down, or the host of the canister has failed."))
        }
        Ok(Some(_)) | Err(_) => Ok((StatusCode::ACCEPTED, Body::empty()).into_response()),
    }
}

/// Waits for the last step of a call; `None` if the worker ended before it.
async fn finished(steps: &mut watch::Receiver<Step>) -> Option<Step> {
    let last = steps.wait_for(|step| matches!(step, Step::Refused(_) | Step::Finished)).await;
    last.ok().map(|step| step.clone())
}

async fn execute(shared: &Arc<Shared>, call: Call, steps: watch::Sender<Step>) -> Result<(), HttpError> {
    let (state, id) = (Arc::clone(shared), call.id);
    let submitted = shared.worker.submit(move |host| run(host, &state, call, &steps)).await;
    if submitted.is_err() {
        shared.requests().withdraw(id);
    }
    submitted
}

/// Executes a call on the worker's thread.
fn run(host: &mut EmbeddedIc, shared: &Shared, call: Call, steps: &watch::Sender<Step>) {
    let Call { id, origin, destination, method, arg, permit: _permit } = call;
    steps.send_replace(Step::Processing);
    let outcome = match destination {
        Destination::Canister => update(host, origin.sender, &method, arg),
        Destination::Management(request) => {
            management::update(host, &mut shared.chunks(), origin.sender, request)
        }
    };
    shared.publish(host);
    match outcome {
        Ok(outcome) => {
            shared.requests().finish(id, outcome);
            steps.send_replace(Step::Finished);
        }
        Err(reject) => {
            shared.requests().withdraw(id);
            steps.send_replace(Step::Refused(reject));
        }
    }
}

/// Executes an update of the canister. An error means that the message was not accepted.
fn update(
    host: &mut EmbeddedIc,
    sender: Principal,
    method: &str,
    arg: Vec<u8>,
) -> Result<Outcome, RejectResponse> {
    host.accept(sender, method, &arg).map_err(rejection)?;
    Ok(match host.update_from_canister(sender, method, arg) {
        Ok(reply) => Outcome::Replied(reply.bytes),
        Err(error) => Outcome::Rejected(rejection(error)),
    })
}

fn refused(reject: RejectResponse) -> Response {
    cbor::response(&TransportCallResponse::NonReplicatedRejection(reject))
}

async fn certified(shared: &Arc<Shared>, id: RequestId) -> Result<Response, HttpError> {
    let bytes = shared.requests().outcome_bytes(&*id);
    let memory = shared.room.for_response(bytes).await?;
    let shared = Arc::clone(shared);
    blocking(move || {
        let paths = [vec![b"request_status".to_vec(), id.to_vec()], vec![b"time".to_vec()]];
        let certificate = shared.certify(&[&*id], &paths);
        cbor::large_response(&TransportCallResponse::Replied { certificate }, memory)
    })
    .await
}
