//! The contract, as the module carries it.

/// `storage.did` as public metadata of the module, where tools look for a canister's interface.
#[cfg(target_arch = "wasm32")]
#[used]
// SAFETY: the section is a custom section of the module, which nothing but tools that read metadata looks at.
#[unsafe(link_section = "icp:public candid:service")]
static CANDID: [u8; include_bytes!("../../storage.did").len()] = *include_bytes!("../../storage.did");

#[cfg(test)]
mod tests {
    use candid_parser::utils::{CandidSource, service_equal};

    const DID: &str = include_str!("../../storage.did");

    #[test]
    fn storage_did_is_what_the_canister_exports() {
        let exported = crate::exported::did();
        if let Err(error) = service_equal(CandidSource::Text(&exported), CandidSource::Text(DID)) {
            panic!("storage.did differs from what the canister exports: {error}\n\nexported:\n{exported}");
        }
    }

    #[test]
    fn every_method_of_storage_did_has_a_comment() {
        let service = DID.split_once("service :").expect("storage.did has a service").1;
        let lines: Vec<_> = service.lines().map(str::trim).collect();
        let methods: Vec<_> = (1..lines.len()).filter(|at| lines[*at].contains(" : (")).collect();
        assert!(methods.len() > 10, "the methods of storage.did have not been found");
        for at in methods {
            assert!(lines[at - 1].starts_with("// "), "no comment above: {}", lines[at]);
        }
    }
}
