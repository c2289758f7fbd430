#!/usr/bin/env bash
# Measures what values cost inline and in extents, on the embedded host: for the choice of the inline limit.
set -euo pipefail
cd "$(dirname "$0")/.."
rustup target add wasm32-unknown-unknown
cargo build --locked -p storage-canister --example inline_probe \
    --profile canister --target wasm32-unknown-unknown --target-dir target/canister
cargo run --locked -p integration-tests --example inline_limit -- \
    target/canister/wasm32-unknown-unknown/canister/examples/inline_probe.wasm
