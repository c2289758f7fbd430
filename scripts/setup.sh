#!/usr/bin/env bash
# Installs what a build and the tests need and a fresh machine may lack. Where everything is there, it changes nothing.
#
#   scripts/setup.sh          Rust's parts, the packages of npm, and Chromium for the tests of the page
#   scripts/setup.sh --core   Rust's parts
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=wasm32-unknown-unknown

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

setup_rust() {
  # Without rustup, for example with the Rust of a distribution, the compiler may still have all it needs.
  if ! command -v rustup >/dev/null; then
    command -v cargo >/dev/null || fail \
      "Rust is not installed. To install it, run:" \
      "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" \
      "and then this script again."
    local libraries
    libraries=$(rustc --print target-libdir --target "$target")
    [[ -d $libraries ]] || fail \
      "This Rust cannot build for $target, and there is no rustup to add that." \
      "Install rustup (https://rustup.rs), or the package of your distribution with the $target library."
    return
  fi

  # rust-toolchain.toml names the version, the components and the target; this installs what of it is missing.
  local channel installed component
  channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
  if ! rustup toolchain list | grep -q "^$channel"; then
    rustup toolchain install "$channel" --profile minimal
  fi
  installed=$(rustup target list --installed --toolchain "$channel")
  grep -qx "$target" <<<"$installed" || rustup target add --toolchain "$channel" "$target"
  installed=$(rustup component list --installed --toolchain "$channel")
  for component in clippy rustfmt; do
    grep -q "^$component" <<<"$installed" || rustup component add --toolchain "$channel" "$component"
  done
}

# The packages of packages/package-lock.json. npm writes the list of what is installed last.
setup_npm() {
  local major installed=packages/node_modules/.package-lock.json
  command -v npm >/dev/null && command -v node >/dev/null || fail \
    "Node.js is not installed. Install version 20 or later (https://nodejs.org), and run this script again." \
    "The tests that need Rust alone run without it: scripts/test.sh --core"
  major=$(node -p 'process.versions.node.split(".")[0]')
  ((major >= 20)) || fail "Node.js $(node --version) is too old. Install version 20 or later (https://nodejs.org)."
  if [[ ! -f $installed || packages/package-lock.json -nt $installed ]]; then
    npm ci --prefix packages --no-audit --no-fund --loglevel=error
    touch "$installed"
  fi
}

# Any Chromium will do; CHROMIUM names one that has another name.
setup_chromium() {
  [[ -z ${CHROMIUM:-} ]] || return 0
  ! command -v chromium >/dev/null || return 0
  local as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo -n); fi
  command -v apt-get >/dev/null || fail \
    "Chromium is not installed, and there is no apt-get to install it with." \
    "Install Chromium or Chrome, and run: export CHROMIUM=/path/to/it"
  {
    "${as_root[@]}" apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends chromium >/dev/null
  } || fail "Chromium could not be installed. Install it, or run: export CHROMIUM=/path/to/it"
}

setup_rust
case ${1:-} in
  --core) ;;
  "")
    setup_npm
    setup_chromium
    ;;
  *) fail "scripts/setup.sh: $1 is not an option; use: scripts/setup.sh [--core]" ;;
esac
