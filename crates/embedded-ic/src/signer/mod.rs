//! Certificates and signatures: what a client needs to verify that an answer is the canister's.
//!
//! The host plays a network of one subnet with one node. The subnet signs the state tree with the root key, and the tree
//! vouches for the key of the node, which signs the replies of queries.

mod keyring;
mod keys;
mod state;
mod tree;

use candid::Principal;
use ed25519_dalek::Signer as _;
use ic_certification::Certificate;
use serde_cbor::Serializer;

pub(crate) use keyring::Keyring;
pub(crate) use state::Certifier;
pub use state::Metadata;
pub use tree::StateTree;

use keys::Keys;

/// What the subnet signs is this and the hash of the state tree.
const STATE_ROOT_DOMAIN: &[u8] = b"\x0dic-state-root";
/// What a BLS12-381 public key in DER begins with.
const BLS_DER_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
    0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03, 0x02, 0x01,
    0x03, 0x61, 0x00,
];
/// What an Ed25519 public key in DER begins with.
const ED25519_DER_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signs as the subnet and as its node. The secret keys never leave it.
pub struct Signer {
    keys: Keys,
    root_key: Vec<u8>,
    node_key: Vec<u8>,
    subnet_id: Principal,
    node_id: Principal,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("subnet_id", &self.subnet_id.to_text()).finish_non_exhaustive()
    }
}

impl Signer {
    fn new(keys: Keys) -> Self {
        let root_key = [&BLS_DER_PREFIX[..], &keys.root.public_key().serialize()].concat();
        let node_key = [&ED25519_DER_PREFIX[..], keys.node.verifying_key().as_bytes()].concat();
        let subnet_id = Principal::self_authenticating(&root_key);
        let node_id = Principal::self_authenticating(&node_key);
        Self { keys, root_key, node_key, subnet_id, node_id }
    }

    /// The root key: a BLS12-381 public key in DER, 133 bytes.
    #[must_use]
    pub fn root_key(&self) -> &[u8] {
        &self.root_key
    }

    /// The public key of the node: Ed25519 in DER, 44 bytes.
    #[must_use]
    pub fn node_key(&self) -> &[u8] {
        &self.node_key
    }

    /// The id of the subnet, which follows from the root key.
    #[must_use]
    pub fn subnet_id(&self) -> Principal {
        self.subnet_id
    }

    /// The id of the node, which follows from its key.
    #[must_use]
    pub fn node_id(&self) -> Principal {
        self.node_id
    }

    /// Returns a certificate in CBOR, signed with the root key. It shows the given paths of a state tree, with all that is
    /// below them, and proves that a path is absent where there is nothing; everything else is pruned.
    #[must_use]
    pub fn certify(&self, tree: &StateTree, paths: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let tree = tree.witness(paths);
        let message = [STATE_ROOT_DOMAIN, &tree.digest()].concat();
        let signature = self.keys.root.sign(&message).serialize().to_vec();
        to_cbor(&Certificate { tree, signature, delegation: None })
    }

    /// Signs a message with the key of the node: 64 bytes.
    #[must_use]
    pub fn sign_as_node(&self, message: &[u8]) -> [u8; 64] {
        self.keys.node.sign(message).to_bytes()
    }
}

/// CBOR that begins with the tag that says so, as the interface specification has it.
fn to_cbor(value: &impl serde::Serialize) -> Vec<u8> {
    let mut serializer = Serializer::new(Vec::new());
    serializer.self_describe().expect("a vector takes any number of bytes");
    value.serialize(&mut serializer).expect("a vector takes any number of bytes");
    serializer.into_inner()
}
