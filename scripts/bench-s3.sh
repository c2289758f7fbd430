#!/usr/bin/env bash
# Measures the S3 gateway: 1 GiB as one file, and 10,000 files of 10 KB, sent and fetched by rclone and by boto3, with a store in a folder
# and with s3s-fs, which keeps each object in a file. All in one run on one disk, one after the other. Compare the ratios.
#
#   scripts/bench-s3.sh [STORAGE]   the command to measure; without it, a release build of this tree
#   BENCH_DIR=DIR BENCH_MIB=1024 BENCH_FILES=10000   where, how much, and how many
#
# The clients are those of scripts/s3.sh, which installs them. s3s-fs comes from crates.io, and is built the first time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command=${1:-}
if [[ -z $command ]]; then
  # With the workspace, or else its dependencies would be compiled once more with other features.
  cargo build --quiet --release --locked --workspace --bin storage >&2
  command=$PWD/${CARGO_TARGET_DIR:-target}/release/storage
fi
command=$(realpath "$command")
python=$PWD/target/s3-clients/bin/python
if ! command -v rclone >/dev/null || [[ ! -x $python ]]; then
  echo "scripts/bench-s3.sh: run scripts/s3.sh first, which installs rclone and boto3" >&2
  exit 1
fi
peer=$PWD/target/s3s-fs/bin/s3s-fs
[[ -x $peer ]] || cargo install --quiet --locked --root target/s3s-fs --features binary s3s-fs@0.14.1 >&2
transfer_py=$PWD/scripts/s3/bench.py

dir=$(mktemp -d "${BENCH_DIR:-/tmp}/bench-s3.XXXXXX")
server=
stop() {
  if [[ -n $server ]]; then
    kill "$server" && wait "$server" || true
    server=
  fi
}
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir"

mkdir -p files/large files/small
head -c "$((${BENCH_MIB:-1024} << 20))" /dev/urandom >files/large/file
"$python" - "${BENCH_FILES:-10000}" <<'PYTHON'
import os, sys
for number in range(int(sys.argv[1])):
    with open(f"files/small/{number:06}", "wb") as file:
        file.write(os.urandom(10_000))
PYTHON

export AWS_ACCESS_KEY_ID=WRITER AWS_SECRET_ACCESS_KEY="secret of the writer" AWS_DEFAULT_REGION=us-east-1
# rclone does not accept another bundle of certificates for S3, and the servers have none.
unset AWS_CA_BUNDLE

# Starts a server on an empty folder, and sets url.
serve() {
  rm -rf data && mkdir data
  case $1 in
    storage)
      printf '[[key]]\naccess_key = "WRITER"\nsecret_key = "secret of the writer"\nrole = "writer"\n' >credentials.toml
      chmod 600 credentials.toml
      "$command" --store data/store --quiet init
      rm -f endpoint && mkfifo endpoint
      "$command" --store data/store --json serve --listen 127.0.0.1:0 --s3 127.0.0.1:0 --s3-credentials credentials.toml >endpoint 2>served &
      server=$!
      local line
      read -r line <endpoint
      url=$(sed 's/.*"s3":"\([^"]*\)".*/\1/' <<<"$line")
      ;;
    s3s-fs)
      local port
      port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
      url=http://127.0.0.1:$port
      "$peer" --access-key WRITER --secret-key "$AWS_SECRET_ACCESS_KEY" --host 127.0.0.1 --port "$port" data >/dev/null 2>&1 &
      server=$!
      until curl --silent --output /dev/null "$url"; do sleep 0.2; done
      ;;
  esac
}

# Sends or fetches a folder: transfer CLIENT send|fetch FOLDER.
transfer() {
  case $1 in
    rclone)
      local rclone=(rclone --config rclone.conf --retries 1 --transfers 8 --checkers 8 --s3-chunk-size 8M --s3-disable-checksum)
      printf '[store]\ntype = s3\nprovider = Other\nendpoint = %s\nenv_auth = true\nregion = us-east-1\n' "$url" >rclone.conf
      if [[ $2 == send ]]; then
        "${rclone[@]}" copy "files/$3" "store:rclone/$3"
      else
        "${rclone[@]}" copy "store:rclone/$3" "back/$3"
      fi
      ;;
    boto3) "$python" "$transfer_py" "$url" "$2" "$3" ;;
  esac
}

# Prints the wall seconds of a transfer.
measure() {
  local name=$1
  shift
  # Earlier writes must not reach the disk during the measurement.
  sync
  local seconds
  seconds=$({ TIMEFORMAT='%R'; time "$@" >output 2>&1; } 2>&1) || { cat output >&2; exit 1; }
  printf '%s\t%s\n' "$name" "$seconds"
}

printf 'what\tseconds\n'
for kind in large small; do
  for client in rclone boto3; do
    for name in storage s3s-fs; do
      serve "$name"
      "$python" "$transfer_py" "$url" bucket "$client"
      measure "$name, $client, send $kind" transfer "$client" send "$kind"
      measure "$name, $client, fetch $kind" transfer "$client" fetch "$kind"
      diff -r "files/$kind" "back/$kind"
      rm -r back
      stop
    done
  done
done
