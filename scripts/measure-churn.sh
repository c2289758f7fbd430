#!/usr/bin/env bash
# Measures how the arena holds up when extents of mixed sizes come and go, millions of times.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo run --locked --release -p storage-engine --features testing --example churn
