#!/usr/bin/env bash
# Loads a canister on the embedded host with 10 million objects, 10 million log entries, 100,000 uploads and 64 GiB of churn,
# and draws what an operation costs as there is more. Takes about half an hour, and some 6 GB of memory.
#
#   scripts/load.sh              writes docs/load.tsv and docs/load.svg
#   STORAGE_LOAD_OBJECTS=N       fewer objects; likewise STORAGE_LOAD_ENTRIES, STORAGE_LOAD_UPLOADS, STORAGE_LOAD_CHURN
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --core >&2
load() { cargo run --quiet --locked -p integration-tests --example load -- "$@"; }
load > docs/load.tsv.part
mv docs/load.tsv.part docs/load.tsv
load --chart docs/load.svg < docs/load.tsv
