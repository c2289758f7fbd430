//! The contract, as the module carries it.

/// `storage.did` as public metadata of the module, where tools look for a canister's interface.
#[cfg(target_arch = "wasm32")]
#[used]
// SAFETY: the section is a custom section of the module, which nothing but tools that read metadata looks at.
#[unsafe(link_section = "icp:public candid:service")]
static CANDID: [u8; include_bytes!("../../storage.did").len()] = *include_bytes!("../../storage.did");

/// The types of the argument of install and upgrade, where tools look for them when they install the module.
#[cfg(any(target_arch = "wasm32", test))]
const ARGUMENTS: &str = "(opt record { capacity : opt nat64; public_read : opt bool; max_uploads : opt nat64; upload_idle_ns : opt nat64 })";

/// [`ARGUMENTS`] as public metadata.
#[cfg(target_arch = "wasm32")]
#[used]
// SAFETY: see above.
#[unsafe(link_section = "icp:public candid:args")]
static CANDID_ARGS: [u8; ARGUMENTS.len()] = *ARGUMENTS.as_bytes().first_chunk().expect("all of it");

/// A method as it is exported.
#[cfg(test)]
pub(crate) struct Signature {
    pub(crate) export: &'static str,
    pub(crate) arguments: &'static [&'static storage_wire::Type],
    pub(crate) answers: &'static str,
    pub(crate) reply: &'static storage_wire::Type,
}

#[cfg(test)]
mod tests;
