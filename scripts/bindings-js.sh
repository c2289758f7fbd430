#!/usr/bin/env bash
# Generates the TypeScript bindings of storage.did in packages/storage-js/src/bindings.
#
#   scripts/bindings-js.sh           writes them
#   scripts/bindings-js.sh --check   fails where they are not what storage.did gives
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kept=packages/storage-js/src/bindings
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages/node_modules/.bin/icp-bindgen --did-file storage.did --out-dir "$folder" --declarations-typescript --force >/dev/null
# Node needs the extension of a module, the type check must not be turned off, and an option that is false, 0 or empty is
# one that is given: icp-bindgen 0.3.0 leaves it out, so that configure({ public_read: false }) would do nothing.
sed -i.bak -E -e 's|^// @ts-nocheck$||' -e 's|from "./declarations/storage.did"|from "./declarations/storage.did.js"|' \
  -e 's/: value\.([a-z0-9_]+) \? candid_some\(/: value.\1 != null ? candid_some(/' \
  "$folder/storage.ts" "$folder/declarations/storage.did.ts"
rm "$folder"/*.bak "$folder"/declarations/*.bak

if [[ ${1:-} == --check ]]; then
  diff -r "$folder" "$kept" >/dev/null || {
    echo "packages/storage-js/src/bindings is not what storage.did gives. Run scripts/bindings-js.sh, and commit what it writes." >&2
    exit 1
  }
else
  rm -rf "$kept"
  mkdir -p "$kept"
  cp -r "$folder"/. "$kept"
fi
