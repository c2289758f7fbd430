//! What the hot methods cost. The embedded host counts, whichever replica the rest of the suite runs on.

use integration_tests::bench;
use storage_wasm::STORAGE_WASM;

/// Every case of `scripts/bench.sh` costs what the golden file says, within 2 %. Less is a failure, too: the file would
/// let that much slip back unnoticed.
#[test]
fn the_hot_methods_cost_what_the_golden_file_says() {
    if let Err(differences) = bench::compare(&bench::measure(STORAGE_WASM)) {
        panic!("{differences}");
    }
}
