#!/usr/bin/env bash
# Builds the example canister that keeps a store beside a map of ic-stable-structures, and uses it on the embedded host.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rustup target add wasm32-unknown-unknown >/dev/null 2>&1
cargo build --quiet --locked -p storage-canister --example beside \
    --profile canister --target wasm32-unknown-unknown --target-dir target/canister
# Built with the workspace, or else its dependencies would be compiled once more with other features.
cargo build --quiet --locked --workspace --example beside
exec "${CARGO_TARGET_DIR:-target}/debug/examples/beside" \
    target/canister/wasm32-unknown-unknown/canister/examples/beside.wasm
