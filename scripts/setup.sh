#!/usr/bin/env bash
# Installs what a build needs and a fresh machine may lack. Where everything is there, it changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=wasm32-unknown-unknown

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Without rustup, for example with the Rust of a distribution, the compiler may still have all it needs.
if ! command -v rustup >/dev/null; then
  command -v cargo >/dev/null || fail \
    "Rust is not installed. To install it, run:" \
    "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" \
    "and then this script again."
  libraries=$(rustc --print target-libdir --target "$target")
  [[ -d $libraries ]] || fail \
    "This Rust cannot build for $target, and there is no rustup to add that." \
    "Install rustup (https://rustup.rs), or the package of your distribution with the $target library."
  exit 0
fi

# rust-toolchain.toml names the version, the components and the target; this installs what of it is missing.
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
