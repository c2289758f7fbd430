#!/usr/bin/env bash
# Holds our encodings against the JavaScript library and against Motoko: both decode our replies as what they are, and the
# arguments that both encode are decoded by shape. Then compiles the bindings that icp-bindgen makes of storage.did in
# TypeScript, with a caller. Needs node and npm, and a network the first time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --core

for tool in node npm; do
  command -v "$tool" >/dev/null || {
    echo "scripts/interop.sh needs $tool. Install Node.js (https://nodejs.org), and run it again." >&2
    exit 1
  }
done

folder=$PWD/target/interop
mkdir -p "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @dfinity/candid@2.4.1 @dfinity/principal@2.4.1 motoko@3.12.1 \
  @icp-sdk/bindgen@0.3.0 @icp-sdk/core@6.1.0 typescript@7.0.2
cargo build --quiet --locked --workspace --example interop
target/debug/examples/interop cases "$folder"
node integration-tests/examples/interop/interop.mjs "$folder"
target/debug/examples/interop check "$folder"

# The generator asks the compiler to look away, which is what this must not do.
sources=integration-tests/examples/interop
"$folder/node_modules/.bin/icp-bindgen" --did-file storage.did --out-dir "$folder/bindings" --declarations-typescript --force
sed -i.bak 's|^// @ts-nocheck||' "$folder"/bindings/*.ts "$folder"/bindings/declarations/*.ts
cp "$sources/caller.ts" "$sources/tsconfig.json" "$folder"
"$folder/node_modules/.bin/tsc" --project "$folder"
echo "TypeScript takes the bindings of storage.did and a caller of them"
