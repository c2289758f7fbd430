//! Private keys in PEM files. The expected principals belong to the public keys that openssl derives from them.

use candid::Principal;
use storage_client::{AgentIdentity, AgentOptions, AgentTransport, ConnectError, IdentityError};

use crate::{KEY, canister};

const ED25519_PUBLIC: &str =
    "302a300506032b657003210092a5e5a9f30aec0c646eab5f0477e57e56c2d4b940dd4ab79f61a1c54f903a26";
const SECP256K1_PUBLIC: &str = "3056301006072a8648ce3d020106052b8104000a03420004dbdf2cdd9d9c34f88ab56a153a90d0d5633db\
cf427ad8a4a7ffdce98124dc6dd96e4f674f50ba1d2e8b2db42ee5ac00bf48510e467838ec2a7546adf488eaa3d";
const PRIME256V1_PUBLIC: &str = "3059301306072a8648ce3d020106082a8648ce3d03010703420004149b670c2da9de8c8dbcb93c5e08a4\
ff2bec40962eb2b75c700d5c9abfc4cf554143bd1673eb3d97e23b244fa12252fe5d14e06dce0b970212b66bb32ea80cc5";

/// Loads an identity. The replica need not be reachable.
async fn load(pem: &[u8]) -> Result<Principal, IdentityError> {
    let identity = AgentIdentity::Pem(pem.to_vec());
    let options = AgentOptions { identity, ..AgentOptions::new("https://icp-api.io", canister()) };
    match AgentTransport::connect(options).await {
        Ok(transport) => Ok(transport.sender()),
        Err(ConnectError::Identity(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// All kinds of keys of the Internet Computer are read, in both of their forms.
#[tokio::test]
async fn keys_of_all_kinds_are_read() {
    let keys: [(&[u8], &str); 5] = [
        (KEY, ED25519_PUBLIC),
        (include_bytes!("keys/secp256k1.pem"), SECP256K1_PUBLIC),
        (include_bytes!("keys/secp256k1-pkcs8.pem"), SECP256K1_PUBLIC),
        (include_bytes!("keys/prime256v1.pem"), PRIME256V1_PUBLIC),
        (include_bytes!("keys/prime256v1-pkcs8.pem"), PRIME256V1_PUBLIC),
    ];
    for (pem, public) in keys {
        let expected = Principal::self_authenticating(hex::decode(public).unwrap());
        assert_eq!(load(pem).await.unwrap(), expected, "{}", String::from_utf8_lossy(pem));
    }
}

/// The error for an encrypted key says that it is encrypted.
#[tokio::test]
async fn encrypted_keys_are_reported_as_encrypted() {
    for pem in [&include_bytes!("keys/encrypted.pem")[..], include_bytes!("keys/encrypted-sec1.pem")] {
        let error = load(pem).await.unwrap_err();
        assert!(matches!(error, IdentityError::Encrypted), "{error}");
        assert!(error.to_string().contains("openssl pkey"), "{error}");
    }
}

/// Keys of other kinds, corrupt keys and files without a key have different errors.
#[tokio::test]
async fn files_without_a_usable_key_are_rejected() {
    let damaged = String::from_utf8_lossy(KEY).replace("MC4CAQAw", "AAAAAAAA");
    for pem in [&include_bytes!("keys/rsa.pem")[..], include_bytes!("keys/secp384r1.pem"), damaged.as_bytes()]
    {
        let error = load(pem).await.unwrap_err();
        assert!(matches!(error, IdentityError::UnknownKey { .. }), "{error}");
    }
    for pem in [&b""[..], b"text", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(load(pem).await, Err(IdentityError::NoKey)));
    }
}

/// The private key is not in the debug output.
#[test]
fn a_key_is_not_shown() {
    let shown = format!(
        "{:?}",
        AgentOptions { identity: AgentIdentity::Pem(KEY.to_vec()), ..AgentOptions::new("url", canister()) }
    );
    assert!(shown.contains("Pem(..)"), "{shown}");
}
