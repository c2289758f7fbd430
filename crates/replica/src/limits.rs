//! Limits of requests and connections.

use std::time::Duration;

/// Maximum bytes of a request's body: the limit of a replica for ingress messages.
pub(crate) const MAX_BODY_BYTES: usize = 2 << 20;
/// A longer body is read and discarded up to this length, so that the client receives the error.
pub(crate) const MAX_DRAINED_BYTES: usize = 16 << 20;
/// Maximum bytes of large bodies in memory, from their arrival to their execution.
pub(crate) const MAX_HELD_BYTES: usize = 16 << 20;
/// Maximum bytes of large responses in memory, from their execution until the client has received them. More if that does not
/// suffice for the replies of all queries that run at the same time, and one other.
pub(crate) const MAX_RESPONSE_BYTES: usize = 16 << 20;
/// Maximum bytes of the reply to a query, and of what the response has around it.
pub(crate) const MAX_REPLY_BYTES: usize = (3 << 20) + (64 << 10);
/// Bodies of up to this many bytes do not count towards [`MAX_HELD_BYTES`] or [`MAX_RESPONSE_BYTES`].
pub(crate) const SMALL_BODY_BYTES: usize = 64 << 10;

/// Maximum responses of sites that are in preparation or being sent. Each has a piece of at most [`MAX_REPLY_BYTES`] in memory, or
/// two while it is a stream.
pub(crate) const MAX_SITE_RESPONSES: usize = 64;

/// Maximum time to live of a message.
pub(crate) const MAX_INGRESS_TTL: Duration = Duration::from_secs(5 * 60);
/// Tolerated difference between the clocks of client and server.
pub(crate) const CLOCK_DRIFT: Duration = Duration::from_secs(60);
/// How long a call's outcome is kept after the message has expired.
pub(crate) const KEPT_AFTER_EXPIRY: Duration = Duration::from_secs(60);

/// Maximum data items of an envelope in CBOR. A chain of 20 delegations with 1,000 targets each has 20,000.
pub(crate) const MAX_CBOR_ITEMS: usize = 100_000;
/// Maximum bytes of a nonce.
pub(crate) const MAX_NONCE_BYTES: usize = 32;
/// Maximum delegations in a chain.
pub(crate) const MAX_DELEGATIONS: usize = 20;
/// Maximum targets of a delegation.
pub(crate) const MAX_TARGETS: usize = 1_000;
/// Maximum paths of a `read_state` request.
pub(crate) const MAX_PATHS: usize = 1_000;
/// Maximum labels of a path.
pub(crate) const MAX_LABELS: usize = 127;
/// Maximum bytes of a method name.
pub(crate) const MAX_METHOD_BYTES: usize = 20_000;

/// Maximum calls whose status is known. Further calls are rejected until some have expired.
pub(crate) const MAX_REQUESTS: usize = 200_000;
/// Maximum bytes of the replies that are kept for clients that poll. Beyond it, the oldest calls get the status `done`.
pub(crate) const MAX_KEPT_REPLY_BYTES: usize = 16 << 20;
/// Maximum messages in the queue of the worker.
pub(crate) const MAX_QUEUED: usize = 256;

/// How long a synchronous call waits for its outcome. After that, the client polls for it.
pub(crate) const SYNC_CALL_WAIT: Duration = Duration::from_secs(10);

/// Limits of a server's connections.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Maximum open connections. Further ones wait until one is closed.
    pub max_connections: usize,
    /// Time for a client to send the header of a request, and the longest idle time of a connection.
    pub head_timeout: Duration,
    /// Time for a client to send the body of a request.
    pub body_timeout: Duration,
    /// Time in which a client must receive some bytes of a response.
    pub write_timeout: Duration,
    /// Time for active requests to finish during shutdown.
    pub shutdown_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 512,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
