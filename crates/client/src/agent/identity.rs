//! In whose name a replica is called.

use std::{fmt, sync::Arc};

use ic_agent::{
    Identity,
    identity::{AnonymousIdentity, BasicIdentity, Prime256v1Identity, Secp256k1Identity},
};

/// In whose name a replica is called.
#[derive(Clone)]
pub enum AgentIdentity {
    /// Nobody's. Anonymous callers never write.
    Anonymous,
    /// That of the private key in these bytes of a PEM file: Ed25519 in PKCS#8, or secp256k1 or prime256v1 in SEC1 or PKCS#8.
    Pem(Vec<u8>),
}

impl fmt::Debug for AgentIdentity {
    /// Shows no key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Pem(_) => "Pem(..)",
        })
    }
}

/// Why a PEM file gives no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key is encrypted.
    #[error(
        "the private key in the PEM file is encrypted; decrypt it first, for example with: openssl pkey -in FILE -out PLAIN"
    )]
    Encrypted,
    /// There is no private key.
    #[error(
        "there is no private key in the PEM file, which should have a line such as -----BEGIN PRIVATE KEY-----"
    )]
    NoKey,
    /// There is a private key, and it is of none of the kinds that the Internet Computer knows.
    #[error(
        "the private key in the PEM file is neither Ed25519 nor secp256k1 nor prime256v1, or it is damaged: {reason}"
    )]
    UnknownKey {
        /// What each of the kinds had to say.
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
    // Those of elliptic curves look at the curve's name; Ed25519 takes any key of 32 bytes, so it comes last.
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
