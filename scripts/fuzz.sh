#!/usr/bin/env bash
# Fuzzes with coverage, one target after the other: what scripts/test.sh cannot do on a stable compiler.
#
#   scripts/fuzz.sh [SECONDS] [TARGET ...]     for each target, or those named; 600 by default
#
# Findings are kept in fuzz/artifacts of the crate, the corpus in fuzz/corpus. Starts from the inputs in fuzz/corpus-kept, which
# scripts/test.sh runs. Takes minutes to build, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-600}
only=" ${*:2} "

rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

for workspace in canister/fuzz crates/*/fuzz; do
  for target in $(cd "$(dirname "$workspace")" && cargo +nightly fuzz list); do
    [[ $only == *[![:space:]]* && $only != *" $target "* ]] && continue
    printf '\n==> %s of %s, for %s s\n' "$target" "$(dirname "$workspace")" "$seconds"
    corpora=("fuzz/corpus/$target")
    mkdir -p "$workspace/corpus/$target"
    if [[ -d $workspace/corpus-kept/$target ]]; then corpora+=("fuzz/corpus-kept/$target"); fi
    # Nothing here that is not checked by the compiler or by wasmtime is worth the sanitizer, which is four times slower.
    (cd "$(dirname "$workspace")" && cargo +nightly fuzz run --sanitizer none "$target" "${corpora[@]}" -- \
      -max_total_time="$seconds" -max_len=1000 -len_control=0 -rss_limit_mb=4096 -print_final_stats=1)
  done
done
