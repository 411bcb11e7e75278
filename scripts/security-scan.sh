#!/usr/bin/env bash
# Scans the images that run here, or those that are named, and writes reports and SBOMs: scripts/security-scan.sh --help
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")

[ -x "$root/.venv/bin/python" ] || { echo "==> run \`make preview\` once: it sets up the Python environment" >&2; exit 2; }
# The working directory stays the caller's: that is where --policy and --output point.
PYTHONPATH=$root exec "$root/.venv/bin/python" -m slidegenie scan-images "$@"
