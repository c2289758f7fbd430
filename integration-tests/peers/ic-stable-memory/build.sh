#!/usr/bin/env bash
# Builds the canisters of this folder and keeps their modules, compressed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=wasm32-unknown-unknown
cargo build --locked --profile canister --target $target --examples
for name in btree_map hash_map; do
  gzip -n -9 -c "target/$target/canister/examples/$name.wasm" >"$name.wasm.gz"
done
