#!/usr/bin/env bash
# Serves a store and uses it with clients from npm and PyPI: icp of icp-cli, and icp-py-core. The Rust client and ic-agent
# are tested by cargo test.
#
#   scripts/clients.sh                   fails if a client cannot be installed
#   scripts/clients.sh --allow-missing   skips clients that cannot be installed, and lists them
#
#   STORAGE=FILE   the storage command; the default is to build it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source scripts/served-clients.sh

icp_version=1.5.0
python_packages=("icp-py-core==2.3.1" "cbor2<6") # From 6, cbor2 decodes tagged lists as tuples, which icp-py-core rejects.

tools=$PWD/target/clients

# Installs icp of npm. Fails if that is not possible.
install_icp() {
  if ! command -v npm >/dev/null; then is_missing icp "npm is not installed" && return 1; fi
  npm install --silent --no-audit --no-fund --prefix "$tools" "@icp-sdk/icp-cli-linux-x64@$icp_version" ||
    { is_missing icp "npm cannot install @icp-sdk/icp-cli-linux-x64" && return 1; }
}

icp() {
  DO_NOT_TRACK=1 ICP_HOME=$folder/icp "$tools/node_modules/@icp-sdk/icp-cli-linux-x64/bin/icp" "$@"
}

python() {
  "$tools/python/bin/python" integration-tests/examples/clients/client.py "$@"
}

# Starts the server for these controllers, and sets url, canister and root_key.
serve() {
  local args=() controller
  for controller in "$@"; do args+=(--controller "$controller"); done
  mkfifo "$folder/endpoint"
  "$storage" --json serve --listen 127.0.0.1:0 "${args[@]}" >"$folder/endpoint" &
  server=$!
  local line
  read -r line <"$folder/endpoint"
  field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" <<<"$line"; }
  url=$(field url) canister=$(field canister) root_key=$(field root_key)
}

# Fails with what was expected.
expect() {
  [[ $2 == *"$3"* ]] || {
    printf 'scripts/clients.sh: %s: expected %s in:\n%s\n' "$1" "$3" "$2" >&2
    exit 1
  }
}

use_icp() {
  local target=(--network "$url" --root-key "$root_key" --identity clients)
  local candid=(--candid storage.did)
  expect "icp put" "$(icp canister call "${candid[@]}" "${target[@]}" "$canister" put '("icp/key", blob "value")')" Ok
  expect "icp get" "$(icp canister call "${candid[@]}" "${target[@]}" --query "$canister" get '("icp/key")')" value
  expect "icp get of a missing key" \
    "$(icp canister call "${candid[@]}" "${target[@]}" --query "$canister" get '("icp/none")')" NotFound
  expect "icp canister metadata" "$(icp canister metadata "${target[@]}" "$canister" candid:service)" "service :"
  expect "icp canister status" "$(icp canister status "${target[@]}" "$canister")" "$icp_principal"
  passed+=("icp $icp_version")
}

use_python() {
  python use "$python_key" "$url" "$canister"
  passed+=("icp-py-core 2.3.1")
}

find_storage
mkdir -p "$tools"
"$storage" --quiet init

controllers=()
has_icp=false has_python=false
if install_icp; then
  has_icp=true
  icp identity new clients --storage plaintext >/dev/null
  icp_principal=$(icp identity principal --identity clients)
  controllers+=("$icp_principal")
fi
if install_python icp-py-core "$tools/python" "${python_packages[@]}"; then
  has_python=true
  python_key=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
  controllers+=("$(python principal "$python_key")")
fi

serve "${controllers[@]}"
if $has_icp; then use_icp; fi
if $has_python; then use_python; fi
stop
"$storage" check >/dev/null

report
