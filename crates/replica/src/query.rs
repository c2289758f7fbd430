//! `…/query`: executed on the committed state, and signed by the node.

use std::sync::Arc;

use axum::response::Response;
use candid::Principal;
use embedded_ic::Signer;
use ic_transport_types::{EnvelopeContent, NodeSignature, QueryResponse, ReplyResponse, RequestId};

use crate::cbor;
use crate::destination::Destination;
use crate::error::HttpError;
use crate::limits::MAX_REPLY_BYTES;
use crate::management;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::shared::Shared;
use crate::threads::blocking;
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
    let destination = Destination::find(shared, effective, canister_id, &method_name, &arg)?;
    let (signer, id) = (Arc::clone(&shared.signer), verified.id);
    let respond = move |outcome, memory| cbor::large_response(&signed(&signer, outcome, id), memory);
    let outcome = match destination {
        Ok(Destination::Canister) => {
            // A query that waits for its turn reserves no memory: others need it to end.
            let turn = shared.queries.turn().await?;
            let memory = shared.room.for_response(MAX_REPLY_BYTES).await?;
            let respond = move |outcome| {
                // The argument was dropped with the message.
                drop(permit);
                respond(outcome, memory)
            };
            return turn.run(sender, method_name, arg, respond).await;
        }
        // Status and log of the canister belong to the host.
        Ok(Destination::Management(request)) => {
            let state = Arc::clone(shared);
            shared.worker.run(move |host| management::query(host, &state.chunks(), sender, request)).await?
        }
        Err(reject) => Outcome::Rejected(reject),
    };
    let memory = shared.room.for_response(MAX_REPLY_BYTES).await?;
    blocking(move || respond(outcome, memory)).await
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
