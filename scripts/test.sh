#!/usr/bin/env bash
# Sets up a fresh machine and runs the checks and tests. CI runs this script.
#
#   scripts/test.sh                      all of them; needs Node.js 20 or later, and installs Chromium by apt where it is missing
#   scripts/test.sh --core               those that need Rust alone
#
#   STORAGE_REPLICA=embedded|pocket-ic   the replica of the integration suite
#   POCKET_IC_BIN=FILE                   the server of PocketIC; the suite runs on it where this is set
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

is_core=
case ${1:-} in
  "") ;;
  --core) is_core=1 ;;
  *)
    echo "scripts/test.sh: $1 is not an option it knows; use: scripts/test.sh [--core]" >&2
    exit 2
    ;;
esac

step() { printf '\n==> %s\n' "$*"; }

replica=${STORAGE_REPLICA:-}
if [[ -z $replica ]]; then
  if [[ -n ${POCKET_IC_BIN:-} ]]; then replica=pocket-ic; else replica=embedded; fi
fi

if [[ $replica == pocket-ic && ! -x ${POCKET_IC_BIN:-} ]]; then
  echo "PocketIC was asked for, and POCKET_IC_BIN (${POCKET_IC_BIN:-not set}) is not an executable file." >&2
  echo "Run: export POCKET_IC_BIN=/path/to/pocket-ic (version 16), or: export STORAGE_REPLICA=embedded" >&2
  exit 1
fi

step "setting up; free on this disk: $(df -h --output=avail . | tail -1 | tr -d ' ')"
scripts/setup.sh ${is_core:+--core}

step "formatting"
cargo fmt --all --check

step "wording of texts, by scripts/prose.tsv, and the diagram"
scripts/lint-prose.sh --self-test
scripts/lint-prose.sh
scripts/diagram.sh --check

step "lints, of the host's crates and of the canister as WebAssembly"
cargo clippy --locked --workspace --all-targets -- -D warnings
cargo clippy --locked -p storage-canister --target wasm32-unknown-unknown -- -D warnings
cargo clippy --locked -p storage-client --features agent -- -D warnings

step "documentation of the crates, without warnings"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

if cargo deny --version >/dev/null 2>&1; then
  step "licenses, sources and advisories of the dependencies"
  cargo deny --locked check
else
  denied="cargo deny check (to install it: cargo install --locked cargo-deny), "
fi

step "tests; the integration suite runs on: $replica"
cargo test --locked --workspace --no-fail-fast

step "a table in a Parquet file in a store, by object_store"
cargo build --quiet --locked --workspace --example parquet
"${CARGO_TARGET_DIR:-target}/debug/examples/parquet"

step "the example canister"
scripts/example-canister.sh

if [[ -z $is_core ]]; then
  step "the TypeScript client and the page, with Node.js and Chromium"
  scripts/web.sh
  step "icp and icp-py-core against a served store, with Node.js and Python"
  scripts/clients.sh
  step "S3 clients against a served store: rclone, s3cmd, awscli, boto3, s5cmd, pyarrow and the AWS SDK for JavaScript"
  scripts/s3.sh
else
  left="scripts/web.sh (the TypeScript client and the page, needs Node.js and Chromium), scripts/clients.sh (icp and Python, needs npm and pip), scripts/s3.sh (S3 clients, needs apt-get, npm and pip), "
fi

printf '\nAll checks and tests passed in %d min %02d s; the integration suite ran on: %s\n' \
  $((SECONDS / 60)) $((SECONDS % 60)) "$replica"
echo "Not run: ${left:-}${denied:-}scripts/interop.sh (JavaScript and Motoko, needs Node.js), scripts/full-disk.sh (mounts a tmpfs), scripts/long.sh, scripts/fuzz.sh."
