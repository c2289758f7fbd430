//! Responses that start before their operation has ended, so that the client keeps waiting. `s3s` starts them with a declaration
//! of XML, and starts an error that follows with another one, which no reader of XML accepts.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use s3s::{S3Response, dto::CompleteMultipartUploadOutput};

use crate::{
    details::{Details, RequestId},
    xml,
};

/// Marks a response that starts before its operation has ended, and keeps the elements of the error that it may end with:
/// `s3s` sends the body of that error, and not its headers.
#[derive(Clone, Default)]
struct KeptAlive(Arc<Mutex<Details>>);

impl KeptAlive {
    fn keep(&self, details: Details) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = details;
    }

    fn details(&self) -> Details {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the response to a completion.
pub(crate) fn response(
    mut output: CompleteMultipartUploadOutput,
) -> S3Response<CompleteMultipartUploadOutput> {
    let Some(operation) = output.future.take() else {
        return xml::with_keys(output);
    };
    let kept = KeptAlive::default();
    let keeper = kept.clone();
    output.future = Some(Box::pin(async move {
        let ended = operation.await;
        if let Err(error) = &ended {
            keeper.keep(Details::of(error));
        }
        ended
    }));
    let mut response = S3Response::new(output);
    response.extensions.insert(kept);
    response
}

/// Completes a response that has started: an error has no second declaration and has its elements, and the control characters
/// of a key are references.
pub(crate) fn finished(response: Response, id: &RequestId) -> Response {
    let Some(kept) = response.extensions().get::<KeptAlive>().cloned() else {
        return response;
    };
    let id = id.clone();
    response.map(|body| {
        let mut is_first = true;
        let mut piece = move |piece: Bytes| match mem::take(&mut is_first) {
            true => piece,
            false => xml::with_references(match without_declaration(&piece) {
                Some(error) => kept.details().write(&error, &id),
                None => piece,
            }),
        };
        Body::from_stream(body.into_data_stream().map(move |next| next.map(&mut piece)))
    })
}

/// Returns an error without its declaration. `s3s` sends it in one piece; other pieces have none.
fn without_declaration(piece: &Bytes) -> Option<Bytes> {
    let end = b"?>";
    let at = piece.windows(end.len()).position(|bytes| bytes == end)?;
    piece.starts_with(b"<?xml").then(|| piece.slice(at + end.len()..))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures_util::stream;

    use super::*;
    use crate::error::exists;

    /// `s3s` sends the body of an error at the end of a response that has started, and not its headers.
    #[tokio::test]
    async fn an_error_after_the_start_has_its_elements() {
        let operation = Box::pin(async { Err(exists()) });
        let output = CompleteMultipartUploadOutput { future: Some(operation), ..Default::default() };
        let mut started = response(output);
        let error = started.output.future.take().unwrap().await.err().unwrap();
        let error =
            to_bytes(Body::new(error.to_http_response().unwrap().into_body()), usize::MAX).await.unwrap();
        let pieces =
            [Bytes::from("<?xml version=\"1.0\"?>"), Bytes::from(" "), error].map(std::io::Result::Ok);
        let mut response = Response::new(Body::from_stream(stream::iter(pieces)));
        *response.extensions_mut() = started.extensions;
        let response = finished(response, &RequestId::new());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!(text.matches("<?xml").count(), 1, "{text}");
        assert!(text.starts_with("<?xml version=\"1.0\"?> <Error><Code>PreconditionFailed</Code>"), "{text}");
        assert!(text.contains("<Condition>If-None-Match</Condition><RequestId>"), "{text}");
        assert!(text.ends_with("</RequestId></Error>"), "{text}");
    }
}
