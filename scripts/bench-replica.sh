#!/usr/bin/env bash
# Measures the replica endpoint: calls from eight connections beside the same calls in process and beside Redis, and the
# memory of the server while 1 GiB is stored and read.
#
#   scripts/bench-replica.sh [PROFILE]   release by default
#   BENCH_DIR=DIR BENCH_MIB=1024         location and size of the data
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
profile=${1:-release}
binaries=$PWD/${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
cargo build --quiet --profile "$profile" --locked --workspace --bin storage --example served >&2
"$binaries/examples/served"

# The same sizes of values with Redis, which keeps them in memory and answers without signatures, in the same run.
redis() {
  local port=63790 server rows
  redis-server --port $port --save '' --appendonly no --daemonize no >/dev/null &
  server=$!
  until redis-cli -p $port ping >/dev/null 2>&1; do sleep 0.1; done
  printf '\n| Redis, 8 connections | calls per second | median, ms | 99 %%, ms |\n|---|---|---|---|\n'
  rows=$(redis-benchmark -p $port -c 8 -n 40000 -d 100 -t get,set --csv; redis-benchmark -p $port -c 8 -n 256 -d 2031616 -t set --csv)
  awk -F'","|"' '$2 != "test" { print "| " $2 (seen[$2]++ ? " of 2 MiB" : " of 100 B") " | " $3 " | " $6 " | " $8 " |" }' <<<"$rows"
  kill "$server"
  wait "$server" || true
}
if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
  redis
else
  echo "Redis is not installed, so there is no comparison: apt-get install redis-server"
fi

dir=$(mktemp -d "${BENCH_DIR:-/tmp}/bench-replica.XXXXXX")
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
identity=$PWD/crates/client/tests/agent/keys/ed25519.pem
cd "$dir"
storage=$binaries/storage
head -c "$((${BENCH_MIB:-1024} << 20))" /dev/urandom >file
"$storage" --quiet --store store init

# Starts the server with more arguments, and sets url, canister and server.
serve() {
  rm -f endpoint
  mkfifo endpoint
  "$storage" --store store --json serve --listen 127.0.0.1:0 "$@" >endpoint &
  server=$!
  local line
  read -r line <endpoint
  url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' <<<"$line")
  canister=$(sed 's/.*"canister":"\([^"]*\)".*/\1/' <<<"$line")
}

remote() {
  "$storage" --quiet --network "$url" --canister "$canister" --identity "$identity" "$@"
}

# Prints the most anonymous memory of the server while a command runs.
measure() {
  local name=$1 most=0 now
  shift
  "$@" &
  local command=$!
  while kill -0 "$command" 2>/dev/null; do
    now=$(awk '/^RssAnon/ { print $2 }' "/proc/$server/status")
    if ((now > most)); then most=$now; fi
    sleep 0.1
  done
  wait "$command"
  printf '%s: at most %d MiB of anonymous memory\n' "$name" "$((most >> 10))"
}

serve
caller=$(remote whoami)
kill "$server"
wait "$server"
serve --controller "$caller"
measure "put of ${BENCH_MIB:-1024} MiB" remote put file
measure "get of ${BENCH_MIB:-1024} MiB" remote get file back
cmp file back
