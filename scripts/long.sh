#!/usr/bin/env bash
# The tests that take too long for scripts/test.sh: more of the same things, and a sync of 1 GiB. Takes half an hour or more.
#
#   STORAGE_REPLICA_URL, STORAGE_REPLICA_CANISTER, STORAGE_REPLICA_IDENTITY    a canister on a replica, its tests run, too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --core

step() { printf '\n==> %s\n' "$*"; }

step "a sync of 1 GiB"
cargo test --locked -p storage-cli --test cli -- --ignored gibibyte

step "8 GiB through the canister"
STORAGE_TEST_GIB=8 cargo test --locked -p integration-tests --test suite -- large upgrade_cost

step "long runs of the model and of two replicas side by side"
STORAGE_MODEL_STEPS=10000 STORAGE_MODEL_SEED=$RANDOM cargo test --locked -p integration-tests --test suite -- model:: differential --nocapture

step "a flipped bit in every used byte, and every method after each"
STORAGE_FLIPS=all cargo test --locked -p storage-engine --test faults flip

step "a thousand kills of a writing host"
EMBEDDED_IC_KILLS=1000 cargo test --locked -p embedded-ic --test kill

if [[ -n ${STORAGE_REPLICA_URL:-} ]]; then
  step "the canister on $STORAGE_REPLICA_URL"
  cargo test --locked -p storage-client --features agent,embedded --test agent -- live
  cargo test --locked -p storage-cli --test cli -- live
fi
