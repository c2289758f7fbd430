//! Unusual arguments for every method: the canister replies or rejects, and stays sound.
//!
//! The seed is printed first; `STORAGE_FUZZ_SEED` repeats a run, and `STORAGE_FUZZ_MESSAGES` sets its length. This runs on
//! the embedded host, whichever replica the suite runs on, because it counts the instructions of a message.

mod arguments;
mod bombs;
mod canister;

use integration_tests::data;
use storage_model::from_environment;

use arguments::Arguments;
use canister::{Canister, Door};

/// Default number of messages.
const MESSAGES: u64 = 1_000;

/// Messages between checks of the whole image.
const CHECKED_EVERY: u64 = 250;

/// Random arguments, most of them almost valid, are sent by every route. Every reply has the types of the contract, every
/// reject states what is wrong with the arguments, and stable memory stays sound.
#[test]
fn any_arguments_of_any_method_are_answered() {
    let seed = from_environment("STORAGE_FUZZ_SEED", std::process::id().into());
    let mut random = data::Random::new(seed);
    let (mut canister, arguments) = (Canister::start(), Arguments::of_the_contract());
    let mut replies = 0;
    for number in 0..from_environment("STORAGE_FUZZ_MESSAGES", MESSAGES) {
        let (method, bytes) = arguments.some(&mut random);
        let door = Door::ALL[random.below(Door::ALL.len())];
        replies += u64::from(canister.send(method, door, &bytes).is_ok());
        if number % CHECKED_EVERY == 0 {
            canister.check();
        }
    }
    canister.check();
    assert!(replies > 0, "no arguments were good, so this has tested rejects alone");
}
