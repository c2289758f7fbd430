#!/usr/bin/env bash
# Measures what the canister's methods cost beside the peers, in instructions of the whole message on the embedded host.
#
#   scripts/bench.sh                  a table: floor, best peer, ours, their ratios, budget, heap pages
#   scripts/bench.sh --tsv            our figures only, tab-separated: case, unit, floor, ours, heap pages
#   scripts/bench.sh --refresh        measures ours; writes integration-tests/golden/instructions.tsv and docs/BENCHMARKS.md
#   scripts/bench.sh --refresh-peers  measures the peers as well, and writes integration-tests/golden/peers.tsv, too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --core >&2

profile=canister
target=wasm32-unknown-unknown
peers=target/$profile/$target/$profile/examples

# The peers are compiled with the profile and the flags of the canister (scripts/build.sh), so that they share its dependencies.
build_peers() (
  unset RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS
  printf -v CARGO_ENCODED_RUSTFLAGS '%s\x1f%s' \
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" "--remap-path-prefix=$PWD=/storage"
  export CARGO_ENCODED_RUSTFLAGS
  cargo build --quiet --locked --profile $profile --target $target --target-dir target/$profile -p bench-peers --examples
)

case ${1-} in
  "") build_peers; set -- table $peers ;;
  --tsv) set -- tsv ;;
  --refresh) set -- refresh ;;
  --refresh-peers) build_peers; set -- refresh $peers ;;
esac
# Built with the workspace, or else its dependencies would be compiled once more with other features.
cargo build --quiet --locked --workspace --example instructions
exec "${CARGO_TARGET_DIR:-target}/debug/examples/instructions" "$@"
