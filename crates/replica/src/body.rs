//! The body of a request: read in bounded memory, within a bounded time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::HttpError;
use crate::limits::{
    MAX_BODY_BYTES, MAX_DRAINED_BYTES, MAX_HELD_BYTES, MAX_REPLY_BYTES, MAX_RESPONSE_BYTES, SMALL_BODY_BYTES,
};

/// The memory for large bodies, which all connections share.
#[derive(Clone)]
pub(crate) struct Room {
    requests: Arc<Semaphore>,
    responses: Arc<Semaphore>,
}

/// A body, and the permit for the memory that it uses.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Reads the body of a message in CBOR.
///
/// # Errors
/// Those of [`receive`]; 415 for another type of content.
pub(crate) async fn receive_cbor(
    headers: &HeaderMap,
    body: Body,
    room: &Room,
    timeout: Duration,
) -> Result<Received, HttpError> {
    check_type(headers)?;
    receive(headers, body, room, timeout).await
}

/// Reads the body of a request.
///
/// # Errors
/// 413 for a body that is too long, 408 for one that does not arrive in time.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    room: &Room,
    timeout: Duration,
) -> Result<Received, HttpError> {
    let too_slow = || {
        HttpError::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("The body did not arrive within {} s.", timeout.as_secs()),
        )
    };
    tokio::time::timeout(timeout, read(headers, body, room)).await.map_err(|_| too_slow())?
}

fn check_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/cbor") {
        return Ok(());
    }
    Err(HttpError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Unexpected content-type, expected application/cbor.",
    ))
}

async fn read(headers: &HeaderMap, body: Body, room: &Room) -> Result<Received, HttpError> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = declared.filter(|&length| length > MAX_BODY_BYTES as u64) {
        return Err(refuse(body, length).await);
    }
    // A body of unknown length can be as long as the limit.
    let expected = match declared {
        Some(length) => length as usize,
        None if body.is_end_stream() => 0,
        None => MAX_BODY_BYTES,
    };
    let permit = room.take(expected).await?;
    let bytes = collect(body, expected).await?;
    Ok(Received { bytes, permit })
}

async fn collect(mut body: Body, expected: usize) -> Result<Bytes, HttpError> {
    let mut bytes = BytesMut::with_capacity(expected.min(SMALL_BODY_BYTES));
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| HttpError::bad_request(format!("The body cannot be read: {error}.")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > MAX_BODY_BYTES {
            drop(bytes);
            return Err(refuse(body, length as u64).await);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Returns the error for a body that is too long. A client that is still sending would see a broken connection instead of
/// the response, so the rest of the body is read and discarded, up to a limit.
async fn refuse(mut body: Body, length: u64) -> HttpError {
    let mut dropped = 0;
    if length <= MAX_DRAINED_BYTES as u64 {
        while let Some(Ok(frame)) = body.frame().await {
            dropped += frame.data_ref().map_or(0, Bytes::len);
            if dropped > MAX_DRAINED_BYTES {
                break;
            }
        }
    }
    HttpError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("Message byte size {length} is larger than the max allowed {MAX_BODY_BYTES}."),
    )
}

impl Room {
    /// Creates the room of a server that executes this many queries at the same time. It suffices for their replies and for
    /// another response, so that long queries do not delay the responses to calls.
    pub(crate) fn beside_queries(queries: usize) -> Self {
        let responses = MAX_RESPONSE_BYTES.max((queries + 1) * MAX_REPLY_BYTES);
        Self {
            requests: Arc::new(Semaphore::new(MAX_HELD_BYTES)),
            responses: Arc::new(Semaphore::new(responses)),
        }
    }

    /// Waits for memory for a request. Small bodies need no permit.
    async fn take(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, HttpError> {
        match bytes {
            0..=SMALL_BODY_BYTES => Ok(None),
            _ => acquire(&self.requests, bytes).await.map(Some),
        }
    }

    /// Waits for memory for a response of up to this many bytes.
    pub(crate) async fn for_response(&self, bytes: usize) -> Result<OwnedSemaphorePermit, HttpError> {
        acquire(&self.responses, bytes.min(MAX_REPLY_BYTES)).await
    }
}

async fn acquire(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, HttpError> {
    let permit = Arc::clone(room).acquire_many_owned(bytes as u32).await;
    permit.map_err(|_| HttpError::unavailable("The server is shutting down."))
}

/// Bytes of a response, and the permit for their memory, which is returned when the bytes were sent.
struct Held {
    bytes: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the body of a response. Reduces the permit to what the body needs.
pub(crate) fn held(bytes: Vec<u8>, mut permit: OwnedSemaphorePermit) -> Body {
    let kept = match bytes.len() {
        0..=SMALL_BODY_BYTES => None,
        length => permit.split(length.min(permit.num_permits())),
    };
    Body::from(Bytes::from_owner(Held { bytes, _permit: kept }))
}
