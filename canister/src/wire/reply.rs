//! Replying.

use candid::{CandidType, encode_one};
use storage_api::{Appended, Error, ObjectInfo, Result};

use super::Blob;

/// No results, as Candid encodes them.
const NOTHING: &[u8] = b"DIDL\0\0";

/// `variant { Ok : blob }` up to the length of the blob: two types, one value of the second, its first case.
const OK_BLOB: &[u8] = b"DIDL\x02\x6d\x7b\x6b\x01\xbc\x8a\x01\x00\x01\x01\x00";

/// The case of the contract's results that is no error: a subtype of them, because it has fewer cases.
#[derive(CandidType)]
enum Success<T> {
    Ok(T),
}

/// The case that is one, a subtype of all of them.
#[derive(CandidType)]
enum Failure {
    Err(Error),
}

/// What an endpoint returns.
pub(crate) trait Reply {
    /// What the contract says that it replies.
    type Candid;

    /// Replies to the message, or rejects it.
    fn send(self);
}

/// What stands in `Ok`.
pub(crate) trait Answer: CandidType + Sized {
    /// Replies with `Ok` of this.
    fn send_ok(self) {
        send(&encode_one(Success::Ok(self)).expect("the types of the contract can be encoded"));
    }
}

impl Answer for ObjectInfo {}
impl Answer for Appended {}

impl Answer for Blob {
    fn send_ok(mut self) {
        let (header, length) = ok_blob_header(self.len());
        send(self.behind(&header[..length]));
    }
}

impl<T: Answer> Reply for Result<T> {
    type Candid = Self;

    fn send(self) {
        match self {
            Ok(answer) => answer.send_ok(),
            Err(error) => send_error(error),
        }
    }
}

/// Nothing, where the reply has no place for an error: an error rejects the message with its text. As everywhere, an
/// error has changed nothing.
pub(crate) struct Accepted(pub(crate) Result<()>);

impl Reply for Accepted {
    type Candid = ();

    fn send(self) {
        match self.0 {
            Ok(()) => send(NOTHING),
            Err(error) => ic_cdk::api::msg_reject(error.to_string()),
        }
    }
}

#[cold]
fn send_error(error: Error) {
    send(&encode_one(Failure::Err(error)).expect("errors can be encoded"));
}

fn send(bytes: &[u8]) {
    ic0::msg_reply_data_append(bytes);
    ic0::msg_reply();
}

/// What comes before a blob in `Ok`, and how many bytes it has.
fn ok_blob_header(blob_bytes: usize) -> ([u8; super::buffer::HEADER_BYTES], usize) {
    let mut header = [0; super::buffer::HEADER_BYTES];
    header[..OK_BLOB.len()].copy_from_slice(OK_BLOB);
    let (mut at, mut rest) = (OK_BLOB.len(), blob_bytes);
    while rest >= 0x80 {
        header[at] = rest as u8 | 0x80;
        (at, rest) = (at + 1, rest >> 7);
    }
    header[at] = rest as u8;
    (header, at + 1)
}

#[cfg(test)]
mod tests {
    use candid::{Decode, decode_one};
    use serde_bytes::{ByteBuf, Bytes};
    use storage_api::limits::MAX_REPLY_BYTES;

    use super::*;

    #[test]
    fn a_blob_is_encoded_as_candid_encodes_it() {
        for bytes in [0, 1, 127, 128, 16_383, 16_384, MAX_REPLY_BYTES as usize] {
            let value: Vec<_> = (0..bytes).map(|i| i as u8).collect();
            let mut blob = Blob::fill(|place| {
                place[..bytes].copy_from_slice(&value);
                Ok(bytes)
            })
            .unwrap();
            let (header, length) = ok_blob_header(bytes);
            let reply = blob.behind(&header[..length]).to_vec();
            assert!(reply == encode_one(Success::Ok(&blob)).unwrap(), "{bytes} bytes");
            assert!(reply == encode_one(Success::Ok(ByteBuf::from(value.clone()))).unwrap(), "{bytes} bytes");
            assert_eq!(decode_one::<Result<ByteBuf>>(&reply).unwrap(), Ok(ByteBuf::from(value)));
        }
    }

    #[test]
    fn an_error_is_the_result_of_every_method() {
        let error = Error::TooLarge { size: 2, limit: 1 };
        let reply = encode_one(Failure::Err(error.clone())).unwrap();
        assert_eq!(Decode!(&reply, Result<ByteBuf>).unwrap(), Err(error.clone()));
        assert_eq!(Decode!(&reply, Result<ObjectInfo>).unwrap(), Err(error));
    }

    #[test]
    fn nothing_is_encoded_as_candid_encodes_it() {
        assert_eq!(NOTHING, candid::encode_args(()).unwrap());
    }

    #[test]
    fn a_blob_finds_another_place_where_the_buffer_is_taken() {
        let first = Blob::fill(|place| Ok(place[..5].copy_from_slice(b"first")).map(|()| 5)).unwrap();
        let second = Blob::fill(|place| Ok(place[..6].copy_from_slice(b"second")).map(|()| 6)).unwrap();
        assert_eq!(encode_one(&first).unwrap(), encode_one(Bytes::new(b"first")).unwrap());
        assert_eq!(encode_one(&second).unwrap(), encode_one(Bytes::new(b"second")).unwrap());
        assert_eq!(Blob::fill(|_| Err(Error::NotFound)).err(), Some(Error::NotFound));
    }
}
