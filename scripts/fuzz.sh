#!/usr/bin/env bash
# Fuzzes with coverage, one target after the other: what scripts/test.sh cannot do on a stable compiler.
#
#   scripts/fuzz.sh [SECONDS]     for each target; 600 unless told otherwise
#
# Findings are kept in crates/*/fuzz/artifacts, the corpus in crates/*/fuzz/corpus. Takes minutes to build, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-600}

rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

for workspace in crates/*/fuzz; do
  for target in $(cd "$(dirname "$workspace")" && cargo +nightly fuzz list); do
    printf '\n==> %s of %s, for %s s\n' "$target" "$(dirname "$workspace")" "$seconds"
    # Nothing here that is not checked by the compiler or by wasmtime is worth the sanitizer, which is four times slower.
    (cd "$(dirname "$workspace")" && cargo +nightly fuzz run --sanitizer none "$target" -- \
      -max_total_time="$seconds" -rss_limit_mb=4096 -print_final_stats=1)
  done
done
