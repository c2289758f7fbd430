#!/usr/bin/env bash
# Packages the crates as crates.io would take them, with the canister's module in that of storage-wasm, and compiles the
# command from the packages alone, in a separate folder.
#
#   scripts/package.sh          target/package/*.crate, and a check that the command compiles from them
#   scripts/package.sh --list   what each package would have in it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# In the order in which they depend on each other.
crates=(storage-wire-derive storage-wire stable-storage-api storage-verify storage-engine embedded-ic embedded-ic-replica storage-wasm storage-client storage-object-store storage-s3 storage-cli)

scripts/build.sh >/dev/null
mkdir -p crates/wasm/module
cp target/canister/storage.wasm crates/wasm/module/storage.wasm

packages=()
for crate in "${crates[@]}"; do packages+=(-p "$crate"); done
# The module is made and not kept in Git, which cargo would take for a change that was forgotten.
if [[ ${1:-} == --list ]]; then
  exec cargo package --locked --allow-dirty --list "${packages[@]}"
fi
cargo package --locked --allow-dirty --no-verify "${packages[@]}"

# Outside of this repository, or cargo would look for the packages in its workspace.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
patches='[patch.crates-io]'
for crate in "${crates[@]}"; do
  package=$(ls target/package/"$crate"-[0-9]*.crate)
  tar -xzf "$package" -C "$folder"
  patches+=$'\n'"$crate = { path = \"$folder/$(basename "$package" .crate)\" }"
done
# Nothing of this has been published, so each is found in its package.
printf '%s\n' "$patches" >"$folder/config.toml"
target=$PWD/target/packaged
cd "$folder"/storage-cli-*/
cargo check --config "$folder/config.toml" --target-dir "$target"
echo "storage-cli compiles from its packages"
