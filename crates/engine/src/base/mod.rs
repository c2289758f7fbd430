//! Common ground of all structures: constants of the layout, checksums, encodings, errors.

pub(crate) mod bytes;
pub(crate) mod caller;
pub(crate) mod checksum;
pub(crate) mod codec;
pub(crate) mod growth;
pub mod layout;
pub(crate) mod open;
pub(crate) mod problem;
pub(crate) mod sha256;
