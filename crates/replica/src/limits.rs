//! How much a client may ask for.

use std::time::Duration;

/// Bytes of a request's body, which is the ingress message that a replica takes at most.
pub(crate) const MAX_BODY_BYTES: usize = 2 << 20;
/// A body that is longer than allowed is read up to here and dropped, so that the client hears why.
pub(crate) const MAX_DRAINED_BYTES: usize = 16 << 20;
/// Bytes of large bodies that are held at once, from their arrival until they are executed.
pub(crate) const MAX_HELD_BYTES: usize = 16 << 20;
/// A body of at most so many bytes does not count as held.
pub(crate) const SMALL_BODY_BYTES: usize = 64 << 10;

/// How far in the future a message may expire.
pub(crate) const MAX_INGRESS_TTL: Duration = Duration::from_secs(5 * 60);
/// How far the clocks of client and server may differ.
pub(crate) const CLOCK_DRIFT: Duration = Duration::from_secs(60);
/// For how long an outcome is kept after the message has expired.
pub(crate) const KEPT_AFTER_EXPIRY: Duration = Duration::from_secs(60);

/// Bytes of a nonce.
pub(crate) const MAX_NONCE_BYTES: usize = 32;
/// Delegations in a chain.
pub(crate) const MAX_DELEGATIONS: usize = 20;
/// Targets of a delegation.
pub(crate) const MAX_TARGETS: usize = 1_000;
/// Paths of one `read_state`.
pub(crate) const MAX_PATHS: usize = 1_000;
/// Labels of a path.
pub(crate) const MAX_LABELS: usize = 127;
/// Bytes of a method's name.
pub(crate) const MAX_METHOD_BYTES: usize = 20_000;

/// Calls whose outcome is known, at most; then no more are taken until some have expired.
pub(crate) const MAX_REQUESTS: usize = 200_000;
/// Bytes of the replies that are kept for those who ask for them; then the oldest are forgotten, and their calls are done.
pub(crate) const MAX_KEPT_REPLY_BYTES: usize = 16 << 20;
/// Messages that wait for the host; then those who send more wait, too.
pub(crate) const MAX_QUEUED: usize = 256;

/// How long a synchronous call waits for its outcome before the client is told to ask for it.
pub(crate) const SYNC_CALL_WAIT: Duration = Duration::from_secs(10);

/// What a server allows its clients.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Connections at once; more wait until one ends.
    pub max_connections: usize,
    /// How long a client may take to send the head of a request, and how long a connection may be idle.
    pub head_timeout: Duration,
    /// How long a client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How long requests may take that are under way when the server shuts down.
    pub shutdown_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 512,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
