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

allow_missing=false
case ${1:-} in
  "") ;;
  --allow-missing) allow_missing=true ;;
  *)
    echo "scripts/clients.sh: unknown option $1; use: scripts/clients.sh [--allow-missing]" >&2
    exit 2
    ;;
esac

icp_version=1.5.0
python_packages=("icp-py-core==2.3.1" "cbor2<6") # From 6, cbor2 decodes tagged lists as tuples, which icp-py-core rejects.

tools=$PWD/target/clients
folder=$(mktemp -d)
passed=() missing=()
server=

stop() {
  if [[ -n $server ]]; then
    kill "$server"
    wait "$server"
    server=
  fi
}
trap 'stop || true; rm -rf "$folder"' EXIT

# Records a client that cannot be installed, with the reason.
is_missing() {
  missing+=("$1 ($2)")
}

# Installs icp of npm. Fails if that is not possible.
install_icp() {
  if ! command -v npm >/dev/null; then is_missing icp "npm is not installed" && return 1; fi
  npm install --silent --no-audit --no-fund --prefix "$tools" "@icp-sdk/icp-cli-linux-x64@$icp_version" ||
    { is_missing icp "npm cannot install @icp-sdk/icp-cli-linux-x64" && return 1; }
}

# Installs icp-py-core of PyPI in a virtual environment. Fails if that is not possible.
install_python() {
  if ! command -v python3 >/dev/null; then is_missing icp-py-core "python3 is not installed" && return 1; fi
  [[ -x $tools/python/bin/python ]] || python3 -m venv "$tools/python" ||
    { is_missing icp-py-core "python3 cannot create a virtual environment" && return 1; }
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check "${python_packages[@]}" ||
    { is_missing icp-py-core "pip cannot install ${python_packages[*]}" && return 1; }
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

if [[ -z ${STORAGE:-} ]]; then
  cargo build --quiet --locked --workspace --bin storage
  STORAGE=$PWD/target/debug/storage
fi
export STORAGE_STORE=$folder/store
storage=$STORAGE
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
if install_python; then
  has_python=true
  python_key=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
  controllers+=("$(python principal "$python_key")")
fi

serve "${controllers[@]}"
if $has_icp; then use_icp; fi
if $has_python; then use_python; fi
stop
"$storage" check >/dev/null

for client in "${passed[@]}"; do echo "passed: $client"; done
for client in "${missing[@]}"; do echo "did not run: $client" >&2; done
if [[ ${#missing[@]} -gt 0 ]] && ! $allow_missing; then
  echo "scripts/clients.sh: a required client is missing; --allow-missing skips it" >&2
  exit 1
fi
