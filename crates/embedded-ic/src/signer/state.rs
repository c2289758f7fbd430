//! What the state tree says of the canister and of the subnet.

use std::sync::Arc;

use candid::Principal;

use super::{Keyring, Signer, StateTree, to_cbor};
use crate::error::HostError;
use crate::host::EmbeddedIc;
use crate::module::Prepared;
use crate::system_api::CanisterEnv;

/// Makes the data certificate of a query, if the canister asks for it.
#[derive(Clone, Default)]
pub(crate) struct Certifier {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) module: Option<Arc<Prepared>>,
}

impl Certifier {
    /// A certificate of the canister's certified data; none where nothing can be signed, because the folder is only read
    /// and has no keys.
    pub(crate) fn data_certificate(&self, env: &CanisterEnv) -> Result<Option<Vec<u8>>, HostError> {
        let signer = match self.keyring.signer() {
            Err(HostError::ReadOnly { .. }) => return Ok(None),
            signer => signer?,
        };
        let tree = state_tree(&signer, env, self.module.as_deref());
        let data = [&b"canister"[..], env.canister_id.as_slice(), b"certified_data"];
        let paths = [data.map(<[u8]>::to_vec).to_vec(), vec![b"time".to_vec()]];
        Ok(Some(signer.certify(&tree, &paths)))
    }
}

impl EmbeddedIc {
    /// Returns what signs for this host. Its keys are made on first use, and kept in the folder, in a file that only its
    /// owner can read; those of a host in memory last as long as the host.
    ///
    /// # Errors
    /// `ReadOnly` if there are no keys yet and the folder is only read; `Damaged`, `UnknownVersion`, `Io`.
    pub fn signer(&self) -> Result<Arc<Signer>, HostError> {
        self.keyring.signer()
    }

    /// Returns the committed state as a replica certifies it: time, subnet and canister. Outcomes of messages are not in
    /// it, for the host does not keep them.
    ///
    /// # Errors
    /// As [`Self::signer`].
    pub fn state_tree(&self) -> Result<StateTree, HostError> {
        Ok(state_tree(&*self.signer()?, &self.committed.env, self.module.as_deref()))
    }

    /// Returns the custom sections that the module declares as metadata: `icp:public NAME` and `icp:private NAME`.
    #[must_use]
    pub fn metadata(&self) -> &[Metadata] {
        self.module.as_ref().map_or(&[], |module| &module.metadata)
    }
}

/// A custom section of a module that certificates contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The name, without `icp:public ` or `icp:private `.
    pub name: String,
    /// Whether everybody may read it, or only controllers.
    pub is_public: bool,
    /// What it holds.
    pub content: Vec<u8>,
}

fn state_tree(signer: &Signer, env: &CanisterEnv, module: Option<&Prepared>) -> StateTree {
    let mut tree = StateTree::default();
    tree.set_time(env.time_ns);
    add_subnet(&mut tree, signer, env.canister_id);
    let id = env.canister_id.as_slice();
    let canister = |name: &'static [u8]| [&b"canister"[..], id, name];
    tree.insert(&canister(b"certified_data"), &env.certified_data[..]);
    tree.insert(&canister(b"controllers"), to_cbor(&env.controllers));
    if let Some(module) = module {
        tree.insert(&canister(b"module_hash"), module.hash);
        for Metadata { name, content, .. } in &module.metadata {
            tree.insert(&[b"canister", id, b"metadata", name.as_bytes()], &content[..]);
        }
    }
    tree
}

/// The subnet has one node and one canister. The ranges of its canisters are given in both forms that clients look for.
fn add_subnet(tree: &mut StateTree, signer: &Signer, canister: Principal) {
    let (subnet, node) = (signer.subnet_id(), signer.node_id());
    let ranges = to_cbor(&[(canister, canister)]);
    let below = |name: &'static [u8]| [&b"subnet"[..], subnet.as_slice(), name];
    tree.insert(&below(b"canister_ranges"), &ranges[..]);
    tree.insert(&below(b"public_key"), signer.root_key());
    tree.insert(&below(b"type"), &b"application"[..]);
    tree.insert(&[b"subnet", subnet.as_slice(), b"node", node.as_slice(), b"public_key"], signer.node_key());
    tree.insert(&[b"canister_ranges", subnet.as_slice(), canister.as_slice()], ranges);
}
