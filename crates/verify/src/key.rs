//! Public keys of subnets.

use ic_verify_bls_signature::{PublicKey, Signature};

use crate::error::{Digest, Part, VerifyError};

/// The root key of the Internet Computer's mainnet: BLS12-381 in DER, 133 bytes.
pub const MAINNET_ROOT_KEY: [u8; 133] = *b"\
    \x30\x81\x82\x30\x1d\x06\x0d\x2b\x06\x01\x04\x01\x82\xdc\x7c\x05\x03\x01\x02\x01\
    \x06\x0c\x2b\x06\x01\x04\x01\x82\xdc\x7c\x05\x03\x02\x01\x03\x61\x00\
    \x81\x4c\x0e\x6e\xc7\x1f\xab\x58\x3b\x08\xbd\x81\x37\x3c\x25\x5c\x3c\x37\x1b\x2e\
    \x84\x86\x3c\x98\xa4\xf1\xe0\x8b\x74\x23\x5d\x14\xfb\x5d\x9c\x0c\xd5\x46\xd9\x68\
    \x5f\x91\x3a\x0c\x0b\x2c\xc5\x34\x15\x83\xbf\x4b\x43\x92\xe4\x67\xdb\x96\xd6\x5b\
    \x9b\xb4\xcb\x71\x71\x12\xf8\x47\x2e\x0d\x5a\x4d\x14\x50\x5f\xfd\x74\x84\xb0\x12\
    \x91\x09\x1c\x5f\x87\xb9\x88\x83\x46\x3f\x98\x09\x1a\x0b\xaa\xae";

/// What comes before the 96 bytes of the key in DER.
const DER_PREFIX: &[u8] = MAINNET_ROOT_KEY.split_at(37).0;

/// What a subnet signs is this and the root of its state tree.
const STATE_ROOT_SEPARATOR: &[u8] = b"\x0dic-state-root";

/// Decodes a key in DER.
pub(crate) fn decode(what: &'static str, der: &[u8]) -> Result<PublicKey, VerifyError> {
    let key = der.strip_prefix(DER_PREFIX).and_then(|key| PublicKey::deserialize(key).ok());
    key.ok_or(VerifyError::PublicKey { what, bytes: der.len() })
}

/// Checks the signature over the root of a state tree.
pub(crate) fn check(key: &PublicKey, part: Part, root: Digest, signature: &[u8]) -> Result<(), VerifyError> {
    let message = [STATE_ROOT_SEPARATOR, &root.0].concat();
    let verified =
        Signature::deserialize(signature).is_ok_and(|signature| key.verify(&message, &signature).is_ok());
    if verified { Ok(()) } else { Err(VerifyError::Signature { part, root }) }
}
