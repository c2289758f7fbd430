# What the scripts that use clients with a served store have in common. They source it with their arguments, from the root of the
# repository.

script=scripts/$(basename "$0")
allow_missing=false
case ${1:-} in
  "") ;;
  --allow-missing) allow_missing=true ;;
  *)
    echo "$script: unknown option $1; use: $script [--allow-missing]" >&2
    exit 2
    ;;
esac

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

# Installs packages of PyPI in a virtual environment: install_python CLIENTS FOLDER PACKAGE... Fails if that is not possible.
install_python() {
  local clients=$1 environment=$2
  shift 2
  if ! command -v python3 >/dev/null; then is_missing "$clients" "python3 is not installed" && return 1; fi
  [[ -x $environment/bin/python ]] || python3 -m venv "$environment" ||
    { is_missing "$clients" "python3 cannot create a virtual environment" && return 1; }
  "$environment/bin/pip" install --quiet --disable-pip-version-check "$@" ||
    { is_missing "$clients" "pip cannot install $*" && return 1; }
}

# Sets storage to the command, which is built unless STORAGE names it, and STORAGE_STORE to a folder for a store.
find_storage() {
  if [[ -z ${STORAGE:-} ]]; then
    cargo build --quiet --locked --workspace --bin storage
    STORAGE=$PWD/target/debug/storage
  fi
  storage=$(realpath "$STORAGE")
  export STORAGE_STORE=$folder/store
}

# Prints which clients passed and which did not run. Fails if one did not run that must.
report() {
  local client
  for client in "${passed[@]}"; do echo "passed: $client"; done
  for client in "${missing[@]}"; do echo "did not run: $client" >&2; done
  if [[ ${#missing[@]} -gt 0 ]] && ! $allow_missing; then
    echo "$script: a required client is missing; --allow-missing skips it" >&2
    exit 1
  fi
}
