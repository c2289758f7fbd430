#!/usr/bin/env bash
# Builds the canister: target/canister/storage.wasm, and storage.wasm.gz, which replicas install as it is.
#
# The same sources give the same bytes wherever they are built, so anyone can check what a canister runs against the
# SHA-256 that this prints.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --core

root=$PWD
out=$root/target/canister
target=wasm32-unknown-unknown

# Flags and wrappers meant for the host's build do not belong into the canister.
unset RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS

# crates/wasm/build.rs builds with the same flags into the same directory, so that the canister is compiled once for
# both. They keep this machine's paths out of the module. The flags are separated by the byte 0x1f.
export CARGO_TARGET_DIR=$out
printf -v CARGO_ENCODED_RUSTFLAGS '%s\x1f%s' \
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" "--remap-path-prefix=$root=/storage"
export CARGO_ENCODED_RUSTFLAGS

cargo build --locked --profile canister --target "$target" -p storage-canister

cp "$out/$target/canister/storage_canister.wasm" "$out/storage.wasm"
gzip -n -9 -c "$out/storage.wasm" >"$out/storage.wasm.gz"

for file in "$out/storage.wasm" "$out/storage.wasm.gz"; do
  printf '%s  %s bytes  %s\n' "$(sha256sum "$file" | cut -d' ' -f1)" "$(wc -c <"$file")" "${file#"$root"/}"
done
