#!/usr/bin/env bash
# Runs cargo-mutants over the engine: changes one expression at a time, and reports the changes that no unit test detects.
#
#   scripts/mutants.sh [FILE ...]     files of crates/engine/src, as structures/btree/page.rs; all by default
#
# MUTANTS_SHARD=0/8 takes every eighth mutant of each file. A run that was interrupted is resumed: mutants that were caught are
# not run again, until results/FILE is deleted. MUTANTS_DIR is where the copy of the tree, what is compiled and the
# results are; target/mutants by default. The list of those that are known, with reasons, is docs/MUTANTS.md.
#
# Runs the unit tests of the file's own folder or module, for a few files also those that go through them, and stops at the first
# that fails. The slowest tests are left out, and those in crates/engine/tests: a mutant that survives is to be tried with these by
# hand. A mutant takes some five seconds on two cores, so all of it takes a night.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo-mutants >/dev/null || cargo install --locked cargo-mutants

dir=${MUTANTS_DIR:-target/mutants}
mkdir -p "$dir/tree" "$dir/results"
dir=$(cd "$dir" && pwd)
tree=$dir/tree
engine=crates/engine

# A copy of the last commit, so that no mutant is edited or committed. Its unit tests need no crate that depends on the engine,
# and there are more mutants to compile than there is to run.
git archive HEAD | tar -x -C "$tree"
sed -i 's/^storage-engine = { opt-level = 1 }/storage-engine = { opt-level = 0 }/' "$tree/Cargo.toml"
sed -i -E '/^storage-engine = \{ path = "\."/d; /^storage-model/d' "$tree/$engine/Cargo.toml"

# libtest stops at the first failure on a nightly compiler only, or where it takes this one for such.
cat >"$dir/runner" <<'RUNNER'
#!/usr/bin/env bash
binary=$1
export RUSTC_BOOTSTRAP=1
# Kilobytes, and seconds of computing rather than of waiting: the verdict should not depend on what else the machine does.
ulimit -v 5000000
ulimit -t 60
slow=(tests::costs:: btree::tests::damage:: tests::large:: batches_agree_with_an_array every_flipped_byte_is_reported objects_of_all_sizes
  what_one_upload_was_promised a_promise_that_the_platform a_role_that_was_not_given there_are_at_most_1000 a_log_whose_mark)
# shellcheck disable=SC2086
"$binary" -Z unstable-options --fail-fast "${slow[@]/#/--skip=}" $MUTANTS_TESTS
status=$?
if ((status == 128 + $(kill -l XCPU) || status == 128 + $(kill -l KILL))); then echo "MUTANT TIMED OUT"; fi
exit $status
RUNNER
chmod +x "$dir/runner"

export CARGO_TARGET_DIR=$dir/target CARGO_PROFILE_DEV_DEBUG=false PROPTEST_CASES=32
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$dir/runner

# The tests that see most of a file.
tests_of() {
  case $1 in
    memory/*) echo memory:: ;;
    structures/*/* | subjects/*/*) echo "$(dirname "$1" | sed 's#/#::#g')::" ;;
    core/table.rs) echo core::table:: objects:: uploads:: ;;
    *) if grep -q 'mod tests' "$tree/$engine/src/$1"; then echo "$(echo "${1%.rs}" | sed 's#/#::#g')::"; else echo objects:: uploads:: regions:: log::; fi ;;
  esac
}

if (($# == 0)); then
  mapfile -t files < <(cd "$engine/src" && git ls-files '*.rs' | grep -Ev '(^|/)tests(/|\.rs$)|^testing/')
else
  files=("$@")
fi

# That the tests pass without a mutant.
passed=$dir/passed-$(git rev-parse HEAD)
if [[ ! -e $passed ]]; then
  (cd "$tree" && MUTANTS_TESTS='' cargo test --quiet -p storage-engine --lib)
  touch "$passed"
fi

for file in "${files[@]}"; do
  name=${file//\//-}
  results=$dir/results/${name%.rs}${MUTANTS_SHARD:+-${MUTANTS_SHARD/\//-of-}}
  mkdir -p "$results"
  printf '\n==> %s\n' "$file"
  status=0
  (cd "$tree" && MUTANTS_TESTS=$(tests_of "$file") cargo mutants --in-place --baseline skip --package storage-engine \
    --file "$engine/src/$file" --no-shuffle ${MUTANTS_SHARD:+--sharding round-robin --shard "$MUTANTS_SHARD"} \
    --timeout 900 --build-timeout 900 --colors never --iterate --output "$results" -C=--lib) || status=$?
  # 2: some survive; 3: some took too long.
  ((status == 0 || status == 2 || status == 3)) || exit "$status"
done

printf '\n%-22s %6s %6s %9s %9s\n' file caught missed timed-out unviable
count() { cat "$results/$1" 2>/dev/null | wc -l; }
for results in "$dir"/results/*/mutants.out; do
  slow=$({ grep -l 'MUTANT TIMED OUT' "$results"/log/* 2>/dev/null || true; } | wc -l)
  caught=$(($(count caught.txt || true) + $(count previously_caught.txt || true) - slow))
  printf '%-22s %6d %6d %9d %9d\n' "$(basename "$(dirname "$results")")" "$caught" "$(count missed.txt || true)" \
    "$(($(count timeout.txt || true) + slow))" "$(count unviable.txt || true)"
done
