//! Install and upgrade. What survives an upgrade is in stable memory already, so there is next to nothing to do.

use ic_cdk::api::instruction_counter;
use ic_cdk::trap;
use stable_storage_api::InitArgs;
use storage_wire::argument_headers;

use crate::message::{not_those, with_argument};
use crate::state;

// SAFETY: the names have the form that only these hooks have, and the linker refuses to have one twice.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_init"))]
extern "C" fn init() {
    let instructions = open();
    state::write(|store| store.record_install(instructions));
}

/// Writes the counters, the end of the log and the header with the seal. If this is skipped, the counts since the last upgrade
/// are lost, and the next opening finds the end of the log by reading.
// SAFETY: see above.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_pre_upgrade"))]
extern "C" fn pre_upgrade() {
    state::write(|store| store.seal());
}

/// Traps where stable memory is not a store of a known layout: the upgrade is rolled back then, and the canister goes on
/// as it was.
// SAFETY: see above.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_post_upgrade"))]
extern "C" fn post_upgrade() {
    let instructions = open();
    state::write(|store| store.record_upgrade(instructions));
}

/// Where nothing is exported, this is what uses the hooks.
#[cfg(not(target_family = "wasm"))]
const _: [extern "C" fn(); 3] = [init, pre_upgrade, post_upgrade];

/// Opens and configures the store, and returns what opening cost, in instructions.
fn open() -> u64 {
    trap_on_panic();
    let before = instruction_counter();
    if let Err(error) = state::open() {
        trap(error.to_string());
    }
    let instructions = instruction_counter() - before;
    let settings = with_argument(settings).unwrap_or_else(|error| trap(error));
    if let Err(error) = state::write(|store| store.configure(&settings)) {
        trap(error.to_string());
    }
    instructions
}

/// What is to be set. No argument sets nothing; one that is not understood is an error, also where Candid would take it
/// for null.
fn settings(argument: &[u8]) -> Result<InitArgs, String> {
    let mut space = Vec::new();
    let headers = argument_headers!(Option<InitArgs>);
    match storage_wire::decode::<(Option<InitArgs>,)>(argument, headers, &mut space) {
        Ok((args,)) => Ok(args.unwrap_or_default()),
        Err(error) => Err(not_those(&error)),
    }
}

/// Has the text of a panic reach the caller. The heap keeps the hook until the next upgrade.
fn trap_on_panic() {
    std::panic::set_hook(Box::new(|panic| trap(panic.to_string())));
}

#[cfg(test)]
mod tests {
    use candid::{CandidType, encode_args, encode_one};

    use super::*;

    #[derive(CandidType)]
    struct Odd<T> {
        capacity: T,
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let capacity = |bytes| Ok(InitArgs::capacity(bytes));
        let odd = |capacity| encode_one(Odd { capacity }).unwrap();
        assert_eq!(settings(b""), Ok(InitArgs::default()));
        assert_eq!(settings(&encode_args(()).unwrap()), Ok(InitArgs::default()));
        assert_eq!(settings(&encode_one(()).unwrap()), Ok(InitArgs::default()));
        assert_eq!(settings(&encode_one(None::<InitArgs>).unwrap()), Ok(InitArgs::default()));
        assert_eq!(settings(&encode_one(Some(InitArgs::capacity(7))).unwrap()), capacity(7));
        assert_eq!(settings(&encode_one(InitArgs::capacity(7)).unwrap()), capacity(7));
        assert_eq!(settings(&odd(7u64)), capacity(7));
        assert_eq!(settings(&encode_one(Some(Odd { capacity: Some(7u64) })).unwrap()), capacity(7));

        #[derive(CandidType)]
        struct Misspelt {
            capcity: Option<u64>,
        }
        for bytes in [
            encode_one("text").unwrap(),
            encode_one(Some("text")).unwrap(),
            encode_one(7u64).unwrap(),
            encode_one(Odd { capacity: candid::Nat::from(7u8) }).unwrap(),
            encode_one(Odd { capacity: Some("7") }).unwrap(),
            encode_one(Some(Odd { capacity: 7u32 })).unwrap(),
            encode_one(Some(Misspelt { capcity: Some(7) })).unwrap(),
            encode_args((None::<InitArgs>, 7u8)).unwrap(),
            encode_one(candid::Reserved).unwrap(),
        ] {
            let refused = settings(&bytes);
            assert!(
                refused.as_ref().is_err_and(|error| error.contains("not those of this method")),
                "{refused:?}"
            );
        }
        let refused = settings(&encode_one(Odd { capacity: 7u32 }).unwrap()).unwrap_err();
        assert!(refused.contains("capacity"), "{refused}");
    }
}
