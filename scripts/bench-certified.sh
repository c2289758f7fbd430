#!/usr/bin/env bash
# Measures what certification costs, in instructions of the whole message on the embedded host, beside a canister with
# ic-asset-certification.
#
#   scripts/bench-certified.sh [OBJECTS [PEER_OBJECTS]]   tab-separated: canister, objects, case, figure; 100,000 and 10,000 by default
#
# With 1,000,000 objects it takes some twenty minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --core >&2

profile=canister
target=wasm32-unknown-unknown
# As in scripts/bench.sh.
(
  unset RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS
  printf -v CARGO_ENCODED_RUSTFLAGS '%s\x1f%s' \
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" "--remap-path-prefix=$PWD=/storage"
  export CARGO_ENCODED_RUSTFLAGS
  cargo build --quiet --locked --profile $profile --target $target --target-dir target/$profile -p bench-peers --example certified_assets
)
cargo build --quiet --locked --workspace --example certified
certified=${CARGO_TARGET_DIR:-target}/debug/examples/certified
"$certified" storage "${1-100000}"
"$certified" peer "${2-10000}" target/$profile/$target/$profile/examples/certified_assets.wasm
