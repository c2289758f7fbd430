//! Identity of the caller on a replica.

use std::{fmt, sync::Arc};

use ic_agent::{
    Identity,
    identity::{AnonymousIdentity, BasicIdentity, Prime256v1Identity, Secp256k1Identity},
};

/// Identity of the caller on a replica.
#[derive(Clone)]
pub enum AgentIdentity {
    /// Anonymous. Anonymous callers cannot write.
    Anonymous,
    /// Private key in a PEM file: Ed25519 in PKCS#8, or secp256k1 or prime256v1 in SEC1 or PKCS#8.
    Pem(Vec<u8>),
}

impl fmt::Debug for AgentIdentity {
    /// Does not show the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Pem(_) => "Pem(..)",
        })
    }
}

/// Reason why a PEM file is not an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key is encrypted.
    #[error(
        "the private key in the PEM file is encrypted; decrypt it with: openssl pkey -in FILE -out PLAIN"
    )]
    Encrypted,
    /// There is no private key.
    #[error("the PEM file has no private key, that is no line such as -----BEGIN PRIVATE KEY-----")]
    NoKey,
    /// The private key is of a kind that the Internet Computer does not support.
    #[error("the private key in the PEM file is not a valid Ed25519, secp256k1 or prime256v1 key: {reason}")]
    UnknownKey {
        /// The error of each kind's parser.
        reason: String,
    },
}

impl IdentityError {
    pub(super) fn no_sender(reason: String) -> Self {
        Self::UnknownKey { reason }
    }
}

impl AgentIdentity {
    pub(super) fn load(&self) -> Result<Arc<dyn Identity>, IdentityError> {
        match self {
            Self::Anonymous => Ok(Arc::new(AnonymousIdentity)),
            Self::Pem(bytes) => from_pem(bytes),
        }
    }
}

fn from_pem(bytes: &[u8]) -> Result<Arc<dyn Identity>, IdentityError> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(IdentityError::Encrypted);
    }
    if !text.contains("PRIVATE KEY-----") {
        return Err(IdentityError::NoKey);
    }
    // The parsers of elliptic curves check the curve's name. Ed25519 accepts any key of 32 bytes, so it is tried last.
    let secp256k1 = match Secp256k1Identity::from_pem(bytes) {
        Ok(identity) => return Ok(Arc::new(identity)),
        Err(error) => error,
    };
    let prime256v1 = match Prime256v1Identity::from_pem(bytes) {
        Ok(identity) => return Ok(Arc::new(identity)),
        Err(error) => error,
    };
    match BasicIdentity::from_pem(bytes) {
        Ok(identity) => Ok(Arc::new(identity)),
        Err(ed25519) => Err(IdentityError::UnknownKey {
            reason: format!("as secp256k1: {secp256k1}; as prime256v1: {prime256v1}; as Ed25519: {ed25519}"),
        }),
    }
}
