#!/usr/bin/env bash
# Shows the main functions on this machine: builds the canister and the storage command, makes a store in a
# temporary folder, puts files and log lines into it, uploads and downloads a file of 256 MiB, upgrades the canister
# twice, and compares every byte.
# Any difference is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# Shows a command and runs it on the store.
storage() {
  printf '$ storage'
  printf ' %q' "$@"
  printf '\n'
  target/debug/storage --store "$work/store" "$@"
}

# What was stored: a key for each file, so that every byte of it can be compared at any time.
keys=(docs/contract locks/cargo canister.wasm empty)
files=(storage.did Cargo.lock target/canister/storage.wasm "$work/empty")

check_all() {
  local i
  for i in "${!keys[@]}"; do
    target/debug/storage --store "$work/store" get "${keys[$i]}" "$work/back"
    cmp "${files[$i]}" "$work/back"
    printf 'ok  %-14s %9d bytes, the same as %s\n' "${keys[$i]}" "$(wc -c <"$work/back")" "$(basename "${files[$i]}")"
  done
  target/debug/storage --store "$work/store" log tail -n 1000000 >"$work/log.back"
  cmp "$work/log" "$work/log.back"
  printf 'ok  %-14s %9d bytes in %d lines, the same as what was logged\n' \
    'the log' "$(wc -c <"$work/log.back")" "$(wc -l <"$work/log.back")"
}

say "1. Building the canister and the storage command (a few minutes the first time)"
scripts/build.sh
# With the same features as the tests, so that the host is not compiled twice.
cargo build --locked --workspace --bin storage

say "2. A new store: a folder with the stable memory of one canister"
storage init

say "3. Putting a file of this repository, the canister's own module, and an empty value"
: >"$work/empty"
for i in "${!keys[@]}"; do storage put "${files[$i]}" "${keys[$i]}"; done
storage ls -r
storage stat docs/contract

say "4. Logging: two lines, then every line of the README's first screen"
storage log append "the store was made" ""
head -n 40 README.md | storage log append -
{ printf 'the store was made\n\n'; head -n 40 README.md; } >"$work/log"
storage log tail -n 3

say "5. Reading everything back"
check_all

say "6. A file of 256 MiB: uploaded in chunks, downloaded in ranges, and hashed by the canister itself"
# The same bytes on every machine, and no two pages of them alike: the number of each line.
seq -f '%015.0f' 0 16777215 >"$work/large"
storage put "$work/large" large
storage get large "$work/large.back"
cmp "$work/large" "$work/large.back"
printf 'ok  %-14s %9d bytes, the same as what was uploaded\n' large "$(wc -c <"$work/large.back")"
storage verify large
sha256sum "$work/large" | cut -d' ' -f1
storage stat large
rm "$work/large.back"
keys+=(large) files+=("$work/large")

say "7. An upgrade, as one does with a new version"
storage upgrade
check_all

say "8. An upgrade that skips pre_upgrade, as one does when the old version cannot run any more"
storage upgrade --skip-pre-upgrade
check_all

say "9. The state of the store, and a walk through every byte of it"
storage status
storage check

say "Everything came back byte for byte, before and after both upgrades (${SECONDS} s)."
