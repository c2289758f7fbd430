#!/usr/bin/env bash
# Measures what the hot methods of the canister cost, in instructions of the whole message on the embedded host.
#
#   scripts/bench.sh          a table: case, floor, ours, ratio
#   scripts/bench.sh --tsv    the same tab-separated: case, unit, floor, ours
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh >&2
# The wasm that is measured is compiled alike in every profile, so this is the one that the tests have built already.
exec cargo run --quiet --locked -p integration-tests --example instructions -- "$@"
