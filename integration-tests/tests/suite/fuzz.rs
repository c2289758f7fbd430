//! Arguments that no client sends, for every method: the canister answers, rejects, and never suffers.
//!
//! The seed is printed first; `STORAGE_FUZZ_SEED` repeats a run, and `STORAGE_FUZZ_MESSAGES` sets its length. The embedded
//! host runs these, whichever replica the rest of the suite runs on, because it counts the instructions of a message.

mod arguments;
mod bombs;
mod canister;

use integration_tests::data;
use storage_model::from_environment;

use arguments::Arguments;
use canister::{Canister, Door};

/// Messages from a seed where the environment does not say how many.
const MESSAGES: u64 = 1_000;

/// How often the whole image is checked.
const CHECKED_EVERY: u64 = 250;

/// Random arguments, most of them almost those of the method, come in through every door. Every reply has the types of
/// the contract, every reject says what is wrong with the arguments, and stable memory stays sound.
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
