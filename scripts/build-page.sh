#!/usr/bin/env bash
# Builds the page that `storage serve` shows, from packages/page into crates/cli/page, which is kept in Git so that a build of
# the command needs Rust alone.
#
#   scripts/build-page.sh           builds it
#   scripts/build-page.sh --check   fails where what is kept is not what the sources give
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# gzipped, all files together; the library that verifies signatures is most of it
limit=120000

build() (
  cd packages/page
  PAGE_OUT=$1 ../node_modules/.bin/vite build --logLevel warn
)

kept=crates/cli/page
if [[ ${1:-} == --check ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  build "$folder"
  diff -r "$folder" "$kept" >/dev/null || {
    echo "$kept is not what packages/page gives. Run scripts/build-page.sh, and commit what it writes." >&2
    exit 1
  }
else
  build "$PWD/$kept"
fi

bytes=$(cat "$kept"/* | gzip -9 | wc -c)
if ((bytes > limit)); then
  echo "The page has $bytes bytes, gzipped; at most $limit are allowed. Make it smaller, or raise the limit in this script." >&2
  exit 1
fi
echo "the page: $bytes bytes, gzipped"
