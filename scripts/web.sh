#!/usr/bin/env bash
# Checks and tests the packages: the TypeScript client, by itself and against `storage serve`, the page and a published
# web site in Chromium.
# Needs Node.js and Chromium; see scripts/setup.sh.
#
#   scripts/web.sh                 all of it
#   scripts/web.sh --screenshots   writes the pictures of docs/images as well
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
  "") ;;
  --screenshots) export SCREENSHOTS=$PWD/docs/images ;;
  *)
    echo "scripts/web.sh: $1 is not an option; use: scripts/web.sh [--screenshots]" >&2
    exit 2
    ;;
esac

scripts/setup.sh
scripts/bindings-js.sh --check
scripts/build-page.sh --check
cargo build --quiet --locked --workspace --bin storage
export STORAGE_BIN=$PWD/target/debug/storage

cd packages
npm run --silent check --workspace page
npm test --silent --workspace storage-js

# As somebody who installs the package: what it exports is in it, with its types, and works.
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT
tarball=$(npm pack --silent --workspace storage-js --pack-destination "$packed" | tail -1)
mkdir -p "$packed/node_modules/stable-storage-client"
tar -xzf "$packed/$tarball" --strip-components=1 -C "$packed/node_modules/stable-storage-client"
ln -s "$PWD/node_modules/@icp-sdk" "$PWD/node_modules/@noble" "$packed/node_modules"
cp storage-js/test/consumer.ts "$packed"
echo '{ "type": "module" }' >"$packed/package.json"
node_modules/.bin/tsc --strict --skipLibCheck --module nodenext --target es2022 --lib es2023,dom --types '' \
  --outDir "$packed" "$packed/consumer.ts"
node "$packed/consumer.js"

npm run test:served --silent --workspace storage-js
npm test --silent --workspace page
