//! The contract, embedded in the module.

/// `storage.did` as public metadata of the module, the standard location of a canister's interface.
#[cfg(target_arch = "wasm32")]
#[used]
// SAFETY: the section is a custom section of the module, which only metadata tools read.
#[unsafe(link_section = "icp:public candid:service")]
static CANDID: [u8; include_bytes!("../../storage.did").len()] = *include_bytes!("../../storage.did");

/// Types of the argument of install and upgrade, which tools read when they install the module.
#[cfg(any(target_arch = "wasm32", test))]
const ARGUMENTS: &str = "(opt record { capacity : opt nat64; public_read : opt bool; max_uploads : opt nat64; upload_idle_ns : opt nat64 })";

/// [`ARGUMENTS`] as public metadata.
#[cfg(target_arch = "wasm32")]
#[used]
// SAFETY: see above.
#[unsafe(link_section = "icp:public candid:args")]
static CANDID_ARGS: [u8; ARGUMENTS.len()] =
    *ARGUMENTS.as_bytes().first_chunk().expect("the array has the length of the text");

/// The signature of an exported method.
#[cfg(test)]
pub(crate) struct Signature {
    pub(crate) export: &'static str,
    pub(crate) arguments: &'static [&'static storage_wire::Type],
    pub(crate) answers: &'static str,
    pub(crate) reply: &'static storage_wire::Type,
}

#[cfg(test)]
mod tests;
