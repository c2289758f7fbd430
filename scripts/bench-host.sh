#!/usr/bin/env bash
# Measures the embedded host: 1 GiB stored and read by `storage`, by SQLite with blobs of 2 MiB and a commit each, and by cp.
# All in one run on one disk, one command after the other, in several rounds. Compare the ratios. SQLite is python3's, with synchronous=FULL.
#
#   scripts/bench-host.sh [STORAGE]   the command to measure; without it, a release build of this tree
#   BENCH_DIR=DIR BENCH_MIB=1024 BENCH_ROUNDS=2   where, how much, and how often
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command=${1:-}
if [[ -z $command ]]; then
    # With the workspace, or else its dependencies would be compiled once more with other features.
    cargo build --quiet --release --locked --workspace --bin storage >&2
    command=$PWD/${CARGO_TARGET_DIR:-target}/release/storage
fi
command=$(realpath "$command")
dir=$(mktemp -d "${BENCH_DIR:-/tmp}/bench-host.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
head -c "$((${BENCH_MIB:-1024} << 20))" /dev/urandom >file
sync
cat >sqlite.py <<'PYTHON'
import sqlite3, sys
BLOB = 2 << 20
base = sqlite3.connect("sqlite.db", isolation_level=None)
base.execute("PRAGMA synchronous=FULL")
if sys.argv[1] == "put":
    base.execute("CREATE TABLE blobs (id INTEGER PRIMARY KEY, blob BLOB)")
    with open("file", "rb") as source:
        while part := source.read(BLOB):
            base.execute("INSERT INTO blobs (blob) VALUES (?)", (part,))
else:
    with open("back", "wb") as target:
        for (part,) in base.execute("SELECT blob FROM blobs ORDER BY id"):
            target.write(part)
PYTHON

# Prints the wall, user and system seconds of a command.
measure() {
    local name=$1
    shift
    local times
    # Earlier writes must not reach the disk during the measurement.
    sync
    times=$({ TIMEFORMAT='%R %U %S'; time "$@" >/dev/null 2>errors; } 2>&1) || { cat errors >&2; exit 1; }
    printf '%s\t%s\n' "$name" "${times// /$'\t'}"
}

printf 'what\twall\tuser\tsystem\n'
for ((round = 0; round < ${BENCH_ROUNDS:-2}; round++)); do
    rm -rf store sqlite.db back
    "$command" --store store init 2>/dev/null
    measure 'storage put' "$command" --store store put file
    measure 'SQLite put' python3 sqlite.py put
    measure 'storage get' "$command" --store store get file back
    cmp file back
    rm back
    measure 'SQLite get' python3 sqlite.py get
    cmp file back
    rm back
    measure 'cp and sync' bash -c 'cp file back && sync back'
done
