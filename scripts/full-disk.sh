#!/usr/bin/env bash
# Fills a real disk of 40 MB, a tmpfs, with a store, and looks at what still works. The tests of embedded-ic do the same on
# a simulated disk; this is the operating system's.
#
#   scripts/full-disk.sh [STORAGE]   the command to try; without it, a debug build of this tree
#
# It mounts the tmpfs in a separate namespace, which needs no rights if the system allows user namespaces.
# Otherwise it fails with exit code 77: nothing was tested.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${FULL_DISK:-} ]]; then
  command=${1:-}
  if [[ -z $command ]]; then
    cargo build --quiet --locked --workspace --bin storage >&2
    command=${CARGO_TARGET_DIR:-target}/debug/storage
  fi
  FULL_DISK=$(mktemp -d)
  export FULL_DISK
  trap 'rm -rf "$FULL_DISK"' EXIT
  mkdir "$FULL_DISK/disk"
  mount_it='mount -t tmpfs -o size=40000000 none "$FULL_DISK/disk"'
  if ! unshare --map-root-user --mount sh -c "$mount_it" 2>"$FULL_DISK/why"; then
    echo "scripts/full-disk.sh: not tried, because no tmpfs can be mounted here: $(cat "$FULL_DISK/why")" >&2
    exit 77
  fi
  unshare --map-root-user --mount bash -c "$mount_it"' && exec scripts/full-disk.sh "$0"' "$(realpath "$command")"
  exit
fi

command=$1
disk=$FULL_DISK/disk
export STORAGE_CACHE_DIR=$FULL_DISK/cache
storage() { "$command" --store "$disk/store" "$@" 2>"$FULL_DISK/said"; }
fail() {
  echo "scripts/full-disk.sh: $*" >&2
  cat "$FULL_DISK/said" >&2
  exit 1
}
works() { storage "$@" || fail "this must work: storage $*"; }
refused() {
  if storage "$@"; then fail "this must be refused: storage $*"; fi
  grep -q "$disk" "$FULL_DISK/said" || fail "the error of storage $* does not name the disk"
}

head -c 20000000 /dev/urandom >"$FULL_DISK/file"
head -c 1000 "$FULL_DISK/file" >"$FULL_DISK/small"

works init
works put "$FULL_DISK/file" one
# Before it is sent, and while it comes through a pipe.
refused put "$FULL_DISK/file" two
[[ -z $(works uploads ls) ]] || fail "a part was sent of what cannot fit"
refused put - two <"$FULL_DISK/file"
# Something else takes what is left.
head -c 40000000 /dev/zero >"$disk/filler" 2>/dev/null || true
[[ $(works ls) == *one* ]] || fail "the object is not listed"
works get one "$FULL_DISK/back"
cmp "$FULL_DISK/file" "$FULL_DISK/back"
works status >/dev/null
refused put "$FULL_DISK/file" one
works rm one
[[ -z $(works ls) ]] || fail "the object is still listed"
rm "$disk/filler"
works put "$FULL_DISK/small" small
works put "$FULL_DISK/file" three
works get three "$FULL_DISK/back"
cmp "$FULL_DISK/file" "$FULL_DISK/back"
works check >/dev/null
echo "A disk of 40 MB was filled: reading and removing worked, puts were refused with the disk's name, and nothing was lost."
