//! `…/query`: executed on the committed state, and signed by the node.

use std::sync::Arc;

use axum::response::Response;
use candid::Principal;
use embedded_ic::{EmbeddedIc, Signer};
use ic_transport_types::{EnvelopeContent, NodeSignature, QueryResponse, ReplyResponse, RequestId};

use crate::cbor;
use crate::destination::Destination;
use crate::error::HttpError;
use crate::limits::MAX_REPLY_BYTES;
use crate::management;
use crate::message::{Message, blocking};
use crate::outcome::{Outcome, rejection};
use crate::shared::Shared;
use crate::worker::now_ns;

/// Executes a query.
pub(crate) async fn query(
    shared: &Arc<Shared>,
    effective: Principal,
    message: Message,
) -> Result<Response, HttpError> {
    let Message { verified, permit } = message;
    let EnvelopeContent::Query { sender, canister_id, method_name, arg, .. } = verified.content else {
        return Err(HttpError::bad_request("Expected a request of type query."));
    };
    let memory = shared.room.for_response(MAX_REPLY_BYTES).await?;
    let outcome = match Destination::find(shared, effective, canister_id, &method_name, &arg)? {
        Ok(destination) => {
            let state = Arc::clone(shared);
            let run = move |host: &mut EmbeddedIc| {
                let _permit = permit;
                match destination {
                    Destination::Canister => answer(host, sender, &method_name, arg),
                    Destination::Management(request) => {
                        management::query(host, &state.chunks(), sender, request)
                    }
                }
            };
            shared.worker.run(run).await?
        }
        Err(reject) => Outcome::Rejected(reject),
    };
    let (signer, id) = (Arc::clone(&shared.signer), verified.id);
    blocking(move || cbor::large_response(&signed(&signer, outcome, id), memory)).await
}

fn answer(host: &mut EmbeddedIc, sender: Principal, method: &str, arg: Vec<u8>) -> Outcome {
    match host.query(sender, method, arg) {
        Ok(reply) => Outcome::Replied(reply.bytes),
        Err(error) => Outcome::Rejected(rejection(error)),
    }
}

fn signed(signer: &Signer, outcome: Outcome, id: RequestId) -> QueryResponse {
    let mut response = match outcome {
        Outcome::Replied(arg) => {
            QueryResponse::Replied { reply: ReplyResponse { arg }, signatures: Vec::new() }
        }
        Outcome::Rejected(reject) => QueryResponse::Rejected { reject, signatures: Vec::new() },
        Outcome::Done => unreachable!("the outcome of a query is never forgotten"),
    };
    let timestamp = now_ns();
    let signature = signer.sign_as_node(&response.signable(id, timestamp)).to_vec();
    let (QueryResponse::Replied { signatures, .. } | QueryResponse::Rejected { signatures, .. }) =
        &mut response;
    signatures.push(NodeSignature { timestamp, signature, identity: signer.node_id() });
    response
}
