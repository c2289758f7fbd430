//! Random changes of every kind with upgrades among them, compared with a model in std collections.
//!
//! The seed is printed first; `STORAGE_MODEL_SEED` repeats a run, and `STORAGE_MODEL_STEPS` makes it longer.

use integration_tests::Harness;
use integration_tests::workload::Workload;
use storage_model::{Load, from_environment, ops};

pub(crate) const SEED: u64 = 20_261_121;

/// After any operations in any order, with both kinds of upgrades, the canister holds what the model holds.
#[tokio::test]
async fn the_canister_holds_what_the_model_holds() {
    let seed = from_environment("STORAGE_MODEL_SEED", SEED);
    let steps = from_environment("STORAGE_MODEL_STEPS", 800);
    let harness = Harness::start().await;
    let mut workload = Workload::start(&harness).await;
    for (step, op) in (0..steps).zip(ops(Load::Light, seed)) {
        println!("{step}: {op:?}");
        for (caller, call) in workload.calls(&op) {
            let _ = workload.run(&caller, &call).await;
        }
        match step % 100 {
            0 => workload.assert_holds().await,
            _ => workload.assert_state().await,
        }
    }
    workload.assert_holds().await;
}
