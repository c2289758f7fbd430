//! Random changes of every kind with upgrades among them, held against a model in ordinary collections.
//!
//! The seed is printed first; `STORAGE_TEST_SEED` repeats a run, and `STORAGE_TEST_STEPS` makes it longer.

use std::env;

use integration_tests::workload::{Model, Op, assert_holds, run};
use integration_tests::{Harness, data};

pub(crate) const SEED: u64 = 20_261_121;

pub(crate) fn from_environment(name: &str, otherwise: u64) -> u64 {
    let value = env::var(name).map_or(otherwise, |value| value.parse().expect("it is a number"));
    println!("{name}={value}");
    value
}

/// Whatever is done in whichever order, with upgrades of both kinds in between, the canister holds what the model holds.
#[tokio::test]
async fn the_canister_holds_what_the_model_holds() {
    let mut random = data::Random::new(from_environment("STORAGE_TEST_SEED", SEED));
    let steps = from_environment("STORAGE_TEST_STEPS", 800);
    let harness = Harness::start().await;
    let mut model = Model::default();
    for step in 0..steps {
        let op = Op::random(&mut random);
        println!("{step}: {op:?}");
        run(&op, &harness, &mut model).await;
        if step % 100 == 0 {
            assert_holds(&harness.client(), &model).await;
        }
    }
    assert_holds(&harness.client(), &model).await;
}
