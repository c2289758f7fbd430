//! Install and upgrade. Everything that survives an upgrade is in stable memory already, so the hooks do
//! little.

use ic_cdk::api::instruction_counter;
use ic_cdk::trap;
use stable_storage_api::InitArgs;
use storage_wire::argument_headers;

use crate::message::{not_those, with_argument};
use crate::state;

// SAFETY: only these hooks use names of this form, and the linker refuses duplicates.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_init"))]
extern "C" fn init() {
    let instructions = open();
    state::write(|store| store.record_install(instructions));
}

/// Writes the counters, the end of the log, and a header that marks a clean shutdown. If this is skipped, the
/// counts since the last upgrade are lost, and the next opening has to search for the end of the log.
// SAFETY: see above.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_pre_upgrade"))]
extern "C" fn pre_upgrade() {
    state::write(|store| store.seal());
}

/// Traps if stable memory is not a store of a known layout. The upgrade is then rolled back, and the canister
/// continues with the old module.
// SAFETY: see above.
#[cfg_attr(target_family = "wasm", unsafe(export_name = "canister_post_upgrade"))]
extern "C" fn post_upgrade() {
    let instructions = open();
    state::write(|store| store.record_upgrade(instructions));
}

/// Uses the hooks on targets where they are not exported.
#[cfg(not(target_family = "wasm"))]
const _: [extern "C" fn(); 3] = [init, pre_upgrade, post_upgrade];

/// Opens and configures the store, and returns the cost of opening, in instructions.
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

/// Returns the settings to apply. An empty argument sets nothing. An invalid argument is an error, even if
/// Candid would read it as null.
fn settings(argument: &[u8]) -> Result<InitArgs, String> {
    let mut space = Vec::new();
    let headers = argument_headers!(Option<InitArgs>);
    match storage_wire::decode::<(Option<InitArgs>,)>(argument, headers, &mut space) {
        Ok((args,)) => Ok(args.unwrap_or_default()),
        Err(error) => Err(not_those(&error)),
    }
}

/// Passes the text of a panic to the caller. The heap keeps the hook until the next upgrade.
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
    fn invalid_arguments_are_refused() {
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
                refused.as_ref().is_err_and(|error| error.contains("do not match this method")),
                "{refused:?}"
            );
        }
        let refused = settings(&encode_one(Odd { capacity: 7u32 }).unwrap()).unwrap_err();
        assert!(refused.contains("capacity"), "{refused}");
    }
}
