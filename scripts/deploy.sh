#!/usr/bin/env bash
# Deploys the canister with icp-cli or dfx, whichever is installed.
#
#   scripts/deploy.sh          to a local network, which must be running
#   scripts/deploy.sh ic       to the Internet Computer; this costs cycles
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

network=${1:-local}
case $network in
  local | ic) ;;
  *)
    echo "scripts/deploy.sh: $network is not a network it knows; use: scripts/deploy.sh [local|ic]" >&2
    exit 2
    ;;
esac

if command -v icp >/dev/null; then
  [[ $network == ic ]] || icp network status >/dev/null 2>&1 || {
    echo "No local network is running. To start one, run: icp network start --background" >&2
    exit 1
  }
  exec icp deploy --environment "$network" storage
elif command -v dfx >/dev/null; then
  [[ $network == ic ]] || dfx ping >/dev/null 2>&1 || {
    echo "No local network is running. To start one, run: dfx start --background" >&2
    exit 1
  }
  exec dfx deploy --network "$network" storage
else
  echo "Neither icp nor dfx is installed. To install icp-cli, run: npm install -g @icp-sdk/icp-cli" >&2
  exit 1
fi
