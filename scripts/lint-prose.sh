#!/usr/bin/env bash
# Finds phrases that scripts/prose.tsv lists, in every text that a person reads: documents, comments, messages, names.
#
#   scripts/lint-prose.sh              checks the repository; fails if a phrase is found
#   scripts/lint-prose.sh FILE...      checks these files
#   scripts/lint-prose.sh --self-test  checks that the script itself finds what it must
#
# A line with the words "lint-prose: allow" in a comment is not checked. Say there why the phrase is right.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

list=scripts/prose.tsv

# The texts of the repository, without those that are generated or that define the phrases.
repository_files() {
  local excluded=(':!scripts/prose.tsv' ':!scripts/lint-prose.sh' ':!docs/*.tsv' ':!packages/storage-js/src/bindings' ':!crates/cli/page')
  git ls-files -- '*.md' '*.rs' '*.did' '*.sh' '*.toml' '*.ts' '*.mjs' '*.yml' '*.yaml' "${excluded[@]}"
}

# Prints a line for each phrase found in the files: FILE:LINE: "PHRASE": write "PREFERRED". Returns 1 if there is any.
lint() {
  awk -v list="$list" '
    BEGIN {
      FS = "\t"
      while ((getline line < list) > 0) {
        if (line ~ /^#/ || line == "") continue
        split(line, column, "\t")
        count++
        pattern[count] = "(^|[^a-z0-9_])(" column[1] ")([^a-z0-9_]|$)"
        preferred[count] = column[2]
        all = all (count > 1 ? "|" : "") column[1]
      }
      if (count == 0) { print "no phrases in " list > "/dev/stderr"; exit 2 }
      all = "(^|[^a-z0-9_])(" all ")([^a-z0-9_]|$)"
    }
    {
      text = $0
      gsub(/Promise[<.(]/, "", text) # the type of JavaScript
      text = tolower(text)
      if (text !~ all || text ~ /lint-prose: allow/) next
      for (i = 1; i <= count; i++) {
        if (match(text, pattern[i])) {
          phrase = substr(text, RSTART, RLENGTH)
          gsub(/^[^a-z]+|[^a-z]+$/, "", phrase)
          printf "%s:%d: \"%s\": write \"%s\"\n", FILENAME, FNR, phrase, preferred[i]
          found++
        }
      }
    }
    END { exit found ? 1 : 0 }
  ' "$@"
}

self_test() {
  local folder
  folder=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$folder'" EXIT
  printf 'The upload is resumed.\nThe upload goes on with what is missing.\n' >"$folder/bad.md"
  printf 'The upload is resumed.\nThey say "at once". <!-- lint-prose: allow, a quotation -->\n' >"$folder/good.md"
  local expected="$folder/bad.md:2: \"goes on with\": write \"continue, resume, go to\""
  if [[ "$(lint "$folder/bad.md")" != "$expected" ]]; then
    echo "scripts/lint-prose.sh does not find a phrase of its list" >&2
    return 1
  fi
  lint "$folder/good.md" || { echo "scripts/lint-prose.sh reports a line that is allowed" >&2; return 1; }
}

case ${1:-} in
  --self-test) self_test ;;
  "")
    files=()
    while IFS= read -r file; do [[ -f $file ]] && files+=("$file"); done < <(repository_files)
    lint "${files[@]}" || {
      echo "The preferred terms are in $list. Rewrite the sentence, or end the line with a comment: lint-prose: allow, REASON" >&2
      exit 1
    }
    ;;
  *) lint "$@" ;;
esac
