//! State tree and signatures of a network with a single subnet.

use std::time::{SystemTime, UNIX_EPOCH};

use candid::Principal;
use ic_agent::{
    Certificate, Identity,
    agent::RejectResponse,
    hash_tree::{HashTree, Label, fork, label, leaf},
    identity::BasicIdentity,
};
use ic_transport_types::{NodeSignature, QueryResponse, ReplyResponse, RequestId};
use ic_verify_bls_signature::PrivateKey;

/// Prefix of a DER-encoded BLS key.
const DER_PREFIX: &str = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";

/// Outcome of a call.
#[derive(Clone)]
pub(crate) enum Outcome {
    Reply(Vec<u8>),
    Reject(RejectResponse),
}

type Tree = HashTree<Vec<u8>>;

/// The keys of a network of one subnet with one node.
pub(crate) struct Keys {
    root: PrivateKey,
    node: BasicIdentity,
}

impl Keys {
    /// Creates keys that differ for each number.
    pub(crate) fn new(number: u8) -> Self {
        Self {
            root: PrivateKey::deserialize(&[number; 32]).unwrap(),
            node: BasicIdentity::from_raw_key(&[number; 32]),
        }
    }

    /// Returns the root key in the form of the status endpoint.
    pub(crate) fn root_key(&self) -> Vec<u8> {
        let mut key = hex::decode(DER_PREFIX).unwrap();
        key.extend(self.root.public_key().serialize());
        key
    }

    /// Certifies the outcome of a request.
    pub(crate) fn certify_outcome(&self, request: RequestId, outcome: &Outcome) -> Vec<u8> {
        let status = match outcome {
            Outcome::Reply(reply) => {
                vec![label("reply", leaf(reply.clone())), label("status", leaf(*b"replied"))]
            }
            Outcome::Reject(reject) => vec![
                label("error_code", leaf(reject.error_code.clone().unwrap_or_default())),
                label("reject_code", leaf([reject.reject_code as u8])),
                label("reject_message", leaf(reject.reject_message.clone())),
                label("status", leaf(*b"rejected")),
            ],
        };
        self.certify("request_status", label(Label::from_bytes(request.as_slice()), joined(status)))
    }

    /// Certifies the subnet's nodes and its canister range, which is all canisters.
    pub(crate) fn certify_subnet(&self) -> Vec<u8> {
        let all = vec![(Principal::from_slice(&[]), Principal::from_slice(&[0xff; 29]))];
        let node = label("public_key", leaf(self.node.public_key().unwrap()));
        let subnet = joined(vec![
            label("canister_ranges", leaf(serde_cbor::to_vec(&all).unwrap())),
            label("node", label(Label::from_bytes(self.node_id().as_slice()), node)),
            label("public_key", leaf(self.root_key())),
        ]);
        let id = Principal::self_authenticating(self.root_key());
        self.certify("subnet", label(Label::from_bytes(id.as_slice()), subnet))
    }

    /// Returns a reply to a query, signed by the node.
    pub(crate) fn sign_query(&self, request: RequestId, outcome: &Outcome) -> QueryResponse {
        let unsigned = unsigned(outcome);
        let timestamp = now_ns();
        let signature = self.node.sign_arbitrary(&unsigned.signable(request, timestamp)).unwrap();
        let signature =
            NodeSignature { timestamp, signature: signature.signature.unwrap(), identity: self.node_id() };
        match unsigned {
            QueryResponse::Replied { reply, .. } => {
                QueryResponse::Replied { reply, signatures: vec![signature] }
            }
            QueryResponse::Rejected { reject, .. } => {
                QueryResponse::Rejected { reject, signatures: vec![signature] }
            }
        }
    }

    fn node_id(&self) -> Principal {
        self.node.sender().unwrap()
    }

    fn certify(&self, name: &str, content: Tree) -> Vec<u8> {
        let mut time = Vec::new();
        candid::types::leb128::encode_nat(&mut time, now_ns().into()).unwrap();
        let tree = fork(label(name, content), label("time", leaf(time)));
        let mut message = b"\x0Dic-state-root".to_vec();
        message.extend(tree.digest());
        let signature = self.root.sign(&message).serialize().to_vec();
        serde_cbor::to_vec(&Certificate { tree, signature, delegation: None }).unwrap()
    }
}

/// Returns a reply to a query without a signature.
pub(crate) fn unsigned(outcome: &Outcome) -> QueryResponse {
    let signatures = Vec::new();
    match outcome.clone() {
        Outcome::Reply(arg) => QueryResponse::Replied { reply: ReplyResponse { arg }, signatures },
        Outcome::Reject(reject) => QueryResponse::Rejected { reject, signatures },
    }
}

/// Joins trees, which must be in the order of their labels.
fn joined(trees: Vec<Tree>) -> Tree {
    let mut trees = trees.into_iter().rev();
    let last = trees.next().unwrap();
    trees.fold(last, |right, left| fork(left, right))
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}
