//! One list of operations on two replicas: every result and every byte of stable memory must be equal.
//!
//! One of them is the embedded host in memory. The other is the replica of the suite: PocketIC if selected, else the embedded
//! host again, with its state in a folder that is closed and reopened after some of the upgrades.

use std::path::Path;

use embedded_ic::{Config, EmbeddedIc};
use integration_tests::workload::Workload;
use integration_tests::{Harness, controller, second_controller};
use storage_client::EmbeddedTransport;
use storage_model::{Call, Load, Op, from_environment, ops};

use crate::model::SEED;

/// Parts of the header with the cost of opening, which replicas need not count alike, and its checksum.
const COUNTED: [std::ops::Range<usize>; 2] = [32..40, 60..64];

/// PocketIC's clock starts in May 2021, years before that of the reference.
const POCKET_IC_START_NS: u64 = 1_620_328_630_000_000_000;

fn config() -> Config {
    Config::default().with_controllers(vec![controller(), second_controller()])
}

async fn in_folder(folder: &Path) -> Harness {
    let mut host = EmbeddedIc::create_dir(folder, config()).unwrap();
    host.set_time_ns(POCKET_IC_START_NS);
    Harness::start_on_embedded(EmbeddedTransport::new(host, controller())).await
}

/// Closes the folder and reopens it.
fn reopen(transport: &EmbeddedTransport, folder: &Path) {
    transport.with_host(|host| {
        let open = std::mem::replace(host, EmbeddedIc::new(config()).unwrap());
        open.close().unwrap();
        *host = EmbeddedIc::open_dir(folder, config()).unwrap();
    });
}

/// Returns stable memory without what may differ.
async fn comparable(harness: &Harness) -> Vec<u8> {
    let mut bytes = harness.stable_memory().await;
    for range in COUNTED {
        bytes[range].fill(0);
    }
    bytes
}

#[tokio::test]
async fn two_replicas_answer_and_store_the_same() {
    let seed = from_environment("STORAGE_MODEL_SEED", SEED + 1);
    let steps = from_environment("STORAGE_MODEL_STEPS", 300);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("state");
    let suite = Harness::start().await;
    let subject = if suite.replica().is_embedded() { in_folder(&folder).await } else { suite };
    let reference_host = EmbeddedTransport::new(EmbeddedIc::new(config()).unwrap(), controller());
    let reference = Harness::start_on_embedded(reference_host.clone()).await;
    let (mut workload, mut twin) = (Workload::start(&subject).await, Workload::start(&reference).await);

    for (step, op) in (0..steps).zip(ops(Load::Light, seed)) {
        println!("{step}: {op:?}");
        for (caller, call) in workload.calls(&op) {
            let answered = workload.run(&caller, &call).await;
            // Each has its own clock, possibly years apart, so the second one is set to what the first one has recorded, forwards or
            // backwards.
            if !matches!(call, Call::Wait(_)) && workload.now_ns() > 0 {
                reference_host.with_host(|host| host.set_time_ns(workload.now_ns()));
            }
            assert_eq!(twin.run(&caller, &call).await, answered, "step {step}: {op:?}");
        }
        if let (Op::Reopen, Some(host)) = (&op, subject.replica().embedded()) {
            reopen(host, &folder);
        }
    }
    workload.assert_holds().await;
    assert!(comparable(&subject).await == comparable(&reference).await, "the stable memories differ");
}
