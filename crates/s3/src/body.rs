//! Bodies of requests and responses.

use std::{
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use s3s::{
    S3Error, S3ErrorCode, StdError,
    dto::StreamingBlob,
    stream::{ByteStream, RemainingLength},
};
use storage_client::TransferError;

use crate::sums::{Sums, Verified};

/// A request body that is verified at its end. Its last item is an error if it does not have the given digests, so that
/// nothing is committed.
pub(crate) struct Checked<S> {
    inner: S,
    sums: Option<Sums>,
    verified: Option<Verified>,
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Checked<S> {
    pub(crate) fn new(inner: S, sums: Sums) -> Self {
        Self { inner, sums: Some(sums), verified: None }
    }

    /// Returns the MD5 that the client gives, in hexadecimal.
    pub(crate) fn given_md5(&self) -> Option<String> {
        self.sums.as_ref().and_then(Sums::given_md5)
    }

    /// Returns the digests, after the last item.
    pub(crate) fn verified(&mut self) -> Option<Verified> {
        self.verified.take()
    }
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Stream for Checked<S> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.sums.is_none() {
            // The body has ended.
            return Poll::Ready(None);
        }
        let item = std::task::ready!(this.inner.poll_next_unpin(context));
        Poll::Ready(match (item, &mut this.sums) {
            (Some(Ok(bytes)), Some(sums)) => {
                sums.update(&bytes);
                Some(Ok(bytes))
            }
            (None, sums) => match sums.take().map(Sums::finish) {
                Some(Ok(verified)) => {
                    this.verified = Some(verified);
                    None
                }
                Some(Err(error)) => Some(Err(io::Error::other(error))),
                None => None,
            },
            (item, _) => item,
        })
    }
}

/// Returns the pieces of a request body. A body that is missing is empty.
pub(crate) fn pieces(body: Option<StreamingBlob>) -> BoxStream<'static, io::Result<Bytes>> {
    let next = |mut body: StreamingBlob| async {
        let piece = body.next().await?.map_err(|error| io::Error::other(broken(&error)));
        // Nothing follows an error.
        let rest = piece.is_ok().then_some(body);
        Some((piece, rest))
    };
    let next = move |body: Option<StreamingBlob>| async move { next(body?).await };
    stream::unfold(body, next).boxed()
}

/// Returns why a request body has ended with an error. The errors of `s3s` have private types; their texts name the reason.
fn broken(error: &StdError) -> S3Error {
    let text = error.to_string();
    let code = match () {
        () if text.contains("Sha256Mismatch") => S3ErrorCode::BadDigest,
        () if text.contains("SignatureMismatch") => S3ErrorCode::SignatureDoesNotMatch,
        () => S3ErrorCode::IncompleteBody,
    };
    S3Error::with_message(code, text)
}

/// Returns a response body of this many bytes.
pub(crate) fn response(
    pieces: impl Stream<Item = Result<Vec<u8>, TransferError>> + Send + 'static,
    length: u64,
) -> StreamingBlob {
    let pieces = pieces.map(|piece| piece.map(Bytes::from).map_err(StdError::from)).boxed();
    StreamingBlob::new(Response { pieces: Mutex::new(pieces), length })
}

/// A response body. The lock is never contended; with it, the stream can be shared, as `s3s` asks.
struct Response {
    pieces: Mutex<BoxStream<'static, Result<Bytes, StdError>>>,
    length: u64,
}

impl Stream for Response {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.pieces.get_mut().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(piece))) = &item {
            self.length = self.length.saturating_sub(piece.len() as u64);
        }
        item
    }
}

impl ByteStream for Response {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.length).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::Given;

    /// A body of `s3s` panics if it is read again after its end.
    #[tokio::test]
    async fn a_body_is_not_read_past_its_end() {
        let inner = stream::unfold(0, |number| async move { (number < 2).then_some((number, number + 1)) });
        let inner = inner.map(|number: u8| Ok(Bytes::from(vec![number]))).boxed();
        let mut body = Checked::new(inner, Sums::new(Given::default()).unwrap());
        assert_eq!((&mut body).count().await, 2);
        assert!(body.verified().is_some());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn nothing_follows_a_body_with_another_digest() {
        let given = Given { content_md5: Some("XUFAKrxLKna5cZ2REBfFkg==".to_owned()), ..Given::default() };
        let inner = stream::once(async { Ok(Bytes::from_static(b"other")) }).boxed();
        let mut body = Checked::new(inner, Sums::new(given).unwrap());
        assert!(body.next().await.is_some_and(|piece| piece.is_ok()));
        assert!(body.next().await.is_some_and(|piece| piece.is_err()));
        assert!(body.next().await.is_none() && body.verified().is_none());
    }
}
