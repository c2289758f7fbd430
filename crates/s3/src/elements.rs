//! The elements of bodies of XML. `s3s` skips those that it does not know, and sections of CDATA: a request would be run as
//! another one than the client has sent.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use quick_xml::{Reader, events::Event};
use s3s::{S3Result, s3_error};

use crate::error::not_implemented;

/// The elements of each body that is parsed, after that of the root.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "CompleteMultipartUpload",
        &[
            "ChecksumCRC32",
            "ChecksumCRC32C",
            "ChecksumCRC64NVME",
            "ChecksumSHA1",
            "ChecksumSHA256",
            "ETag",
            "Part",
            "PartNumber",
        ],
    ),
    ("CreateBucketConfiguration", &["LocationConstraint"]),
    ("Delete", &["ETag", "Key", "LastModifiedTime", "Object", "Quiet", "Size", "VersionId"]),
];

/// Returns a body as one piece, after its elements were checked. It is in memory as a whole, as it is when `s3s` parses it.
pub(crate) fn checked(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::once(async move {
        let add = |mut body: BytesMut, piece: Bytes| async move {
            body.extend_from_slice(&piece);
            Ok(body)
        };
        let body = pieces.boxed().try_fold(BytesMut::new(), add).await?.freeze();
        check(&body).map_err(io::Error::other)?;
        Ok(body)
    })
}

/// Checks the elements of a body.
///
/// # Errors
/// `NotImplemented` for an element that is not known, `MalformedXML` for a section of CDATA. Whatever else is wrong with a body,
/// `s3s` finds.
fn check(body: &[u8]) -> S3Result<()> {
    let mut reader = Reader::from_reader(body);
    let mut root: Option<&(&str, &[&str])> = None;
    loop {
        match reader.read_event() {
            Ok(Event::CData(_)) => {
                return Err(s3_error!(MalformedXML, "the gateway does not read sections of CDATA"));
            }
            Ok(Event::Start(element) | Event::Empty(element)) => {
                let name = element.local_name();
                let name = String::from_utf8_lossy(name.as_ref());
                match root {
                    Some((root, known)) if !known.contains(&&*name) => {
                        return Err(not_implemented(&format!("{root} with the element {name}")));
                    }
                    Some(_) => {}
                    None => root = KNOWN.iter().find(|(root, _)| *root == name),
                }
                if root.is_none() {
                    return Ok(());
                }
            }
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    fn code(body: &str) -> Option<S3ErrorCode> {
        check(body.as_bytes()).err().map(|error| error.code().clone())
    }

    #[test]
    fn what_would_be_skipped_is_refused() {
        let delete =
            |key: &str| format!("<Delete xmlns=\"http://s3\"><Object><Key>{key}</Key></Object></Delete>");
        assert_eq!(code(&delete("a&amp;b")), None);
        assert_eq!(code(&delete("x<![CDATA[1]]>")), Some(S3ErrorCode::MalformedXML));
        assert_eq!(code(&delete("x<New/>")), Some(S3ErrorCode::NotImplemented));
        let create =
            "<?xml version=\"1.0\"?><CreateBucketConfiguration><LocationConstraint>eu</LocationConstraint>";
        assert_eq!(code(&format!("{create}</CreateBucketConfiguration>")), None);
        let tags = format!("{create}<Tags><Tag/></Tags></CreateBucketConfiguration>");
        assert_eq!(code(&tags), Some(S3ErrorCode::NotImplemented));
        // s3s says what is wrong with these.
        for body in ["", "no XML", "<Other><Tags/></Other>", "<Delete><"] {
            assert_eq!(code(body), None, "{body}");
        }
    }
}
