//! Verification of user signatures: Ed25519, and ECDSA on secp256k1 and P-256.

use ed25519_dalek::Verifier as _;
use k256::pkcs8::DecodePublicKey as _;

/// The prefix of an Ed25519 public key in DER.
const ED25519_DER_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// 1.3.6.1.4.1.56387.1.1: a COSE key, used by WebAuthn.
const OID_COSE: [u8; 12] = [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x01];
/// 1.3.6.1.4.1.56387.1.2: a canister signature.
const OID_CANISTER: [u8; 12] = [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x02];

/// Why a signature is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error(
        "the public key is of WebAuthn, which this server does not verify; use an Ed25519, secp256k1 or P-256 key"
    )]
    WebAuthn,
    #[error(
        "the public key is that of a canister (such as Internet Identity on a network), which this server cannot verify; use an \
         Ed25519, secp256k1 or P-256 key"
    )]
    Canister,
    #[error("the public key is not a DER-encoded Ed25519, secp256k1 or P-256 key")]
    UnknownKey,
    #[error("the signature does not have the 64 bytes of its kind")]
    Malformed,
    #[error("the signature is not of this message")]
    Wrong,
}

/// A public key of a user.
#[derive(Debug)]
pub(crate) enum PublicKey {
    Ed25519(ed25519_dalek::VerifyingKey),
    Secp256k1(k256::ecdsa::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Decodes a DER-encoded SubjectPublicKeyInfo.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        if let Some(raw) = der.strip_prefix(&ED25519_DER_PREFIX) {
            let raw = raw.try_into().map_err(|_| SignatureError::UnknownKey)?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(raw);
            return key.map(Self::Ed25519).map_err(|_| SignatureError::UnknownKey);
        }
        if let Ok(key) = k256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Ok(Self::Secp256k1(key));
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Ok(Self::P256(key));
        }
        let has = |oid: &[u8]| der.windows(oid.len()).take(16).any(|window| window == oid);
        Err(match () {
            () if has(&OID_COSE) => SignatureError::WebAuthn,
            () if has(&OID_CANISTER) => SignatureError::Canister,
            () => SignatureError::UnknownKey,
        })
    }

    /// Verifies the signature of a message. ECDSA signs its SHA-256 hash.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match self {
            Self::Ed25519(key) => {
                let signature =
                    ed25519_dalek::Signature::from_slice(signature).map_err(|_| SignatureError::Malformed)?;
                key.verify(message, &signature).map_err(|_| SignatureError::Wrong)
            }
            Self::Secp256k1(key) => {
                let signature =
                    k256::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError::Malformed)?;
                // Both values of s are valid, and some clients do not use the lower one.
                let signature = signature.normalize_s().unwrap_or(signature);
                key.verify(message, &signature).map_err(|_| SignatureError::Wrong)
            }
            Self::P256(key) => {
                let signature =
                    p256::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError::Malformed)?;
                key.verify(message, &signature).map_err(|_| SignatureError::Wrong)
            }
        }
    }
}
