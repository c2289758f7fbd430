//! Replying.

use candid::{CandidType, encode_one};
use storage_api::{Appended, Error, ObjectInfo, Result};

use super::Blob;
use super::buffer::HEADER_BYTES;

/// No results, as Candid encodes them.
const NOTHING: &[u8] = b"DIDL\0\0";

/// `variant { Ok : ObjectInfo }` up to the record, without the optional digest: three types, one value of the first, its first case. The fields of the
/// record are in the order of their hashes: key, modified_ns, size, content_type, created_ns, revision.
const OK_OBJECT: &[u8] = b"DIDL\x03\x6b\x01\xbc\x8a\x01\x01\x6c\x06\x9f\x93\xc6\x02\x71\xbb\x9d\xf0\x8e\x01\x78\xc1\xc1\xce\xe2\x04\x78\
\xc0\xe5\xeb\x9b\x05\x02\xfc\xc2\xd9\xd0\x06\x78\xdb\xff\xc6\xff\x0c\x78\x6e\x71\x01\x00\x00";

/// `variant { Ok : Appended }` up to the record, whose fields are first and next in this order.
const OK_APPENDED: &[u8] =
    b"DIDL\x02\x6b\x01\xbc\x8a\x01\x01\x6c\x02\xb0\xf0\xf5\x04\x78\xf3\x89\x8a\xc8\x04\x78\x01\x00\x00";

/// `variant { Ok : blob }` up to the length of the blob: two types, one value of the first, its first case.
const OK_BLOB: &[u8] = b"DIDL\x02\x6b\x01\xbc\x8a\x01\x01\x6d\x7b\x01\x00\x00";

/// The most bytes that the LEB128 of a length has: 7 bits in each.
const LEB128_BYTES: usize = usize::BITS.div_ceil(7) as usize;

const _: () = assert!(OK_BLOB.len() + LEB128_BYTES <= HEADER_BYTES);

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

// Candid spends more on the types of these two than `put` and `append` spend on small values, so they are encoded by hand.

impl Answer for ObjectInfo {
    fn send_ok(self) {
        send(&ok_object(self));
    }
}

impl Answer for Appended {
    fn send_ok(self) {
        send(&ok_appended(self));
    }
}

impl Answer for bool {}
impl Answer for Vec<ObjectInfo> {}

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

/// `Ok` of an object. Few objects have a digest, so it is left out where there is none; those that have one are encoded by
/// Candid.
fn ok_object(object: ObjectInfo) -> Vec<u8> {
    if object.sha256.is_some() {
        return encode_one(Success::Ok(object)).expect("the types of the contract can be encoded");
    }
    let content_type = object.content_type.as_deref().unwrap_or("");
    let mut reply = Vec::with_capacity(OK_OBJECT.len() + 64 + object.key.len() + content_type.len());
    reply.extend_from_slice(OK_OBJECT);
    put_text(&mut reply, &object.key);
    reply.extend_from_slice(&object.modified_ns.to_le_bytes());
    reply.extend_from_slice(&object.size.to_le_bytes());
    reply.push(u8::from(object.content_type.is_some()));
    if object.content_type.is_some() {
        put_text(&mut reply, content_type);
    }
    reply.extend_from_slice(&object.created_ns.to_le_bytes());
    reply.extend_from_slice(&object.revision.to_le_bytes());
    reply
}

/// `Ok` of what was appended, as Candid encodes it.
fn ok_appended(appended: Appended) -> Vec<u8> {
    [OK_APPENDED, &appended.first.to_le_bytes(), &appended.next.to_le_bytes()].concat()
}

fn put_text(reply: &mut Vec<u8>, text: &str) {
    let (length, bytes) = leb128(text.len());
    reply.extend_from_slice(&length[..bytes]);
    reply.extend_from_slice(text.as_bytes());
}

/// What comes before a blob in `Ok`, and how many bytes it has.
fn ok_blob_header(blob_bytes: usize) -> ([u8; HEADER_BYTES], usize) {
    let mut header = [0; HEADER_BYTES];
    let (length, bytes) = leb128(blob_bytes);
    header[..OK_BLOB.len()].copy_from_slice(OK_BLOB);
    header[OK_BLOB.len()..][..bytes].copy_from_slice(&length[..bytes]);
    (header, OK_BLOB.len() + bytes)
}

/// A length as an unsigned LEB128 number, and how many bytes that has.
fn leb128(mut length: usize) -> ([u8; LEB128_BYTES], usize) {
    let (mut bytes, mut at) = ([0; LEB128_BYTES], 0);
    while length >= 0x80 {
        bytes[at] = length as u8 | 0x80;
        (at, length) = (at + 1, length >> 7);
    }
    bytes[at] = length as u8;
    (bytes, at + 1)
}

#[cfg(test)]
mod tests {
    use candid::{Decode, decode_one};
    use proptest::prelude::*;
    use serde_bytes::{ByteBuf, Bytes};
    use storage_api::limits::MAX_REPLY_BYTES;
    use storage_api::{Checksum, ChecksumState};

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

    proptest! {
        #[test]
        fn an_object_is_decoded_as_what_it_was(
            key in ".{0,200}", content_type: Option<String>, numbers: (u64, u64, u64, u64), has_digest: bool,
        ) {
            let (size, revision, created_ns, modified_ns) = numbers;
            let checksum = Checksum { digest: ByteBuf::from([7; 32]), state: ChecksumState::Verified };
            let sha256 = has_digest.then_some(checksum);
            let object = ObjectInfo { key, size, revision, content_type, created_ns, modified_ns, sha256 };
            let reply = ok_object(object.clone());
            prop_assert_eq!(decode_one::<Result<ObjectInfo>>(&reply).unwrap(), Ok(object));
        }

        #[test]
        fn what_was_appended_is_encoded_as_candid_encodes_it(first: u64, next: u64) {
            let appended = Appended { first, next };
            let reply = ok_appended(appended);
            prop_assert_eq!(&reply, &encode_one(Success::Ok(appended)).unwrap());
            prop_assert_eq!(decode_one::<Result<Appended>>(&reply).unwrap(), Ok(appended));
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
        let blob_of = |bytes: &[u8]| {
            let filled = Blob::fill(|place| {
                place[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            });
            filled.unwrap()
        };
        let first = blob_of(b"first");
        let second = blob_of(b"second");
        assert_eq!(encode_one(&first).unwrap(), encode_one(Bytes::new(b"first")).unwrap());
        assert_eq!(encode_one(&second).unwrap(), encode_one(Bytes::new(b"second")).unwrap());
        assert_eq!(Blob::fill(|_| Err(Error::NotFound)).err(), Some(Error::NotFound));
    }
}
