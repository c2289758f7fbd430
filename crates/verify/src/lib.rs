//! Checks certified replies of the storage canister against the root key of the Internet Computer.
//!
//! A query is answered by one node, which could answer anything. The replies of `get_certified`, `stat_certified`,
//! `list_certified` and `log_certified` have a proof beside them, with which a reader needs to trust neither the node nor
//! whatever is between them: a certificate that the subnet of the canister has signed, and a witness, which is the part of the
//! canister's hash tree that concerns the reply. This crate checks both. It does no I/O, has no clock and needs no randomness, so
//! that it runs wherever Rust does, WebAssembly included.
//!
//! # What is checked
//! - **Certificate**: the signature of the subnet, and if that is not the root subnet, the signature of the root key over the
//!   subnet's key and over its ranges of canisters, among which the canister must be. Its time: at most five minutes old
//!   ([`Verifier::max_age`]) and not in the future ([`Verifier::max_ahead`]).
//! - **Witness**: its root is what the canister has certified.
//! - **Objects**: the metadata is what the tree has under the key ([`record`]), and the value has the size and the SHA-256 that
//!   the metadata names. If the reply has no object, that the tree has none, and that the key is under a prefix of which all
//!   objects are in the tree.
//! - **Pages**: all of the above for each object, the order, and that no object is missing between the first and the last one.
//! - **Log**: the length, and for each entry the path to the certified root ([`log`]).
//!
//! What is *not* checked is that the reply is the newest one: the node can withhold changes as old as the greatest age.
//! A digest that the writer declared and the canister did not compute ([`ChecksumState::Declared`]) proves that the value is the
//! one of which the writer declared the digest.
//!
//! [`ChecksumState::Declared`]: stable_storage_api::ChecksumState::Declared
//!
//! # Example
//! A reply whose certificate is not signed with the root key is refused:
//! ```
//! use candid::Principal;
//! use stable_storage_api::{CertifiedObject, Proof};
//! use storage_verify::{Part, Verifier, VerifyError};
//!
//! let canister = Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").unwrap();
//! let verifier = Verifier::mainnet(canister).max_age(60 * 1_000_000_000);
//! // As `get_certified` returned it.
//! let reply = CertifiedObject {
//!     object: None,
//!     proof: Proof {
//!         // A map of a tree, which is empty, and a signature.
//!         certificate: b"\xa2\x64tree\x81\x00\x69signature\x41\x00".to_vec().into(),
//!         witness: b"\x81\x00".to_vec().into(),
//!     },
//! };
//! let now_ns = 1_780_000_000_000_000_000;
//! let refused = verifier.object("photos/cat.jpg", &reply, now_ns).unwrap_err();
//! assert!(matches!(refused, VerifyError::Signature { part: Part::Certificate, .. }));
//! ```

#![forbid(unsafe_code)]

mod cbor;
mod certificate;
mod error;
mod key;
pub mod limits;
pub mod log;
mod page;
mod record;
mod tree;
mod verifier;

pub use error::{Digest, Part, VerifyError};
pub use key::MAINNET_ROOT_KEY;
pub use record::record;
pub use verifier::{Verifier, check_value};
