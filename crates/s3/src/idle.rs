//! The time limit of bodies: a client that stops sending does not hold its connection.

use std::{io, time::Duration};

use axum::body::{Body, BodyDataStream, HttpBody};
use futures_util::{StreamExt, stream};
use s3s::s3_error;

use crate::refusal::Refusal;

/// How long a client may send nothing while it sends a body.
pub(crate) const IDLE: Duration = Duration::from_secs(60);

/// Returns a body that ends with `RequestTimeout` when nothing arrives for [`IDLE`].
pub(crate) fn timed(body: Body, refusal: &Refusal) -> Body {
    // Of a body that has ended, the length stays known.
    if body.is_end_stream() {
        return body;
    }
    let next = |mut body: BodyDataStream| async {
        let piece = match tokio::time::timeout(IDLE, body.next()).await {
            Ok(piece) => piece?.map_err(io::Error::other),
            Err(_) => Err(io::Error::other(s3_error!(RequestTimeout, "nothing has arrived for {IDLE:?}"))),
        };
        // Nothing follows an error.
        let rest = piece.is_ok().then_some(body);
        Some((piece, rest))
    };
    let next = move |body: Option<BodyDataStream>| async move { next(body?).await };
    let refusal = refusal.clone();
    let pieces = stream::unfold(Some(body.into_data_stream()), next);
    Body::from_stream(pieces.map(move |piece| piece.map_err(|error| refusal.keep(error))))
}
